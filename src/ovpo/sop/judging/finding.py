# SPDX-License-Identifier: Apache-2.0
"""Everything that is wrong with a run, in the order of the trainee's video, each cause once."""

import numpy as np

from ovpo.sop.judging.case import Case
from ovpo.sop.judging.findings import Findings
from ovpo.sop.judging.lacking import missing_steps, repeated_steps, repeats
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.ordering import order_swaps
from ovpo.sop.judging.strays import execution_deviations, extra_steps, left_out, replaced
from ovpo.sop.judging.stretches import own_rows, sort_out
from ovpo.sop.judging.timing import timing_deviations
from ovpo.sop.result import Deviation, Interval, StepResult


def find(case: Case, limits: Limits) -> tuple[Deviation, ...]:
    """Collect the deviations of every type."""
    stretches = sort_out(case, limits)
    timing = tuple(timing_deviations(case, stretches, limits))
    otherwise = replaced(stretches)
    told = otherwise | {number - 1 for one in timing for number in one.steps}
    found = [
        *missing_steps(case, otherwise),
        *order_swaps(case),
        *extra_steps(case, stretches),
        *repeated_steps(case, limits),
        *execution_deviations(case, stretches),
        *left_out(case, limits, told),
        *timing,
    ]
    return tuple(sorted(found, key=_when))


def findings(case: Case, deviations: tuple[Deviation, ...], limits: Limits) -> Findings:
    """Put together what score and verdict are made of."""
    rows = np.flatnonzero(case.gold_row >= 0)
    gold = case.gold_row[rows]
    return Findings(
        steps=step_results(case, limits),
        deviations=deviations,
        row_seconds=case.row_seconds,
        gold_rows=case.steps[-1].end if case.steps else 0,
        procedure=Interval(case.run.first * case.row_seconds, case.run.end * case.row_seconds),
        path=np.stack([gold, rows], axis=1).astype(np.int32),
        similarity=case.likeness[gold, rows],
        expected=case.expected,
        least=case.least,
        brightness=case.brightness,
        motion=case.motion,
    )


def step_results(case: Case, limits: Limits) -> tuple[StepResult, ...]:
    """Say of each gold step what became of it."""
    again = repeats(case, limits)
    stretches = sort_out(case, limits)
    told = []
    for number, (step, visit) in enumerate(zip(case.steps, case.main, strict=True)):
        told.append(
            StepResult(
                number=number + 1,
                name=step.name,
                critical=step.critical,
                gold=case.gold_interval(step.first, step.end),
                trainee=case.trainee_interval(visit) if visit else None,
                repeats=tuple(case.trainee_interval(other) for other in again if other.step == number),
                pace=round(own_rows(stretches, visit) / step.rows, 3) if visit else None,
                similarity=round(case.likeness_of(visit), 4) if visit else None,
            )
        )
    return tuple(told)


def _when(deviation: Deviation) -> float:
    return deviation.trainee.start if deviation.trainee else 0.0
