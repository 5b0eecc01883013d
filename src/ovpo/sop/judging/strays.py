# SPDX-License-Identifier: Apache-2.0
"""What was done beside the steps: steps that are not in the gold, and stretches of a step that were done otherwise."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.case import Case
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.mending import passes
from ovpo.sop.judging.visits import Aside, Visit
from ovpo.sop.result import Deviation, DeviationType


def extra_steps(case: Case, limits: Limits) -> Iterator[Deviation]:
    """Find what has no counterpart in the gold, between the steps and at the ends."""
    for aside in _asides(case, limits, is_extra=True):
        span = case.trainee_interval(aside)
        yield Deviation(
            type=DeviationType.EXTRA_STEP,
            steps=(),
            names=(),
            trainee=span,
            confidence=_certainty(case, aside),
            severity=round(min(aside.rows / max(_usual_step(case), 1), 1.0), 3),
            sentence=f"For {span.seconds:.1f} s something is done that is not in the gold demonstration.",
            evidence=case.pair(None, (aside.first, aside.end)),
        )


def execution_deviations(case: Case, limits: Limits) -> Iterator[Deviation]:
    """Find stretches during which a step went on without looking like the gold's."""
    for aside in _asides(case, limits, is_extra=False):
        number = _step_of(case, aside)
        step = case.steps[number]
        first, end = max(aside.gold_first, step.first), min(aside.gold_end, step.end)
        span = case.trainee_interval(aside)
        yield Deviation(
            type=DeviationType.EXECUTION_DEVIATION,
            steps=(number + 1,),
            names=(step.name,),
            gold=case.gold_interval(first, end),
            trainee=span,
            confidence=_certainty(case, aside),
            severity=round(min((end - first) / step.rows, 1.0), 3),
            sentence=f"For {span.seconds:.1f} s “{step.name}” does not look like the gold demonstration.",
            evidence=case.pair((first, end), (aside.first, aside.end)),
        )


def replaced(case: Case, limits: Limits) -> frozenset[int]:
    """Give the steps that were done otherwise from beginning to end, which are not missing."""
    return frozenset(_step_of(case, aside) for aside in _asides(case, limits, is_extra=False))


def working(case: Case, visit: Visit, limits: Limits) -> NDArray[np.bool_]:
    """Tell the rows of a visit that are not those of an extra step amid it."""
    works = np.ones(visit.rows, np.bool_)
    for aside in _asides(case, limits, is_extra=True):
        if visit.first <= aside.first and aside.end <= visit.end:
            works[aside.first - visit.first : aside.end - visit.first] = False
    return works


def own_rows(case: Case, visit: Visit, limits: Limits) -> int:
    """Count the rows that a step took: without extra steps amid it, with what was done otherwise right beside it."""
    beside = sum(
        aside.rows
        for aside in _asides(case, limits, is_extra=False)
        if _step_of(case, aside) == visit.step and (aside.end == visit.first or aside.first == visit.end)
    )
    return int(working(case, visit, limits).sum()) + beside


def _asides(case: Case, limits: Limits, *, is_extra: bool) -> Iterator[Aside]:
    for aside in case.run.asides:
        if passes(aside, limits) is is_extra:
            continue
        is_end = aside.end <= case.run.first or aside.first >= case.run.end
        extra = limits.end_seconds if is_end else limits.extra_seconds
        if aside.rows * case.row_seconds >= (extra if is_extra else limits.deviation_seconds):
            yield aside


def _step_of(case: Case, aside: Aside) -> int:
    """Find the step of which most passed meanwhile."""
    shares = [min(aside.gold_end, step.end) - max(aside.gold_first, step.first) for step in case.steps]
    return max(range(len(shares)), key=shares.__getitem__)


def _usual_step(case: Case) -> float:
    return sum(step.rows for step in case.steps) / len(case.steps)


def _certainty(case: Case, aside: Aside) -> float:
    best = case.likeness[:, aside.first : aside.end]
    if aside.passed:
        best = best[aside.gold_first : aside.gold_end]
    return round(case.certainty(float(best.max(axis=0).mean()) if best.size else 0.0), 3)
