# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime

import msgspec
import pytest

from bench.sop import measures
from bench.sop.goals import goals
from bench.sop.judging import Judged, judge, overlap
from bench.sop.pairs import Kind, Pair
from bench.sop.scenes.script import truth
from bench.sop.scenes.takes import Act, FaultPlan, Motion, Procedure, Step, Take
from ovpo.sop.result import (
    Alignment,
    Deviation,
    DeviationType,
    FramePair,
    Interval,
    Result,
    StepResult,
    Verdict,
    Versions,
    VideoFacts,
)

STEPS = tuple(
    Step(name=f"step {number}", act=Act(number, number, Motion.TURN), seconds=10.0, leaves=False)
    for number in range(1, 5)
)
PROCEDURE = Procedure(seed=1, style=0, steps=STEPS)
MISSING = FaultPlan(type=DeviationType.STEP_MISSING, step=2)
SLOW = FaultPlan(type=DeviationType.OVER_TIME, step=3, factor=2.0)


def pair(*faults: FaultPlan, kind: Kind = Kind.FAULT, name: str = "001-fault") -> Pair:
    gold = Take(procedure=PROCEDURE)
    return Pair(name=name, generator="tune", kind=kind, gold=gold, trainee=Take(procedure=PROCEDURE, faults=faults))


def told(kind: DeviationType, *steps: int, trainee: Interval | None = None) -> Deviation:
    return Deviation(
        type=kind,
        steps=steps,
        names=tuple(f"step {step}" for step in steps),
        trainee=trainee,
        confidence=0.9,
        severity=1.0,
        sentence="It is so.",
        evidence=FramePair(),
    )


def result(
    of: Pair, *deviations: Deviation, score: float | None = 100.0, verdict: Verdict = Verdict.PASS, late: float = 0.0
) -> Result:
    gold, trainee = truth(of.gold).by_number(), truth(of.trainee).by_number()
    steps = tuple(
        StepResult(
            number=number,
            name=step.name,
            critical=False,
            gold=step.interval,
            trainee=Interval(trainee[number].start + late, trainee[number].end + late) if number in trainee else None,
        )
        for number, step in gold.items()
    )
    facts = VideoFacts(sha256="0", name="a", seconds=40, clips=160, width=4, height=4, frames_per_second=4)
    return Result(
        task_id="a",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        verdict=verdict,
        reasons=(),
        score=score,
        threshold=80,
        gold=facts,
        trainee=facts,
        steps=steps,
        deviations=deviations,
        metrics=(),
        alignment=Alignment(path=(), mean_cost=0),
        settings={},
        versions=Versions(ovpo="1", embedder="a", adapter="a", calibration="a"),
    )


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(Interval(0, 10), Interval(0, 10)) == 1
    assert overlap(Interval(0, 10), Interval(5, 15)) == pytest.approx(1 / 3)
    assert overlap(Interval(0, 10), Interval(12, 15)) == 0


def test_a_missing_step_is_found_by_type_and_step_alone() -> None:
    of = pair(MISSING)
    assert judge(of, result(of, told(DeviationType.STEP_MISSING, 2)), 1.0).hits == ((0, 0),)
    wrong = judge(of, result(of, told(DeviationType.STEP_MISSING, 3)), 1.0)
    assert (wrong.hits, wrong.false_alarms) == ((), 1)


@pytest.mark.parametrize(("end", "found"), [(40.0, True), (31.0, True), (29.0, False), (61.0, False)])
def test_a_slow_step_is_found_only_where_it_is(end: float, found: bool) -> None:
    of = pair(SLOW)
    judged = judge(of, result(of, told(DeviationType.OVER_TIME, 3, trainee=Interval(20, end))), 1.0)
    assert bool(judged.hits) is found
    assert judged.near == (() if found else (0,))


def test_one_found_deviation_stands_for_one_fault_only() -> None:
    of = pair(SLOW)
    twice = [told(DeviationType.OVER_TIME, 3, trainee=Interval(20, end)) for end in (38, 40)]
    judged = judge(of, result(of, *twice), 1.0)
    assert judged.hits == ((0, 1),)
    assert judged.false_alarms == 1


def test_boundaries_are_measured_in_both_videos() -> None:
    of = pair(MISSING)
    judged = judge(of, result(of, late=0.25), 1.0)
    assert judged.boundaries == pytest.approx([0.25] * 6)
    assert judged.gold_boundaries == pytest.approx([0.0] * 8)


def test_found_steps_are_mapped_to_the_true_ones_by_their_time() -> None:
    of = pair(MISSING)
    whole = result(of)
    halves = [
        StepResult(number=number, name="", critical=False, gold=Interval(start, start + 5))
        for number, start in enumerate(range(0, 40, 5), start=1)
    ]
    missing = [told(DeviationType.STEP_MISSING, number) for number in (3, 4)]
    split = msgspec.structs.replace(whole, steps=tuple(halves), deviations=tuple(missing))
    judged = judge(of, split, 1.0, found_steps=True)
    assert judged.hits == ((0, 0),)
    assert judged.false_alarms == 0
    assert judged.gold_boundaries == pytest.approx([0.0] * 8)


