# SPDX-License-Identifier: Apache-2.0
"""Which windows are stale on the real database: exactly those that a rebuild would change, and none else."""

from uuid import UUID, uuid4

import pytest

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.sop.catalogue.adapting import adapt
from ovpo.sop.procedures.queueing import queue_stale
from ovpo.sop.training.asking import ask
from ovpo.sop.training.staleness import ranges, stale_windows
from ovpo.sop.training.training import train
from ovpo.sop.working import EMBED, SCORE, Hours, Workplace
from tests.integration.sop.training.conftest import DAY, HOUR, NOW, OLD_MAKER, OTHER, TENANT, WHOLE_DAY, Shelf, at

DEFINITION = """
INSERT INTO sop_definitions (tenant_id, task_id, version, content, created_by, created_at, retired_at)
VALUES (%s, %s, %s, 'text', 'somebody', %s, %s)
"""
REFERENCE = """
INSERT INTO sop_tasks (tenant_id, task_id, gold_id, updated_at) VALUES (%(tenant)s, %(task)s, %(gold)s, %(now)s)
ON CONFLICT (tenant_id, task_id) DO UPDATE SET gold_id = EXCLUDED.gold_id
"""
MOVED = "SELECT DISTINCT window_start FROM sop_scores WHERE state = 'queued' AND reason_code IS NULL ORDER BY 1"


