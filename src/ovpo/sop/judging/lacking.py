# SPDX-License-Identifier: Apache-2.0
"""Steps that were not done, were done more than once, or were done in another order."""

from collections.abc import Iterator

import numpy as np

from ovpo.sop.judging.case import Case, GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.visits import Visit
from ovpo.sop.result import Deviation, DeviationType, FramePair, Interval


def missing_steps(case: Case, replaced: frozenset[int]) -> Iterator[Deviation]:
    """Find the steps without a counterpart, but for those that were done otherwise."""
    for number, (step, visit) in enumerate(zip(case.steps, case.main, strict=True)):
        if visit is not None or number in replaced:
            continue
        moment = _due(case, number)
        likeness = _free_likeness(case, step)
        yield Deviation(
            type=DeviationType.STEP_MISSING,
            steps=(number + 1,),
            names=(step.name,),
            gold=case.gold_interval(step.first, step.end),
            trainee=Interval(moment, moment),
            confidence=round(max(case.certainty(likeness), 0.5), 3),
            severity=1.0,
            sentence=f"“{step.name}” is not to be seen.",
            evidence=FramePair(gold=case.pair((step.first, step.end), None).gold, trainee=moment),
        )


def repeated_steps(case: Case, limits: Limits) -> Iterator[Deviation]:
    """Find what was done again."""
    for visit in repeats(case, limits):
        step = case.steps[visit.step]
        span = case.trainee_interval(visit)
        yield Deviation(
            type=DeviationType.REPEATED_STEP,
            steps=(visit.step + 1,),
            names=(step.name,),
            gold=case.gold_interval(step.first, step.end),
            trainee=span,
            confidence=round(1 - case.certainty(case.likeness_of(visit)), 3),
            severity=round(min(visit.seen, 1.0), 3),
            sentence=f"“{step.name}” is done again, for {span.seconds:.1f} s.",
            evidence=case.pair((step.first, step.end), (visit.first, visit.end)),
        )


def repeats(case: Case, limits: Limits) -> tuple[Visit, ...]:
    """Give the visits in which enough of a step is seen again."""
    return tuple(visit for visit in case.repeats if visit.seen >= limits.repeat_share)


def _free_likeness(case: Case, step: GoldStep) -> float:
    """Tell how alike a step's rows are to the likest trainee rows that are not more like what they were taken for."""
    likeness = case.likeness[step.first : step.end]
    matched = np.flatnonzero(case.gold_row >= 0)
    taken = np.full(likeness.shape[1], -1.0, np.float32)
    taken[matched] = case.likeness[case.gold_row[matched], matched]
    free = np.where(likeness >= taken, likeness, 0)
    return float(free.max(axis=1).mean()) if free.size else 0.0


def _due(case: Case, number: int) -> float:
    """Tell when a step should have been done: after the one before it that was."""
    before = [visit.end for visit in case.main[:number] if visit is not None]
    return round(max(before, default=case.run.first) * case.row_seconds, 3)
