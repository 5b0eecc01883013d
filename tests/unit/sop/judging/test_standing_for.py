# SPDX-License-Identifier: Apache-2.0
"""What stands for a step, what is left of one that is shown in part, and what a broken bound means."""

import pytest

from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.limits import Limits
from tests.unit.sop.judging.acting import Act, Part, Rest, film, judge

LIMITS = Limits()
ALL = tuple(map(Act, range(5)))


def told(parts: list[Part]) -> list[tuple[str, tuple[int, ...]]]:
    return judge(film(parts), limits=LIMITS).told


@pytest.mark.parametrize(("rows", "missing"), [(9, True), (14, False), (24, False), (44, False), (60, True)])
def test_only_what_takes_about_the_time_of_a_step_stands_for_it(rows: int, missing: bool) -> None:
    found = told([Act(0), Act(1), Act(16, rows), Act(3), Act(4)])
    assert (("step_missing", (3,)) in found) is missing
    assert (("execution_deviation", (3,)) in found) is not missing


def test_two_neighbouring_steps_that_were_done_otherwise_are_told_each() -> None:
    found = judge(film([Act(0), Act(16), Act(17), Act(3), Act(4)]), limits=LIMITS)
    assert found.told == [("execution_deviation", (2,)), ("execution_deviation", (3,))]
    second, third = found.deviations
    assert second.trainee is not None
    assert third.trainee is not None
    assert second.trainee.end == pytest.approx(third.trainee.start, abs=0.3)
    assert second.trainee.end == pytest.approx(12.0, abs=1.0)


@pytest.mark.parametrize("parts", [[Act(2, 14, 0, 0.3)], [Act(2, 24, 0, 0.25)]])
def test_a_step_of_which_most_is_nowhere_to_be_seen_is_not_done_well(parts: list[Part]) -> None:
    found = judge(film([Act(0), Act(1), *parts, Act(3), Act(4)]), limits=LIMITS)
    assert {number for one in found.deviations for number in one.steps} == {3}
    assert sum(one.severity for one in found.deviations) >= 0.3


def test_what_is_done_in_half_of_a_steps_place_is_told_once() -> None:
    assert told([Act(0), Act(1), Act(2, 12, 0, 0.5), Act(16, 30), Act(3), Act(4)]) == [("execution_deviation", (3,))]


def test_a_pause_is_nothing_that_is_done() -> None:
    assert told([Act(0), Act(1), Rest(16), Act(2), Act(3), Act(4)]) == []


def test_a_step_that_another_came_between_goes_on_and_is_no_extra_one() -> None:
    found = told([Act(0), Act(1), Act(2, 12, 0, 0.5), Act(3), Act(2, 12, 0.5, 1), Act(4)])
    assert "extra_step" not in {kind for kind, _ in found}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (GoldStep("act 0", 0, 24, critical=True, max_seconds=2.0), "longer than the allowed 2.0 s"),
        (GoldStep("act 0", 0, 24, critical=True, min_seconds=8.0), "less than the required 8.0 s"),
    ],
)
def test_a_broken_bound_is_severe_enough_to_hurt_a_critical_step(step: GoldStep, said: str) -> None:
    [one] = judge(film([Act(0)]), steps=(step,), limits=LIMITS).deviations
    assert one.severity >= 0.3
    assert said in one.sentence
    assert "takes 6.0 s" in one.sentence
