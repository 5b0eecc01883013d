# SPDX-License-Identifier: Apache-2.0
"""Steps that took too long, were too short, or went at another pace inside than the gold's."""

from collections.abc import Iterator
from statistics import median

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.case import Case, GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.strays import own_rows, working
from ovpo.sop.judging.visits import Visit
from ovpo.sop.result import Deviation, DeviationType


def timing_deviations(case: Case, limits: Limits) -> Iterator[Deviation]:
    """Look at each step that was done; one whose length is wrong is not said to be uneven too."""
    pace = usual_pace(case, limits)
    for visit in case.done:
        step = case.steps[visit.step]
        found = _length(case, visit, step, pace, limits) or _warp(case, visit, step, limits)
        if found is not None:
            yield found


def usual_pace(case: Case, limits: Limits) -> float:
    """Give the trainee's time as a multiple of the gold's, as most steps have it."""
    paces = [own_rows(case, visit, limits) / case.steps[visit.step].rows for visit in case.done]
    return min(max(median(paces), limits.fastest_pace), limits.slowest_pace) if paces else 1.0


def _length(case: Case, visit: Visit, step: GoldStep, pace: float, limits: Limits) -> Deviation | None:
    own = own_rows(case, visit, limits) * case.row_seconds
    gold = step.rows * case.row_seconds
    slack = limits.slack_seconds + limits.slack_share * gold
    longest, shortest = limits.over * pace * gold + slack, limits.under * pace * gold
    not_filmed = max(visit.gold_first - step.first, 0) * case.row_seconds if visit.first == 0 else 0.0
    if own > longest or (step.max_seconds is not None and own > step.max_seconds + limits.slack_seconds):
        return _timed(case, visit, step, DeviationType.OVER_TIME, min((own / gold - 1) / 2, 1.0), own - longest)
    if own + min(not_filmed, limits.cut_seconds) < shortest or (
        step.min_seconds is not None and own < step.min_seconds - limits.slack_seconds
    ):
        return _timed(case, visit, step, DeviationType.UNDER_TIME, min(1 - own / gold, 1.0), shortest - own)
    return None


def _timed(case: Case, visit: Visit, step: GoldStep, kind: DeviationType, severity: float, beyond: float) -> Deviation:
    span = case.trainee_interval(visit)
    gold = case.gold_interval(step.first, step.end)
    word = "longer" if kind is DeviationType.OVER_TIME else "less"
    return Deviation(
        type=kind,
        steps=(visit.step + 1,),
        names=(step.name,),
        gold=gold,
        trainee=span,
        confidence=round(min(0.6 + 0.2 * abs(beyond), 0.99), 3),
        severity=round(max(severity, 0.0), 3),
        sentence=f"“{step.name}” takes {span.seconds:.1f} s, {word} than the {gold.seconds:.1f} s of the gold.",
        evidence=case.pair((step.first, step.end), (visit.first, visit.end)),
    )


def _warp(case: Case, visit: Visit, step: GoldStep, limits: Limits) -> Deviation | None:
    if min(step.rows, visit.rows) * case.row_seconds < limits.warp_seconds:
        return None
    rows = np.flatnonzero(case.gold_row[visit.first : visit.end] >= 0)
    works = working(case, visit, limits)
    own = (np.cumsum(works)[rows] - 0.5) / works.sum()
    gold = (case.gold_row[visit.first + rows] - step.first + 0.5) / step.rows
    astray = float(np.percentile(np.abs(own - gold), 90))
    if astray <= limits.warp or _evenly(case, visit, step, rows, own) > limits.even * _along(case, visit, rows):
        return None
    span = case.trainee_interval(visit)
    return Deviation(
        type=DeviationType.TEMPORAL_WARP,
        steps=(visit.step + 1,),
        names=(step.name,),
        gold=case.gold_interval(step.first, step.end),
        trainee=span,
        confidence=round(min(0.5 + (astray - limits.warp), 0.99), 3),
        severity=round(min(2 * astray, 1.0), 3),
        sentence=f"The pace inside “{step.name}” strays from the gold demonstration's by {astray:.0%} of the step.",
        evidence=case.pair((step.first, step.end), (visit.first, visit.end)),
    )


def _along(case: Case, visit: Visit, rows: NDArray[np.intp]) -> float:
    at = visit.first + rows
    return float(case.likeness[case.gold_row[at], at].mean())


def _evenly(case: Case, visit: Visit, step: GoldStep, rows: NDArray[np.intp], own: NDArray[np.float64]) -> float:
    """Tell how alike the two would be at an even pace; as alike means that nothing in the step shows its pace."""
    gold = step.first + (own * step.rows).astype(np.intp)
    return float(case.likeness[np.minimum(gold, step.end - 1), visit.first + rows].mean())
