# SPDX-License-Identifier: Apache-2.0
"""A step that is done slowly is not one that is done twice, and the other way round."""

import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.calibration.calibration import DEFAULT
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.judging.anew import told_anew
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.comparing import compare
from ovpo.sop.judging.finding import find
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.reading import NOWHERE, Prices, Reading
from ovpo.sop.judging.visits import Run, tell
from tests.unit.sop.embedding.building import embedding
from tests.unit.sop.judging.acting import Act, film, judge

ROWS = 20
STEP_OF = np.repeat(np.arange(2, dtype=np.int32), ROWS)
LEVEL = 0.9


def way(step: int, rows: int, shown: float) -> Rows:
    """Give rows that go from one direction to another, more or less of the way."""
    corner = np.eye(8, dtype=np.float32)
    turn = shown * np.linspace(0, np.pi / 2, rows)[:, None]
    return np.asarray(np.cos(turn) * corner[2 * step] + np.sin(turn) * corner[2 * step + 1], np.float32)


GOLD = np.concatenate([way(0, ROWS, 1.0), way(1, ROWS, 1.0)])


def told(*acts: Act) -> list[tuple[str, tuple[int, ...]]]:
    return judge(film(acts), limits=Limits()).told


@pytest.mark.parametrize("rows", [36, 48, 58, 72])
def test_a_slow_step_is_over_its_time_and_not_repeated(rows: int) -> None:
    assert told(Act(0), Act(1), Act(2, rows), Act(3), Act(4)) == [("over_time", (3,))]


@pytest.mark.parametrize(("once", "again"), [(24, 24), (20, 26), (27, 21)])
def test_a_step_that_is_done_twice_is_repeated_and_not_over_its_time(once: int, again: int) -> None:
    assert told(Act(0), Act(1), Act(2, once), Act(2, again), Act(3), Act(4)) == [("repeated_step", (3,))]


def likeness_of(shown: list[float]) -> np.ndarray:
    """Give cosines that fall off with the distance from what a row shows, as a share of the step."""
    gold = (np.arange(2 * ROWS) % ROWS + 0.5) / ROWS
    step = np.repeat([0, 1], ROWS)
    near = 1 - 0.6 * np.abs(gold[:, None] - np.array(shown)[None])
    return np.where(step[:, None] == 0, near, 0.1).astype(np.float32)


def read(gold_row: list[int], jumped_at: int | None = None) -> Run:
    jumped = np.zeros(len(gold_row), np.bool_)
    if jumped_at is not None:
        jumped[jumped_at] = True
    rows = np.array(gold_row, np.int32)
    return tell(Reading(rows, np.zeros_like(rows), jumped, 0.0), STEP_OF, np.ones(len(rows), np.bool_))


def once(rows: int) -> list[float]:
    return list((np.arange(rows) + 0.5) / rows)


def test_two_visits_of_what_goes_through_its_step_once_become_one() -> None:
    run = read([*range(ROWS), *range(ROWS)], ROWS)
    assert len(run.visits) == 2
    told_again = told_anew(run, GOLD, likeness_of(once(2 * ROWS)), LEVEL, STEP_OF)
    assert [(visit.first, visit.end) for visit in told_again.visits] == [(0, 2 * ROWS)]
    assert not told_again.jumped.any()


def test_one_visit_of_what_begins_anew_becomes_two_that_meet_where_it_does() -> None:
    run = read([row // 2 for row in range(2 * ROWS)])
    assert len(run.visits) == 1
    told_again = told_anew(run, GOLD, likeness_of(once(ROWS - 4) + once(ROWS + 4)), LEVEL, STEP_OF)
    assert len(told_again.visits) == 2
    assert told_again.visits[0].end == told_again.visits[1].first == pytest.approx(ROWS - 4, abs=1)


def test_what_is_read_rightly_is_left_as_it_is() -> None:
    twice = read([*range(ROWS), *range(ROWS)], ROWS)
    assert told_anew(twice, GOLD, likeness_of(once(ROWS) * 2), LEVEL, STEP_OF) is twice
    slow = read([row // 2 for row in range(2 * ROWS)])
    assert told_anew(slow, GOLD, likeness_of(once(2 * ROWS)), LEVEL, STEP_OF) is slow


def video(shown: float, *parts: tuple[int, int]) -> Embedding:
    """Give a video whose steps, each with its rows, show so much of how far they have come."""
    rows = np.concatenate([way(step, count, shown) for step, count in parts])
    rows += 0.05 * np.random.default_rng(len(rows)).normal(size=rows.shape).astype(np.float32)
    plain = embedding(np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32))
    side = structs.replace(plain.sidecar, motion=(0.02,) * len(rows), brightness=(0.5,) * len(rows))
    return Embedding(plain.rows, side)


@pytest.mark.parametrize("shown", [0.6, 0.8, 1.0])
@pytest.mark.parametrize(
    ("middle", "type_"), [(((1, 90),), "over_time"), (((1, 36), (1, 36)), "repeated_step"), (((1, 40),), None)]
)
def test_little_that_shows_how_far_a_step_has_come_is_enough(
    shown: float, middle: tuple[tuple[int, int], ...], type_: str | None
) -> None:
    gold = video(shown, *((number, 40) for number in range(4)))
    steps = tuple(GoldStep(f"step {number}", 40 * number, 40 * number + 40) for number in range(4))
    case = compare(gold, video(shown, (0, 40), *middle, (2, 40), (3, 40)), steps, DEFAULT, Prices(), Limits())
    assert [one.type for one in find(case, Limits())] == ([type_] if type_ else [])


def test_of_a_step_in_which_nothing_shows_how_far_it_has_come_the_reading_stays() -> None:
    run = read([*range(ROWS), *range(ROWS)], ROWS)
    still = np.repeat(np.eye(8, dtype=np.float32)[:2], ROWS, axis=0)
    assert told_anew(run, still, likeness_of(once(2 * ROWS)), LEVEL, STEP_OF) is run


def test_two_visits_with_something_else_between_are_not_one() -> None:
    between = 30
    run = read([*range(ROWS), *[NOWHERE] * between, *range(ROWS)], ROWS + between)
    assert told_anew(run, GOLD, likeness_of(once(2 * ROWS + between)), LEVEL, STEP_OF) is run
