# SPDX-License-Identifier: Apache-2.0
"""How a run works through a window: each item on its own, whatever the others do; nothing twice, nothing lost."""

import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from ovpo.foundation.ledger.items import Arrival, Item, State
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.postgres.connect import PostgresUnavailableError, admin_conninfo
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.errors import VideoError
from ovpo.sop.working import EMBED, Hours, Outcome, Worked, Workplace, work_through

HOUR = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOURS = Hours(HOUR, HOUR)


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Workplace:
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute("TRUNCATE ledger_items, ledger_windows")
    objects = open_objects(settings.objects, settings.query, tmp_path)
    return Workplace(settings, objects, Copies(objects, tmp_path / "copies"), "run-1")


def enter(place: Workplace, *subjects: str) -> None:
    with place.transaction() as connection:
        arrivals = [(uuid4(), Arrival("demo", subject, uuid4().hex)) for subject in subjects]
        Session(connection).register(EMBED, arrivals, HOUR)


def items(place: Workplace) -> dict[str, tuple[str, int, str | None]]:
    with place.transaction() as connection:
        rows = connection.execute("SELECT subject, state, attempt, reason FROM ledger_items").fetchall()
    return {subject: (state, attempt, reason) for subject, state, attempt, reason in rows}


def test_every_item_is_handled_once_by_several_threads(place: Workplace) -> None:
    enter(place, *map(str, range(40)))
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def handle(item: Item) -> Outcome:
        with lock:
            seen[item.subject] += 1
        return Outcome(State.FINISHED, result="done")

    assert work_through(place, EMBED, HOURS, handle) == Worked(finished=40)
    assert set(seen.values()) == {1}
    assert {state for state, _, _ in items(place).values()} == {"finished"}


def test_what_one_item_cannot_do_is_its_own_reason_and_the_others_are_done(place: Workplace) -> None:
    enter(place, "good", "bad", "broken")

    def handle(item: Item) -> Outcome:
        if item.subject == "bad":
            raise VideoError("no_video", "clip.mp4: is no video; export it again")
        if item.subject == "broken":
            raise ZeroDivisionError
        return Outcome(State.FINISHED)

    assert work_through(place, EMBED, HOURS, handle) == Worked(finished=1, quarantined=1, failed=1)
    found = items(place)
    assert found["bad"] == ("quarantined", 1, "no_video: clip.mp4: is no video; export it again")
    assert found["broken"][2] == "ZeroDivisionError; the log of run and item says more"


def test_a_store_that_does_not_answer_ends_the_run_and_leaves_its_item_to_be_given_back(place: Workplace) -> None:
    enter(place, "one")

    def handle(item: Item) -> Outcome:
        raise PostgresUnavailableError("PostgreSQL does not answer")

    with pytest.raises(PostgresUnavailableError):
        work_through(place, EMBED, HOURS, handle)
    assert items(place)["one"][0] == "started"
    with place.transaction() as connection:
        assert Session(connection).release("run-1", "its run failed", 3, place.now()) == 1
    assert items(place)["one"] == ("queued", 1, "its run failed")


def test_once_a_store_does_not_answer_no_thread_takes_another_item(place: Workplace) -> None:
    enter(place, *map(str, range(60)))
    first = threading.Event()

    def handle(item: Item) -> Outcome:
        if not first.is_set():
            first.set()
            raise PostgresUnavailableError("PostgreSQL does not answer")
        return Outcome(State.FINISHED)

    with pytest.raises(PostgresUnavailableError):
        work_through(place, EMBED, HOURS, handle)
    left = Counter(state for state, _, _ in items(place).values())
    assert left["started"] >= 1
    assert left["queued"] > 0


def test_a_run_whose_items_were_given_to_another_settles_none_of_them(place: Workplace) -> None:
    enter(place, "slow")

    def handle(item: Item) -> Outcome:
        with place.transaction() as connection:
            Session(connection).release("run-1", "given up for dead", 3, place.now())
            Session(connection).claim(EMBED, HOUR, HOUR, "run-2", place.now())
        return Outcome(State.FINISHED)

    work_through(place, EMBED, HOURS, handle)
    assert items(place)["slow"][:2] == ("started", 2)


def test_only_the_items_of_its_windows_are_taken(place: Workplace) -> None:
    enter(place, "now")
    later = Hours(HOUR.replace(hour=10), HOUR.replace(hour=12))
    assert work_through(place, EMBED, later, lambda item: Outcome(State.FINISHED)) == Worked()
    assert items(place)["now"][0] == "queued"