def made(*of: tuple[Pair, Result]) -> list[Judged]:
    return [judge(one, seen, 1.0) for one, seen in of]


def test_rates_count_what_is_true_what_is_told_and_what_is_right() -> None:
    missing, slow, clean = pair(MISSING), pair(SLOW), pair(kind=Kind.CLEAN)
    judged = made(
        (missing, result(missing, told(DeviationType.STEP_MISSING, 2))),
        (slow, result(slow)),
        (clean, result(clean, told(DeviationType.STEP_MISSING, 1))),
    )
    rates = measures.rates(judged)
    seen = rates[DeviationType.STEP_MISSING]
    assert (seen.true, seen.found, seen.right) == (1, 2, 1)
    assert (seen.precision, seen.recall, seen.f1) == pytest.approx((0.5, 1.0, 2 / 3))
    assert rates[DeviationType.OVER_TIME].f1 == 0


def test_a_clean_retake_is_good_only_with_points_and_without_deviations() -> None:
    clean = pair(kind=Kind.CLEAN)
    judged = made(
        (clean, result(clean)),
        (clean, result(clean, score=90)),
        (clean, result(clean, told(DeviationType.STEP_MISSING, 1))),
        (clean, result(clean, score=None, verdict=Verdict.CANNOT_JUDGE)),
    )
    seen = measures.clean(judged)["all"]
    assert (seen.takes, seen.without, seen.good, seen.false_alarms, seen.passed) == (4, 2, 1, 1, 3)
    assert seen.least == 0


@pytest.mark.parametrize(("scores", "tau"), [((100, 80, 60, 40), 1.0), ((40, 60, 80, 100), -1.0), ((9, 9, 9, 9), 0.0)])
def test_rank_agreement_is_one_where_graver_takes_score_lower(scores: tuple[float, ...], tau: float) -> None:
    assert measures.rank_agreement([list(enumerate(scores))]) == pytest.approx(tau)


def test_takes_are_ranked_within_their_procedure() -> None:
    none, one = pair(kind=Kind.GRADED, name="000-graded-0"), pair(MISSING, kind=Kind.GRADED, name="000-graded-1")
    other = pair(MISSING, kind=Kind.GRADED, name="004-graded-1")
    judged = made((none, result(none)), (one, result(one, score=70)), (other, result(other, score=90)))
    assert measures.graded(judged) == [[(0, 100), (1, 70)], [(1, 90)]]


def test_a_slow_take_is_held_against_one_that_skips() -> None:
    slow, missing = pair(SLOW), pair(MISSING)
    judged = made((slow, result(slow, score=90)), (missing, result(missing, score=70)))
    assert measures.slow_above_skipped(judged) == 1
    assert measures.slow_above_skipped(judged[:1]) is None


def test_an_unrelated_video_may_also_score_low() -> None:
    other = pair(kind=Kind.UNRELATED)
    judged = made(
        (other, result(other, score=None, verdict=Verdict.CANNOT_JUDGE)),
        (other, result(other, score=10, verdict=Verdict.FAIL)),
        (other, result(other, score=30, verdict=Verdict.FAIL)),
    )
    assert measures.refused(judged, Kind.UNRELATED, 20) == (2, 3)
    assert measures.refused(judged, Kind.UNRELATED) == (1, 3)


def test_the_worst_pairs_are_those_with_most_that_was_missed_or_wrongly_told() -> None:
    missing, clean, other = pair(MISSING), pair(kind=Kind.CLEAN), pair(kind=Kind.UNRELATED)
    judged = made(
        (missing, result(missing, told(DeviationType.STEP_MISSING, 3))),
        (clean, result(clean, score=90)),
        (other, result(other)),
        (missing, result(missing, told(DeviationType.STEP_MISSING, 2))),
    )
    assert [measures.wrongs(one) for one in judged] == [2, 1, 1, 0]
    assert measures.wrongs(msgspec.structs.replace(judged[3], error="raised")) > 2


def test_what_was_not_measured_reaches_no_goal() -> None:
    reached = {goal.name: goal.ok for goal in goals([])}
    assert not any(ok for name, ok in reached.items() if "raised" not in name)


def test_goals_are_reached_by_an_engine_that_is_always_right() -> None:
    clean, missing, unrelated = pair(kind=Kind.CLEAN), pair(MISSING), pair(kind=Kind.UNRELATED)
    judged = made(
        (clean, result(clean)),
        (missing, result(missing, told(DeviationType.STEP_MISSING, 2), verdict=Verdict.FAIL)),
        (unrelated, result(unrelated, score=None, verdict=Verdict.CANNOT_JUDGE)),
    )
    reached = {goal.name: goal.ok for goal in goals(judged)}
    assert reached["F1, step_missing"]
    assert not reached["F1, order_swap"]
    assert reached["clean retakes, all nuisances: ≥ 95 points and no deviation"]
    assert reached["boundary error in the trainee's video, median"]
    assert reached["unrelated video: cannot_judge, or a score under 20"]
