# SPDX-License-Identifier: Apache-2.0
"""Each thing that is done otherwise than in the gold is told once, by its name and its time, and nothing else is."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.embedding import Embedding
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.finding import findings
from ovpo.sop.result import Interval
from tests.unit.sop.judging.acting import (
    CALIBRATION,
    LIMITS,
    ROW,
    Act,
    Judged,
    Part,
    Rest,
    film,
    gold_of,
    judge,
    steps_of,
)

ALL = tuple(map(Act, range(5)))
ONE_SECOND = 1.0
Told = list[tuple[str, tuple[int, ...]]]


def acts(*numbers: int) -> list[Part]:
    return [Act(number) for number in numbers]


def done(*parts: Part) -> list[Part]:
    """Give the procedure with these in place of the third step."""
    return [Act(0), Act(1), *parts, Act(3), Act(4)]


def told(parts: Sequence[Part], *, seed: int = 1, camera: float = 0.0) -> Told:
    return judge(film(parts, seed=seed, camera=camera)).told


def near(one: Interval | None, start: float, end: float) -> bool:
    return one is not None and abs(one.start - start) <= ONE_SECOND and abs(one.end - end) <= ONE_SECOND


FAULTS: dict[str, tuple[list[Part], tuple[str, tuple[int, ...]], tuple[float, float]]] = {
    "first left out": (acts(1, 2, 3, 4), ("step_missing", (1,)), (0, 0)),
    "middle left out": (acts(0, 1, 3, 4), ("step_missing", (3,)), (12, 12)),
    "last left out": (acts(0, 1, 2, 3), ("step_missing", (5,)), (24, 24)),
    "neighbours exchanged": (acts(0, 2, 1, 3, 4), ("order_swap", (2, 3)), (6, 18)),
    "first two exchanged": (acts(1, 0, 2, 3, 4), ("order_swap", (1, 2)), (0, 12)),
    "far ones exchanged": (acts(0, 4, 2, 3, 1), ("order_swap", (2, 5)), (6, 30)),
    "ends exchanged": (acts(4, 1, 2, 3, 0), ("order_swap", (1, 5)), (0, 30)),
    "moved": (acts(0, 2, 3, 1, 4), ("order_swap", (2,)), (18, 24)),
    "again at once": (acts(0, 1, 1, 2, 3, 4), ("repeated_step", (2,)), (12, 18)),
    "again later": (acts(0, 1, 2, 3, 1, 4), ("repeated_step", (2,)), (24, 30)),
    "again at the end": (acts(0, 1, 2, 3, 4, 0), ("repeated_step", (1,)), (30, 36)),
    "last again": (acts(0, 1, 2, 3, 4, 4), ("repeated_step", (5,)), (30, 36)),
    "begun anew": (done(Act(2), Act(2, 12, 0, 0.5)), ("repeated_step", (3,)), (18, 21)),
    "extra between": ([*acts(0, 1), Act(15, 16), *acts(2, 3, 4)], ("extra_step", ()), (12, 16)),
    "extra inside": (done(Act(2, 12, 0, 0.5), Act(15, 16), Act(2, 12, 0.5, 1)), ("extra_step", ()), (15, 19)),
    "extra before": ([Act(15, 16), *ALL], ("extra_step", ()), (0, 4)),
    "extra after": ([*ALL, Act(15, 16)], ("extra_step", ()), (30, 34)),
    "slow": (done(Act(2, 48)), ("over_time", (3,)), (12, 24)),
    "fast": (done(Act(2, 8)), ("under_time", (3,)), (12, 14)),
    "middle done otherwise": (
        done(Act(2, 7, 0, 0.3), Act(16, 10), Act(2, 7, 0.7, 1)),
        ("execution_deviation", (3,)),
        (13.75, 16.25),
    ),
    "beginning done otherwise": (done(Act(16, 10), Act(2, 14, 0.42, 1)), ("execution_deviation", (3,)), (12, 14.5)),
    "end done otherwise": (done(Act(2, 14, 0, 0.58), Act(16, 10)), ("execution_deviation", (3,)), (15.5, 18)),
    "wholly done otherwise": (done(Act(16)), ("execution_deviation", (3,)), (12, 18)),
    "first wholly done otherwise": ([Act(16), *ALL[1:]], ("execution_deviation", (1,)), (0, 6)),
    "last wholly done otherwise": ([*ALL[:4], Act(16)], ("execution_deviation", (5,)), (24, 30)),
    "uneven": (done(Act(2, 18, 0, 0.35), Act(2, 6, 0.35, 1)), ("temporal_warp", (3,)), (12, 18)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_cause_is_told_once_with_its_steps_and_its_time(fault: str) -> None:
    parts, expected, (start, end) = FAULTS[fault]
    judged = judge(film(parts, seed=3))
    assert judged.told == [expected]
    (deviation,) = judged.deviations
    assert near(deviation.trainee, start, end)
    assert deviation.names == tuple(f"act {number - 1}" for number in deviation.steps)
    assert 0.5 <= deviation.confidence <= 1
    assert 0 < deviation.severity <= 1
    assert all(name in deviation.sentence for name in deviation.names)
    for interval, moment in (
        (deviation.gold, deviation.evidence.gold),
        (deviation.trainee, deviation.evidence.trainee),
    ):
        assert (moment is None) == (interval is None)
        if moment is not None and interval is not None:
            assert interval.start <= moment <= interval.end


@pytest.mark.parametrize("fault", FAULTS)
def test_stillness_around_the_procedure_changes_only_the_times(fault: str) -> None:
    parts, expected, (start, end) = FAULTS[fault]
    judged = judge(film([Rest(16), *parts, Rest(20)], seed=4))
    assert judged.told == [expected]
    assert near(judged.deviations[0].trainee, start + 4, end + 4)


@pytest.mark.parametrize("fault", FAULTS)
def test_another_camera_lowers_every_cosine_and_changes_nothing(fault: str) -> None:
    parts, expected, (start, end) = FAULTS[fault]
    judged = judge(film(parts, seed=5, camera=0.8))
    assert judged.case.expected < 0.85
    assert judged.told == [expected]
    assert near(judged.deviations[0].trainee, start, end)


@pytest.mark.parametrize("seed", range(4))
def test_an_honest_retake_has_no_deviation(seed: int) -> None:
    assert told(ALL, seed=seed) == []
    assert told([Rest(16), *ALL, Rest(20)], seed=seed) == []


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([Act(number, 27) for number in range(5)], id="a tenth slower"),
        pytest.param([Act(number, 20) for number in range(5)], id="a sixth faster"),
        pytest.param([Act(number, 22 + number) for number in range(5)], id="uneven from step to step"),
        pytest.param([Act(0), Act(15, 4), *ALL[1:]], id="a short moment of something else"),
        pytest.param(done(Act(2, 10, 0, 0.4), Act(16, 5), Act(2, 10, 0.6, 1)), id="a short moment done otherwise"),
        pytest.param([Act(15, 8), *ALL, Act(16, 8)], id="a little before and after"),
    ],
)
def test_what_stays_within_the_limits_is_no_deviation(parts: list[Part]) -> None:
    assert told(parts) == []


@pytest.mark.parametrize("noise", [0.05, 0.6, 0.9])
def test_noise_makes_no_deviation(noise: float) -> None:
    assert judge(film(ALL, seed=2, noise=noise)).told == []


def test_the_gold_against_itself_has_no_deviation_and_a_straight_path() -> None:
    gold = gold_of(5)
    judged = judge(gold)
    assert judged.deviations == ()
    path = findings(judged.case, (), LIMITS).path
    np.testing.assert_array_equal(path, np.stack([np.arange(120)] * 2, axis=1))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(acts(0, 3, 4), [("step_missing", (2,)), ("step_missing", (3,))], id="two left out"),
        pytest.param(acts(1, 2, 3), [("step_missing", (1,)), ("step_missing", (5,))], id="both ends left out"),
        pytest.param(acts(1, 0, 3, 2, 4), [("order_swap", (1, 2)), ("order_swap", (3, 4))], id="two exchanges"),
        pytest.param(acts(4, 3, 2, 1, 0), [("order_swap", (1, 5)), ("order_swap", (2, 4))], id="backwards"),
        pytest.param(acts(1, 0, 2, 4), [("order_swap", (1, 2)), ("step_missing", (4,))], id="exchange and omission"),
        pytest.param(acts(0, 1, 1, 1, 2, 3, 4), [("repeated_step", (2,))] * 2, id="thrice"),
        pytest.param(acts(0, 1, 0, 1, 2, 3, 4), [("repeated_step", (1,)), ("repeated_step", (2,))], id="two again"),
        pytest.param(
            [Act(0), Act(15, 16), *acts(1, 2), Act(16, 16), *acts(3, 4)], [("extra_step", ())] * 2, id="two extras"
        ),
        pytest.param(
            [*acts(0, 2, 3), Act(15, 16), Act(4)], [("step_missing", (2,)), ("extra_step", ())], id="omission and extra"
        ),
        pytest.param(
            [*acts(0, 1), Act(2, 48), Act(4)], [("over_time", (3,)), ("step_missing", (4,))], id="slow and omission"
        ),
    ],
)
def test_two_causes_are_told_in_the_order_of_the_video(parts: list[Part], expected: Told) -> None:
    judged = judge(film(parts, seed=6))
    assert judged.told == expected
    starts = [one.trainee.start for one in judged.deviations if one.trainee]
    assert all(before <= after for before, after in pairwise(starts))


@pytest.mark.parametrize(
    "parts", [[Act(15), Act(16)], [Rest(40)], [Act(0, 1)], [Act(0, 2)]], ids=["other work", "nothing", "1", "2"]
)
def test_where_nothing_of_the_gold_is_seen_every_step_is_missing(parts: list[Part]) -> None:
    judged = judge(film(parts))
    assert judged.told == [("step_missing", (number,)) for number in range(1, 6)]
    found = findings(judged.case, judged.deviations, LIMITS)
    assert found.path.shape == (0, 2)
    assert all(step.trainee is None and step.pace is None and step.similarity is None for step in found.steps)


def test_a_glimpse_of_a_step_is_not_its_doing() -> None:
    assert told(done(Act(2, 5, 0.8, 1))) == [("step_missing", (3,))]


def test_a_step_that_is_begun_anew_after_something_else_is_repeated() -> None:
    parts = done(Act(2), Act(15, 16), Act(2))
    assert told(parts) == [("extra_step", ()), ("repeated_step", (3,))]


def test_a_short_moment_done_otherwise_is_read_as_part_of_its_step() -> None:
    judged = judge(film(done(Act(2, 10, 0, 0.4), Act(16, 4), Act(2, 10, 0.6, 1)), seed=1))
    assert judged.told == []
    read = judged.case.gold_row[48:72]
    assert (np.diff(read) >= 0).all()
    assert read.min() >= 48
    assert read.max() < 72


def test_a_chance_likeness_does_not_part_what_was_done_otherwise() -> None:
    parts = done(Act(2, 6, 0, 0.25), Act(16, 6), Act(2, 3, 0.45, 0.58), Act(16, 6), Act(2, 6, 0.75, 1))
    judged = judge(film(parts, seed=1))
    assert judged.told == [("execution_deviation", (3,))]
    assert near(judged.deviations[0].trainee, 13.5, 17.25)


def test_an_extra_step_during_which_the_gold_hardly_goes_on_is_one() -> None:
    assert told(done(Act(2, 10, 0, 0.43), Act(15, 24), Act(2, 10, 0.57, 1))) == [("extra_step", ())]


def test_what_looks_like_the_gold_but_not_like_the_trainees_own_step_is_something_else() -> None:
    trainee = film(done(Act(2), Act(2)), seed=1, noise=0.9)
    lenient = structs.replace(CALIBRATION, again=0.3)
    assert judge(trainee, calibration=lenient).told == [("repeated_step", (3,))]
    assert judge(trainee, calibration=structs.replace(CALIBRATION, again=0.7)).told == [("extra_step", ())]


def test_a_recording_that_begins_amid_the_first_step_does_not_make_it_too_short() -> None:
    parts = [Act(0, 10, 0.58, 1), *ALL[1:]]
    assert told(parts) == []
    assert told([Rest(8), *parts]) == [("under_time", (1,))]


@pytest.mark.parametrize(("motion", "expected"), [(0.002, []), (0.01, [("extra_step", ())])])
def test_a_still_bench_is_no_work_whatever_it_looks_like(motion: float, expected: Told) -> None:
    plain = film([Act(15, 16), *ALL])
    quiet = structs.replace(plain.sidecar, motion=(motion,) * 16 + plain.sidecar.motion[16:])
    assert judge(Embedding(plain.rows, quiet)).told == expected


def test_work_in_the_dark_is_not_seen() -> None:
    plain = film(ALL)
    light = [0.5] * 120
    light[96:] = [0.01] * 24
    dark = Embedding(plain.rows, structs.replace(plain.sidecar, brightness=tuple(light)))
    assert judge(dark).told == [("step_missing", (5,))]


def test_a_gold_of_one_step_is_judged() -> None:
    steps = steps_of(1)
    assert judge(film([Act(0)]), steps=steps).told == []
    assert judge(film([Act(0), Act(0)]), steps=steps).told == [("repeated_step", (1,))]
    assert judge(film([Rest(8), Act(15)]), steps=steps).told == [("step_missing", (1,))]


@pytest.mark.parametrize(
    ("steps", "parts", "expected"),
    [
        ((GoldStep("act 0", 0, 24, max_seconds=5.0),), [Act(0)], [("over_time", (1,))]),
        ((GoldStep("act 0", 0, 24, min_seconds=7.0),), [Act(0)], [("under_time", (1,))]),
        ((GoldStep("act 0", 0, 24, min_seconds=5.0, max_seconds=7.0),), [Act(0)], []),
    ],
)
def test_a_definitions_seconds_are_kept_whatever_the_gold_took(
    steps: tuple[GoldStep, ...], parts: list[Part], expected: Told
) -> None:
    assert judge(film(parts), steps=steps).told == expected


def test_an_extra_step_amid_a_step_is_not_that_steps_time() -> None:
    parts = done(Act(2, 12, 0, 0.5), Act(15, 24), Act(2, 12, 0.5, 1))
    assert told(parts) == [("extra_step", ())]


def test_a_wider_limit_takes_a_deviation_away() -> None:
    def with_limits(fault: str, **limits: float) -> Judged:
        return judge(film(FAULTS[fault][0], seed=3), limits=structs.replace(LIMITS, **limits))

    assert with_limits("extra between", extra_seconds=5.0).told == []
    assert with_limits("extra before", end_seconds=5.0).told == []
    assert with_limits("middle done otherwise", deviation_seconds=3.5).told == []
    assert with_limits("slow", over=2.5).told == []
    assert with_limits("fast", under=0.2).told == []
    assert with_limits("begun anew", repeat_share=0.8).told == []
    assert with_limits("uneven", warp=0.5).told == []
    assert with_limits("uneven", warp_seconds=7.0).told == []


def test_every_step_is_accounted_for() -> None:
    judged = judge(film(acts(0, 2, 1, 1, 4)))
    found = findings(judged.case, judged.deviations, LIMITS)
    assert [step.number for step in found.steps] == [1, 2, 3, 4, 5]
    first, second, third, fourth, fifth = found.steps
    assert near(first.trainee, 0, 6)
    assert near(second.trainee, 12, 18)
    assert near(third.trainee, 6, 12)
    assert near(fifth.trainee, 24, 30)
    assert (fourth.trainee, fourth.pace, fourth.similarity) == (None, None, None)
    (again,) = second.repeats
    assert near(again, 18, 24)
    assert all(step.repeats == () for step in found.steps if step is not second)
    assert second.pace == pytest.approx(1, abs=0.1)
    assert second.similarity is not None
    assert 0.8 < second.similarity <= 1
    assert second.gold == Interval(6.0, 12.0)


def test_findings_tell_the_procedure_without_what_is_around_it() -> None:
    judged = judge(film([Rest(16), *ALL, Rest(20)]))
    found = findings(judged.case, judged.deviations, LIMITS)
    assert near(found.procedure, 4, 34)
    assert (found.gold_rows, found.row_seconds) == (120, ROW)
    assert found.path[:, 1].min() >= 16
    assert len(found.path) == len(found.similarity)
    assert (np.diff(found.path[:, 1]) > 0).all()
    assert found.least == pytest.approx(0.7 * found.expected)
