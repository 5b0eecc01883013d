# SPDX-License-Identifier: Apache-2.0
"""Of several times that a step is done, the one that keeps the gold's order counts, and the first of those."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.matching import lookalikes, main_visits, standing_in
from ovpo.sop.judging.reading import Reading
from ovpo.sop.judging.visits import Run, Visit, tell

ROWS = 6


def visits(*steps: int, seen: float = 1.0) -> list[Visit]:
    return [
        Visit(step, at * ROWS, (at + 1) * ROWS, step * ROWS, (step + 1) * ROWS, seen) for at, step in enumerate(steps)
    ]


def places(chosen: tuple[Visit | None, ...]) -> list[int | None]:
    """Tell which of the visits counts for each step."""
    return [visit.first // ROWS if visit else None for visit in chosen]


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        ((0, 1, 2), [0, 1, 2]),
        ((0, 1, 1, 2), [0, 1, 3]),
        ((0, 1, 1, 1, 2), [0, 1, 4]),
        ((0, 0, 1, 2), [0, 2, 3]),
        ((0, 1, 2, 2), [0, 1, 2]),
        ((0, 1, 2, 0), [0, 1, 2]),
        ((0, 1, 2, 1), [0, 1, 2]),
        ((1, 0, 1, 2), [1, 2, 3]),
        ((2, 0, 1, 2), [1, 2, 3]),
        ((0, 2, 1), [0, 2, 1]),
        ((2, 1, 0), [2, 1, 0]),
        ((0, 2), [0, None, 1]),
        ((1,), [None, 0, None]),
        ((), [None, None, None]),
    ],
)
def test_one_visit_counts_as_the_doing_of_a_step(done: tuple[int, ...], expected: list[int | None]) -> None:
    assert places(main_visits(visits(*done), 3)) == expected


def test_a_visit_that_shows_most_of_its_step_is_as_good_as_a_later_one_that_shows_all() -> None:
    first, later = Visit(0, 0, 6, 0, 5, 0.85), Visit(0, 6, 12, 0, 6, 1.0)
    assert main_visits([first, later], 1) == (first,)


def test_a_whole_visit_counts_before_a_glimpse() -> None:
    glimpse, whole = Visit(0, 0, 2, 0, 2, 0.35), Visit(0, 6, 12, 0, 6, 1.0)
    assert main_visits([glimpse, whole], 1) == (whole,)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), max_size=8))
def test_as_many_steps_as_possible_keep_the_golds_order_and_none_that_was_done_is_forgotten(done: list[int]) -> None:
    chosen = main_visits(visits(*done), 5)
    assert {visit.step for visit in chosen if visit} == set(done)
    assert all(visit is None or visit.step == step for step, visit in enumerate(chosen))
    assert _longest_rising([visit.first for visit in chosen if visit]) == _longest_rising(done)


def _longest_rising(values: list[int]) -> int:
    return max(
        size
        for size in range(len(values) + 1)
        if any(all(before < after for before, after in pairwise(some)) for some in combinations(values, size))
    )


def run_of(*steps: int) -> Run:
    """Give a run in which each gold row of these steps is shown."""
    gold = np.concatenate([np.arange(step * ROWS, (step + 1) * ROWS) for step in steps]).astype(np.int32)
    jumped = np.zeros(len(gold), np.bool_)
    jumped[::ROWS] = True
    reading = Reading(gold, gold + 1, jumped, 0.0)
    return tell(reading, np.repeat(np.arange(4), ROWS).astype(np.int32), np.ones(len(gold), np.bool_))


def test_what_does_not_look_like_the_trainees_own_step_is_no_repetition() -> None:
    run = run_of(0, 1, 0, 1)
    rows = np.repeat(np.eye(4, dtype=np.float32)[[0, 1, 0, 3]], ROWS, axis=0)
    main = main_visits(run.visits, 4)
    assert places(main) == [0, 1, None, None]
    assert [visit.first // ROWS for visit in lookalikes(run, main, rows, 0.6)] == [3]
    assert lookalikes(run, main, rows, 0.0) == ()


def test_a_repetition_is_recognised_a_row_earlier_or_later_too() -> None:
    run = run_of(0, 0)
    own = np.eye(2 * ROWS, dtype=np.float32)
    rows = np.concatenate([own[:ROWS], np.roll(own[:ROWS], 1, axis=0)])
    assert lookalikes(run, main_visits(run.visits, 4), rows, 0.6) == ()


@pytest.mark.parametrize(
    ("done", "place"),
    [
        ((0, 0, 2, 3), 1),
        ((0, 1, 0, 3), 2),
        ((3, 1, 2, 3), 0),
        ((0, 1, 2, 0), 3),
        ((0, 2, 3, 0), None),
        ((0, 2, 0, 3), None),
        ((0, 0, 0, 3), None),
        ((0, 1, 1, 2, 3), None),
        ((0, 2, 2, 1, 1, 3, 4), None),
    ],
)
def test_only_what_stands_alone_where_a_step_is_missing_is_that_step(done: tuple[int, ...], place: int | None) -> None:
    steps = tuple(GoldStep(str(number), number * ROWS, number * ROWS + ROWS) for number in range(4))
    seen = visits(*(step for step in done if step < 4))
    found = standing_in(seen, main_visits(seen, 4), steps, Limits())
    assert [visit.first // ROWS for visit in found] == ([] if place is None else [place])


@pytest.mark.parametrize(("rows", "stands"), [(2, False), (4, True), (11, True), (13, False)])
def test_what_stands_for_a_step_takes_about_its_time(rows: int, stands: bool) -> None:
    steps = tuple(GoldStep(str(number), number * ROWS, number * ROWS + ROWS) for number in range(3))
    seen = [
        Visit(0, 0, ROWS, 0, ROWS, 1.0),
        Visit(0, ROWS, ROWS + rows, 0, ROWS, 1.0),
        Visit(2, ROWS + rows, 2 * ROWS + rows, 2 * ROWS, 3 * ROWS, 1.0),
    ]
    assert bool(standing_in(seen, main_visits(seen, 3), steps, Limits())) is stands
