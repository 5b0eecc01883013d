# SPDX-License-Identifier: Apache-2.0
"""A verdict says what a run comes to, in codes for machines and in sentences that say what to do."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec import structs

from ovpo.sop.judging.findings import Findings
from ovpo.sop.result import Deviation, DeviationType, Interval, Verdict
from ovpo.sop.scoring.settings import USUAL, Scoring
from ovpo.sop.scoring.verdict import judge
from tests.unit.sop.findings_builder import deviation, performed
from tests.unit.sop.scoring.test_score import any_run

MISSING, SWAP, EXTRA, REPEAT, SLOW, FAST, WRONG, WARP = (
    DeviationType.STEP_MISSING,
    DeviationType.ORDER_SWAP,
    DeviationType.EXTRA_STEP,
    DeviationType.REPEATED_STEP,
    DeviationType.OVER_TIME,
    DeviationType.UNDER_TIME,
    DeviationType.EXECUTION_DEVIATION,
    DeviationType.TEMPORAL_WARP,
)
STRICT = structs.replace(USUAL, threshold=94.0)


def outcome(run: Findings, scoring: Scoring = USUAL) -> tuple[Verdict, list[str]]:
    """Judge a run and give the verdict with the codes of its reasons."""
    judged = judge(run, scoring)
    return judged.verdict, [reason.code for reason in judged.reasons]


@pytest.mark.parametrize(
    ("deviations", "critical", "scoring", "verdict", "codes"),
    [
        ([], [], USUAL, Verdict.PASS, ["passed"]),
        ([], [1, 2], structs.replace(USUAL, threshold=100.0), Verdict.PASS, ["passed"]),
        ([deviation(SWAP, 2, 3)], [1], USUAL, Verdict.PASS, ["passed"]),
        ([deviation(SWAP, 2, 3, severity=0.0)], [3], USUAL, Verdict.FAIL, ["critical_step"]),
        ([deviation(SWAP, 2, 3, confidence=0.5)], [3], USUAL, Verdict.NEEDS_REVIEW, ["uncertain_deviation"]),
        ([deviation(WRONG, 2, severity=0.4)], [2], USUAL, Verdict.FAIL, ["critical_step"]),
        ([deviation(WRONG, 2, severity=0.2)], [2], USUAL, Verdict.PASS, ["passed"]),
        ([deviation(SLOW, 2, severity=0.2)], [2], USUAL, Verdict.PASS, ["passed"]),
        ([deviation(SLOW, 2, severity=0.8)], [2], USUAL, Verdict.FAIL, ["critical_step"]),
        ([deviation(FAST, 2, severity=0.8)], [2], USUAL, Verdict.FAIL, ["critical_step"]),
        ([deviation(WARP, 2, severity=1.0)], [2], USUAL, Verdict.PASS, ["passed"]),
        ([deviation(REPEAT, 2, severity=1.0)], [2], USUAL, Verdict.PASS, ["passed"]),
        ([deviation(SWAP, 2, 3)], [], STRICT, Verdict.NEEDS_REVIEW, ["near_threshold"]),
        ([deviation(SWAP, 2, 3), deviation(EXTRA)], [], STRICT, Verdict.FAIL, ["below_threshold"]),
        (
            [deviation(SWAP, 2, 3, confidence=0.9), deviation(EXTRA, confidence=0.3)],
            [],
            structs.replace(STRICT, review_band=1.0, threshold=93.0),
            Verdict.NEEDS_REVIEW,
            ["uncertain_deviation"],
        ),
        (
            [deviation(EXTRA, confidence=0.9), deviation(SWAP, 2, 3, confidence=0.3)],
            [],
            STRICT,
            Verdict.FAIL,
            ["below_threshold"],
        ),
        (
            [deviation(SWAP, 2, 3)],
            [2],
            structs.replace(STRICT, threshold=95.0),
            Verdict.FAIL,
            ["critical_step", "below_threshold"],
        ),
    ],
)
def test_the_verdict_follows_from_deviations_and_settings(
    deviations: list[Deviation], critical: list[int], scoring: Scoring, verdict: Verdict, codes: list[str]
) -> None:
    assert outcome(performed(deviations=deviations, critical=critical), scoring) == (verdict, codes)


def test_a_missing_step_fails_and_the_reason_names_what_cost_most() -> None:
    judged = judge(performed([1, 2, 4, 5, 6]), USUAL)
    assert judged.verdict is Verdict.FAIL
    assert "80 are needed; most was lost by steps left out" in judged.reasons[0].sentence


def test_a_critical_step_that_is_missing_is_named() -> None:
    judged = judge(performed([1, 2, 4, 5, 6], critical=[3]), USUAL)
    assert judged.reasons[0].sentence == "A critical step is concerned: It went wrong."


def test_a_missing_step_of_low_confidence_is_left_to_a_person() -> None:
    run = performed([1, 2, 4, 5, 6])
    unsure = replace(run, deviations=(deviation(MISSING, 3, confidence=0.4),))
    assert outcome(unsure) == (Verdict.NEEDS_REVIEW, ["uncertain_deviation"])


@pytest.mark.parametrize(
    ("changes", "code", "advice"),
    [
        ({"brightness": np.full(3, 0.5), "motion": np.full(3, 0.1)}, "too_short", "record the whole procedure"),
        ({"brightness": np.full(120, 0.01)}, "too_dark", "put on more light"),
        ({"motion": np.full(120, 0.0002)}, "still", "see that the camera shows the place of work"),
    ],
)
def test_a_video_that_shows_nothing_cannot_be_judged(changes: dict[str, np.ndarray], code: str, advice: str) -> None:
    judged = judge(replace(performed(), **changes), USUAL)  # type: ignore[arg-type]
    assert judged.verdict is Verdict.CANNOT_JUDGE
    assert judged.mark is None
    assert [reason.code for reason in judged.reasons] == [code]
    assert advice in judged.reasons[0].sentence


def test_a_black_video_is_told_to_be_dark_and_still() -> None:
    black = replace(
        performed([]), brightness=np.zeros(80, np.float32), motion=np.zeros(80, np.float32), procedure=Interval(0, 0)
    )
    assert outcome(black) == (Verdict.CANNOT_JUDGE, ["too_dark", "still"])


def test_a_dark_and_still_stretch_before_the_procedure_is_no_obstacle() -> None:
    run = performed()
    before = np.zeros(400, np.float32)
    late = replace(
        run,
        procedure=Interval(100, 130),
        brightness=np.concatenate([before, run.brightness]),
        motion=np.concatenate([before, run.motion]),
    )
    assert outcome(late) == (Verdict.PASS, ["passed"])


def test_a_procedure_with_long_pauses_is_not_still() -> None:
    motion = np.zeros(120, np.float32)
    motion[::8] = 0.02
    assert outcome(replace(performed(), motion=motion)) == (Verdict.PASS, ["passed"])


@pytest.mark.parametrize(
    ("order", "cosine", "verdict"),
    [
        ([], 0.9, Verdict.CANNOT_JUDGE),
        ([1, 4], 0.3, Verdict.CANNOT_JUDGE),
        ([1, 4], 0.9, Verdict.FAIL),
        ([1, 2, 3, 4, 5, 6], 0.3, Verdict.CANNOT_JUDGE),
    ],
)
def test_another_procedure_is_one_of_which_no_step_is_found_or_most_does_not_look_alike(
    order: list[int], cosine: float, verdict: Verdict
) -> None:
    run = performed(order, usually=cosine)
    long = replace(run, brightness=np.full(120, 0.5), motion=np.full(120, 0.02))
    assert judge(long, USUAL).verdict is verdict


def test_a_video_of_which_a_stretch_resembles_two_steps_is_another_procedure() -> None:
    run = performed([1, 4])
    long = replace(run, procedure=Interval(0, 60), brightness=np.full(240, 0.5), motion=np.full(240, 0.02))
    judged = judge(long, USUAL)
    assert judged.verdict is Verdict.CANNOT_JUDGE
    assert judged.reasons[0].sentence.startswith(
        "Only 17% of the trainee's video looks like the gold's, and only 2 of 6"
    )


def test_an_extra_stretch_does_not_make_it_another_procedure_when_the_steps_are_there() -> None:
    run = performed()
    long = replace(run, procedure=Interval(0, 200), brightness=np.full(800, 0.5), motion=np.full(800, 0.02))
    assert outcome(long) == (Verdict.PASS, ["passed"])


@settings(deadline=None, max_examples=60)
@given(any_run())
def test_every_run_gets_a_verdict_with_reasons_in_sentences(run: Findings) -> None:
    judged = judge(run, USUAL)
    assert judged.reasons
    assert all(reason.code and reason.sentence.endswith(".") for reason in judged.reasons)
    assert (judged.mark is None) == (judged.verdict is Verdict.CANNOT_JUDGE)
    if judged.mark is not None and judged.verdict is Verdict.PASS:
        assert judged.mark.points >= USUAL.threshold
