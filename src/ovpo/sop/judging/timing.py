# SPDX-License-Identifier: Apache-2.0
"""Steps that took too long, were too short, or went at another pace inside than the gold's."""

from collections.abc import Iterator
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.case import Case, GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.stretches import Stretch, own_rows, working
from ovpo.sop.judging.visits import Visit
from ovpo.sop.result import Deviation, DeviationType

EMPTY: Final = 0.5
"""So deep a lull at the very beginning says that nothing was done before."""


def timing_deviations(case: Case, stretches: tuple[Stretch, ...], limits: Limits) -> Iterator[Deviation]:
    """Look at each step that was done; one whose length is wrong is not said to be uneven too.

    A step of which a stretch was done otherwise has that stretch's time: only its definition's bounds are looked at.
    """
    pace = usual_pace(case, stretches, limits)
    otherwise = {one.step for one in stretches}
    for visit in case.done:
        step = case.steps[visit.step]
        own = own_rows(stretches, visit) * case.row_seconds
        found = _bound(case, visit, step, own, limits)
        if found is None and visit.step not in otherwise:
            found = _length(case, visit, own / pace, own, limits) or _warp(
                case, visit, step, working(stretches, visit), limits
            )
        if found is not None:
            yield found


def usual_pace(case: Case, stretches: tuple[Stretch, ...], limits: Limits) -> float:
    """Give the trainee's time as a multiple of the gold's, as most steps have it."""
    paces = [own_rows(stretches, visit) / case.steps[visit.step].rows for visit in case.done]
    return min(max(median(paces), limits.fastest_pace), limits.slowest_pace) if paces else 1.0


def _bound(case: Case, visit: Visit, step: GoldStep, own: float, limits: Limits) -> Deviation | None:
    """Hold a step against the bounds of its definition."""
    if step.max_seconds is not None and own > step.max_seconds + limits.slack_seconds:
        beyond = own - step.max_seconds
        return _timed(
            case,
            visit,
            DeviationType.OVER_TIME,
            beyond,
            limits.broken,
            own,
            f"longer than the allowed {step.max_seconds:.1f}",
        )
    if (
        step.min_seconds is not None
        and own + _not_filmed(case, visit, limits) < step.min_seconds - limits.slack_seconds
    ):
        beyond = step.min_seconds - own
        return _timed(
            case,
            visit,
            DeviationType.UNDER_TIME,
            beyond,
            limits.broken,
            own,
            f"less than the required {step.min_seconds:.1f}",
        )
    return None


def _length(case: Case, visit: Visit, paced: float, own: float, limits: Limits) -> Deviation | None:
    """Hold the time that a step took, at the gold's pace, against the gold's."""
    gold = case.steps[visit.step].rows * case.row_seconds
    longest = limits.over * gold + limits.slack_seconds + limits.slack_share * gold
    word = f"than the gold demonstration's {gold:.1f}"
    if paced > longest:
        return _timed(
            case, visit, DeviationType.OVER_TIME, paced - longest, (own / gold - 1) / 2, own, f"longer {word}"
        )
    if paced + _not_filmed(case, visit, limits) < limits.under * gold:
        short = limits.under * gold - paced
        return _timed(case, visit, DeviationType.UNDER_TIME, short, 1 - own / gold, own, f"less {word}")
    return None


def _not_filmed(case: Case, visit: Visit, limits: Limits) -> float:
    """Tell how much of the first step may have been done before the recording began: not if nobody was there yet."""
    if visit.first or case.lull[0] >= EMPTY:
        return 0.0
    missed = max(visit.gold_first - case.steps[visit.step].first, 0) * case.row_seconds
    return min(missed, limits.cut_seconds)


def _timed(
    case: Case, visit: Visit, kind: DeviationType, beyond: float, severity: float, own: float, than: str
) -> Deviation:
    step = case.steps[visit.step]
    return Deviation(
        type=kind,
        steps=(visit.step + 1,),
        names=(step.name,),
        gold=case.gold_interval(step.first, step.end),
        trainee=case.trainee_interval(visit),
        confidence=round(min(0.6 + 0.2 * abs(beyond), 0.99), 3),
        severity=round(min(max(severity, 0.0), 1.0), 3),
        sentence=f"“{step.name}” takes {own:.1f} s, {than} s.",
        evidence=case.pair((step.first, step.end), (visit.first, visit.end)),
    )


def _warp(case: Case, visit: Visit, step: GoldStep, works: NDArray[np.bool_], limits: Limits) -> Deviation | None:
    if min(step.rows, visit.rows) * case.row_seconds < limits.warp_seconds:
        return None
    rows = np.flatnonzero(case.gold_row[visit.first : visit.end] >= 0)
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
