# SPDX-License-Identifier: Apache-2.0
"""What the ledger promises: nothing registered twice, claimed twice, or settled by a run given up for dead."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from psycopg_pool import ConnectionPool

from ovpo.foundation.ledger.items import Arrival, State
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.postgres.connect import open_pool, transaction
from ovpo.foundation.settings.tree import PostgresRole, Settings

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HOUR = NOW.replace(minute=0)


@pytest.fixture(scope="module")
def pool(settings: Settings) -> Iterator[ConnectionPool]:
    with open_pool(settings.postgres, PostgresRole.PROCESS) as opened:
        yield opened


@pytest.fixture
def lane() -> str:
    return f"lane_{uuid4().hex}"


@contextmanager
def ledger(pool: ConnectionPool) -> Iterator[Session]:
    with transaction(pool) as connection:
        yield Session(connection)


def register(pool: ConnectionPool, lane: str, *digests: str, now: datetime = NOW) -> int:
    with ledger(pool) as session:
        return len(session.register(lane, [(uuid4(), Arrival("demo", f"s-{d}", d)) for d in digests], now))


def revision(pool: ConnectionPool, lane: str) -> int:
    with ledger(pool) as session:
        (window,) = session.pending(lane, limit=10)
        return window.revision


def test_the_same_digest_is_registered_once(pool: ConnectionPool, lane: str) -> None:
    assert register(pool, lane, "a", "b") == 2
    assert register(pool, lane, "b", "c") == 1


def test_items_fall_into_the_hour_in_which_they_were_found(pool: ConnectionPool, lane: str) -> None:
    register(pool, lane, "a")
    register(pool, lane, "b", now=NOW + timedelta(hours=2))
    with ledger(pool) as session:
        found = [(window.window_start, window.queued) for window in session.pending(lane, limit=10)]
    assert found == [(HOUR, 1), (HOUR + timedelta(hours=2), 1)]


def test_a_window_gains_a_revision_with_each_gain_and_with_nothing_else(pool: ConnectionPool, lane: str) -> None:
    register(pool, lane, "a", "b")
    assert revision(pool, lane) == 1
    register(pool, lane, "a")
    assert revision(pool, lane) == 1
    register(pool, lane, "c")
    assert revision(pool, lane) == 2


def test_claimed_items_are_settled_by_their_run_only(pool: ConnectionPool, lane: str) -> None:
    register(pool, lane, "a")
    with ledger(pool) as session:
        (item,) = session.claim(lane, HOUR, HOUR, "run-1", NOW)
        assert (item.state, item.attempt, item.run_id) == (State.STARTED, 1, "run-1")
        assert session.settle([item.item_id], "run-2", State.FINISHED, NOW) == 0
        assert session.settle([item.item_id], "run-1", State.FINISHED, NOW, result="r") == 1
        assert session.settle([item.item_id], "run-1", State.FAILED, NOW) == 0
        found = session.find(lane, item.item_id)
    assert found is not None
    assert (found.state, found.result) == (State.FINISHED, "r")


def test_a_claim_takes_only_its_windows(pool: ConnectionPool, lane: str) -> None:
    register(pool, lane, "a")
    register(pool, lane, "b", now=NOW + timedelta(hours=1))
    with ledger(pool) as session:
        assert [item.digest for item in session.claim(lane, HOUR, HOUR, "r", NOW)] == ["a"]


def test_what_a_dead_run_held_is_queued_again_under_a_new_revision_until_its_attempts_are_used_up(
    pool: ConnectionPool, lane: str
) -> None:
    register(pool, lane, "a")
    for attempt in (1, 2):
        with ledger(pool) as session:
            (item,) = session.claim(lane, HOUR, HOUR, f"run-{attempt}", NOW)
            assert session.started_runs(lane) == [f"run-{attempt}"]
            assert session.release(f"run-{attempt}", "died", 3, NOW) == 1
        assert revision(pool, lane) == attempt + 1
    with ledger(pool) as session:
        session.claim(lane, HOUR, HOUR, "run-3", NOW)
        session.release("run-3", "died again", 3, NOW)
        found = session.find(lane, item.item_id)
        assert session.pending(lane, limit=10) == []
    assert found is not None
    assert (found.state, found.attempt, found.reason) == (State.FAILED, 3, "died again")


def test_two_claims_at_once_share_the_work_and_never_an_item(pool: ConnectionPool, lane: str) -> None:
    register(pool, lane, *map(str, range(200)))
    barrier, taken = threading.Barrier(4), list[list[str]]()

    def claim(run: str) -> None:
        barrier.wait()
        with ledger(pool) as session:
            taken.append([item.digest for item in session.claim(lane, HOUR, HOUR, run, NOW)])

    threads = [threading.Thread(target=claim, args=(f"run-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = [digest for digests in taken for digest in digests]
    assert sorted(together) == sorted(map(str, range(200)))


def test_two_registrations_of_the_same_at_once_enter_it_once(pool: ConnectionPool, lane: str) -> None:
    barrier, entered = threading.Barrier(4), list[int]()

    def enter() -> None:
        barrier.wait()
        entered.append(register(pool, lane, *map(str, range(50))))

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(entered) == 50


def test_the_tally_counts_by_day_and_state(pool: ConnectionPool, lane: str) -> None:
    register(pool, lane, "a", "b")
    register(pool, lane, "c", now=NOW + timedelta(days=1))
    with ledger(pool) as session:
        session.claim(lane, HOUR, HOUR, "r", NOW)
        day = NOW.replace(hour=0, minute=0)
        found = [row for row in session.tally(day, day + timedelta(days=2)) if row.lane == lane]
    assert [(row.day, row.state, row.items, row.most_attempts) for row in found] == [
        (day, State.STARTED, 2, 1),
        (day + timedelta(days=1), State.QUEUED, 1, 0),
    ]


def test_unfinished_items_that_nothing_touched_are_stuck(pool: ConnectionPool, lane: str) -> None:
    register(pool, lane, "a")
    with ledger(pool) as session:
        late = {item.lane for item in session.stuck(NOW + timedelta(seconds=1), 10_000)}
        early = {item.lane for item in session.stuck(NOW, 10_000)}
    assert lane in late
    assert lane not in early
