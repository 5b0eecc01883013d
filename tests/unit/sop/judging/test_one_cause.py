# SPDX-License-Identifier: Apache-2.0
"""One cause is told once."""

import pytest

from tests.unit.sop.judging.acting import Act, Part, film, judge, steps_of

ALL = tuple(map(Act, range(5)))


@pytest.mark.parametrize(
    ("parts", "step"),
    [
        ([Act(16, 14), Act(0, 10, 0.6, 1), *ALL[1:]], 1),
        ([Act(0), Act(1, 10, 0, 0.4), Act(16, 14), *ALL[2:]], 2),
        ([*ALL[:4], Act(4, 10, 0, 0.4), Act(16, 14)], 5),
    ],
)
def test_a_step_whose_end_was_done_otherwise_is_not_too_short_as_well(parts: list[Part], step: int) -> None:
    assert judge(film(parts)).told == [("execution_deviation", (step,))]


@pytest.mark.parametrize("rows", [24, 40, 56])
@pytest.mark.parametrize("at", [0.3, 0.5, 0.7])
def test_an_extra_step_amid_a_step_is_neither_its_time_nor_its_pace(rows: int, at: float) -> None:
    before = round(24 * at)
    parts = [Act(0), Act(1), Act(2, before, 0, at), Act(15, rows), Act(2, 24 - before, at, 1), Act(3), Act(4)]
    assert judge(film(parts)).told == [("extra_step", ())]


def test_an_extra_step_amid_a_step_does_not_make_the_trainee_slow() -> None:
    parts = [Act(0, 12, 0, 0.5), Act(16), Act(0, 12, 0.5, 1), Act(1, 31), Act(2)]
    assert judge(film(parts), steps=steps_of(3)).told == [("extra_step", ()), ("over_time", (2,))]