def stale(place: Workplace) -> list[int]:
    with place.transaction() as connection:
        return [(one.window_start - DAY) // HOUR for one in stale_windows(connection, 100)]


def name(place: Workplace) -> str:
    with place.transaction() as connection:
        (found,) = ranges(stale_windows(connection, 100))
    return found.name


def refer(shelf: Shelf, task: str, gold: UUID | None, tenant: str = TENANT) -> None:
    shelf.do(REFERENCE, {"tenant": tenant, "task": task, "gold": gold, "now": NOW})


class World:
    """A gold and a champion, through which the gold went, and a trainee in an hour of its own for each score."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.former = shelf.adapter("a", "retired")
        self.champion = shelf.adapter("b", "champion")
        self.gold = shelf.gold("a", 0)
        shelf.adapted(self.gold, self.champion)
        refer(shelf, "a", self.gold)

    def trainee(self, hour: int, adapter: str | None = None, tenant: str = TENANT) -> UUID:
        trainee = self.shelf.trainee("a", hour, hour=hour, tenant=tenant)
        self.shelf.adapted(trainee, adapter or self.champion, tenant=tenant)
        return trainee

    def score(self, hour: int, **other: object) -> UUID:
        trainee = self.trainee(hour)
        self.shelf.score(trainee, **{"gold": self.gold, "task": "a", "hour": hour, "adapter": self.champion, **other})  # type: ignore[arg-type]
        return trainee


@pytest.fixture
def world(shelf: Shelf) -> World:
    return World(shelf)


def test_what_stands_on_what_holds_now_is_not_stale(world: World, place: Workplace) -> None:
    world.score(1)
    world.trainee(2)
    assert stale(place) == []


def test_an_embedding_that_went_through_another_adapter_is_stale(world: World, place: Workplace) -> None:
    world.trainee(1)
    world.trainee(2, world.former)
    assert stale(place) == [2]


def test_one_that_went_through_none_or_was_made_anew_is_stale_unless_its_hour_is_worked_on(
    world: World, place: Workplace
) -> None:
    world.shelf.trainee("a", 1, hour=1)
    anew = world.trainee(2)
    world.shelf.do("UPDATE sop_embeddings SET created_at = %s WHERE video_id = %s", (NOW + HOUR, anew))
    world.shelf.trainee("a", 3, hour=3)
    with place.transaction() as connection:
        arrival = Arrival(TENANT, str(uuid4()), "embed")
        Session(connection).register(EMBED, [(uuid4(), arrival)], NOW, DAY + 3 * HOUR)
    assert stale(place) == [1, 2]


def test_a_score_of_another_adapter_or_maker_is_stale(world: World, place: Workplace) -> None:
    world.score(1, adapter=world.former)
    world.score(2, adapter="feature_adapter_20261101T000000Z_fitted")
    world.score(3, maker=OLD_MAKER)
    assert stale(place) == [1, 2, 3]


def test_without_a_champion_a_fitted_adapter_is_as_good_as_any(world: World, place: Workplace) -> None:
    gold = world.shelf.gold("a", 0, tenant=OTHER)
    trainee = world.shelf.trainee("a", 1, hour=1, tenant=OTHER)
    refer(world.shelf, "a", gold, OTHER)
    fitted = "feature_adapter_20261101T000000Z_fitted"
    world.shelf.score(trainee, gold, task="a", hour=1, tenant=OTHER, adapter=fitted)
    assert stale(place) == []


def test_a_score_beside_another_gold_is_stale_unless_that_gold_was_asked_for(world: World, place: Workplace) -> None:
    second = world.shelf.gold("a", 1)
    world.shelf.adapted(second, world.champion)
    world.score(1, gold=second)
    world.score(2, gold=second, wanted=second)
    assert stale(place) == [1]
    refer(world.shelf, "a", second)
    assert stale(place) == []


def test_a_score_by_another_definition_is_stale_unless_that_version_was_asked_for(
    world: World, place: Workplace
) -> None:
    for version, retired in ((1, None), (2, None), (3, NOW)):
        world.shelf.do(DEFINITION, (TENANT, "a", version, NOW, retired))
    world.score(1)
    world.score(2, definition=1)
    world.score(3, definition=2)
    world.score(4, definition=1, wanted_definition=1)
    world.score(5, definition=3)
    assert stale(place) == [1, 2, 5]


def test_what_cannot_be_made_anew_now_is_not_stale(world: World, place: Workplace) -> None:
    gone = world.score(1, adapter=world.former)
    world.shelf.do("UPDATE sop_videos SET state = 'deleted' WHERE video_id = %s", (gone,))
    waiting = world.score(2, maker=OLD_MAKER, adapter=world.former)
    world.shelf.do("DELETE FROM sop_embeddings WHERE video_id = %s", (waiting,))
    for hour, state in enumerate(("waiting", "queued", "started", "failed", "canceled"), 3):
        world.score(hour, adapter=world.former, state=state)
    assert stale(place) == []
    refer(world.shelf, "a", None)
    world.score(9, adapter=world.former)
    assert stale(place) == []


def test_a_score_that_failed_for_want_of_its_embedding_is_stale_once_that_is_there(
    world: World, place: Workplace
) -> None:
    world.score(1, state="failed", code="not_embedded")
    assert stale(place) == [1]


def test_a_score_whose_run_died_before_its_report_is_stale_unless_its_hour_is_worked_on(
    world: World, place: Workplace
) -> None:
    for hour in (1, 2):
        world.score(hour, report=None)
    gone = world.score(3, report=None)
    world.shelf.do("UPDATE sop_videos SET state = 'deleted' WHERE video_id = %s", (gone,))
    assert stale(place) == [1, 2]
    with place.transaction() as connection:
        Session(connection).register(SCORE, [(uuid4(), Arrival(TENANT, str(uuid4()), "score"))], NOW, DAY + 2 * HOUR)
    assert stale(place) == [1]


def test_the_windows_with_stale_scores_are_those_that_a_run_would_score_anew(world: World, place: Workplace) -> None:
    second = world.shelf.gold("a", 1)
    world.shelf.adapted(second, world.champion)
    world.shelf.do(DEFINITION, (TENANT, "a", 1, NOW, None))
    sound: dict[str, object] = {"definition": 1}
    others: list[dict[str, object]] = [
        sound,
        {**sound, "adapter": world.former},
        {**sound, "maker": OLD_MAKER},
        {**sound, "gold": second},
        {**sound, "gold": second, "wanted": second},
        {"definition": None},
        {"definition": 7, "wanted_definition": 7},
        {**sound, "state": "failed", "code": "not_embedded"},
        {**sound, "state": "failed", "code": "video_gone"},
        {**sound, "state": "waiting", "adapter": world.former},
    ]
    for hour, other in enumerate(others, 1):
        world.score(hour, **other)
    found = stale(place)
    assert found == [2, 3, 4, 6, 8]
    assert found == scored_anew(place)


def scored_anew(place: Workplace) -> list[int]:
    """Let the scoring choose what is stale, without keeping that it did."""
    with place.transaction() as connection:
        queue_stale(connection, WHOLE_DAY, "1", NOW)
        windows = [(window - DAY) // HOUR for (window,) in connection.execute(MOVED)]
        connection.rollback()
    return windows


def test_a_new_champion_makes_the_windows_of_its_tenant_stale_and_adapting_them_ends_that(
    place: Workplace, shelf: Shelf
) -> None:
    for hour in (0, 1, 4):
        shelf.gold("a", hour, hour=hour)
        shelf.gold("b", hour, hour=hour + 1, tenant=OTHER)
    shelf.trainee("a", 0, hour=7)
    for tenant in (TENANT, OTHER):
        with place.transaction() as connection:
            ask(connection, tenant, "key:abcd1234", NOW)
    train(place, WHOLE_DAY)
    adapt(place, WHOLE_DAY)
    assert stale(place) == []
    shelf.gold("a", 9, hour=9)
    with place.transaction() as connection:
        ask(connection, TENANT, "key:abcd1234", NOW + HOUR)
    train(at(place, "run-2", NOW + HOUR), WHOLE_DAY)
    assert stale(place) == [0, 1, 4, 7, 9]
    later = at(place, "run-3", NOW + 2 * HOUR)
    with place.transaction() as connection:
        found = ranges(stale_windows(connection, 100))
    assert (found[0].first, found[0].last) == (DAY, DAY + HOUR)
    adapt(later, Hours(found[0].first, found[0].last))
    assert stale(place) == [4, 7, 9]
    for one in found[1:]:
        adapt(later, Hours(one.first, one.last))
    assert stale(place) == []


def test_a_rebuild_that_changed_nothing_leaves_the_name_and_another_aim_or_result_changes_it(
    world: World, place: Workplace
) -> None:
    second, third = world.shelf.gold("a", 1), world.shelf.gold("a", 2)
    for gold in (second, third):
        world.shelf.adapted(gold, world.champion)
    world.score(1)
    refer(world.shelf, "a", second)
    first = name(place)
    assert name(place) == first
    refer(world.shelf, "a", third)
    assert name(place) != first
    world.shelf.do("UPDATE sop_scores SET finished_at = %s", (NOW + HOUR,))
    refer(world.shelf, "a", second)
    assert name(place) != first


def test_the_oldest_windows_are_listed_first_and_only_so_many(world: World, place: Workplace) -> None:
    for hour in (5, 2, 8):
        world.trainee(hour, world.former)
    with place.transaction() as connection:
        found = stale_windows(connection, 2)
    assert [(one.window_start - DAY) // HOUR for one in found] == [2, 5]


def test_nothing_is_stale_before_anything_was_embedded(place: Workplace) -> None:
    assert stale(place) == []
