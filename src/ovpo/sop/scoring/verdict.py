# SPDX-License-Identifier: Apache-2.0
"""What a run comes to: whether it can be judged, whether it passes, and where a person has to look."""

from dataclasses import replace

from msgspec import Struct

from ovpo.sop.judging.findings import Findings
from ovpo.sop.result import Deviation, DeviationType, Reason, Verdict
from ovpo.sop.scoring.judgeable import obstacles
from ovpo.sop.scoring.score import Mark, mark
from ovpo.sop.scoring.settings import Scoring

ALWAYS_HURT = frozenset({DeviationType.STEP_MISSING, DeviationType.ORDER_SWAP})
HURT_IF_SEVERE = frozenset({DeviationType.EXECUTION_DEVIATION, DeviationType.OVER_TIME, DeviationType.UNDER_TIME})
WORDS = {
    "missing": "steps left out",
    "swap": "steps in another order",
    "extra": "what is no step of the procedure",
    "repeat": "steps done again",
    "deviation_share": "steps not done as in the gold",
    "over_time_ratio": "steps that took too long",
    "temporal_warp": "uneven or hasty pace",
}


class Judgement(Struct, frozen=True, kw_only=True):
    """A verdict, why, and the mark, which a video that cannot be judged does not have."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    mark: Mark | None


def judge(findings: Findings, scoring: Scoring) -> Judgement:
    """Mark a run and decide; what is decided by a deviation that may not be one is left to a person."""
    if found := obstacles(findings, scoring):
        return Judgement(verdict=Verdict.CANNOT_JUDGE, reasons=found, mark=None)
    marked = mark(findings, scoring)
    failing = _failing(findings, marked, scoring)
    if failing:
        sure = tuple(one for one in findings.deviations if one.confidence >= scoring.sure_confidence)
        certain = replace(findings, deviations=sure)
        if not _failing(certain, mark(certain, scoring), scoring):
            return Judgement(verdict=Verdict.NEEDS_REVIEW, reasons=_unsure(findings, scoring), mark=marked)
    near = _near(findings, marked, scoring)
    if near and not any(reason.code == "critical_step" for reason in failing):
        return Judgement(verdict=Verdict.NEEDS_REVIEW, reasons=(near,), mark=marked)
    if failing:
        return Judgement(verdict=Verdict.FAIL, reasons=failing, mark=marked)
    return Judgement(verdict=Verdict.PASS, reasons=(_passed(marked, scoring),), mark=marked)


def _failing(findings: Findings, marked: Mark, scoring: Scoring) -> tuple[Reason, ...]:
    critical = {step.number for step in findings.steps if step.critical}
    reasons = [
        Reason("critical_step", f"A critical step is concerned: {one.sentence}")
        for one in findings.deviations
        if critical.intersection(one.steps) and _hurts(one, scoring)
    ]
    if marked.points < scoring.threshold:
        reasons.append(Reason("below_threshold", f"{_points(marked, scoring)}; most was lost by {_dearest(marked)}."))
    return tuple(reasons)


def _hurts(one: Deviation, scoring: Scoring) -> bool:
    return one.type in ALWAYS_HURT or (one.type in HURT_IF_SEVERE and one.severity >= scoring.critical_severity)


def _near(findings: Findings, marked: Mark, scoring: Scoring) -> Reason | None:
    """Tell that a little more or less would have decided otherwise; a clean run above the threshold just passes."""
    distance = marked.points - scoring.threshold
    if abs(distance) >= scoring.review_band or (distance >= 0 and not findings.deviations):
        return None
    return Reason(
        "near_threshold",
        f"{_points(marked, scoring)}, and within {scoring.review_band:g} points of that a person decides: "
        "look at the deviations.",
    )


def _unsure(findings: Findings, scoring: Scoring) -> tuple[Reason, ...]:
    return tuple(
        Reason(
            "uncertain_deviation",
            f"Confidence is only {one.confidence:.0%}, look whether it is so: {one.sentence}",
        )
        for one in findings.deviations
        if one.confidence < scoring.sure_confidence
    )


def _passed(marked: Mark, scoring: Scoring) -> Reason:
    return Reason("passed", f"{_points(marked, scoring)}, and no critical step is concerned.")


def _points(marked: Mark, scoring: Scoring) -> str:
    return f"{marked.points:g} of 100 points, {scoring.threshold:g} are needed"


def _dearest(marked: Mark) -> str:
    dearest = max(marked.metrics, key=lambda metric: metric.loss)
    return WORDS.get(dearest.name, "pictures that do not look like the gold's")
