# SPDX-License-Identifier: Apache-2.0
"""What was done beside the steps, and what of a step was done otherwise or not at all."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.case import Case, GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.runs import runs
from ovpo.sop.judging.stretches import Stretch
from ovpo.sop.judging.visits import Aside, Visit
from ovpo.sop.result import Deviation, DeviationType

OTHERWISE: Final = {
    "place": "is done in another place than in",
    "held": "is done with another tool or part than in",
    "sway": "is done by another movement than in",
}
"""What is said of a step of which one aspect is unlike the gold's."""


def extra_steps(case: Case, stretches: tuple[Stretch, ...]) -> Iterator[Deviation]:
    """Find what has no counterpart in the gold, between the steps and at the ends."""
    usual = sum(step.rows for step in case.steps) / len(case.steps)
    for one in stretches:
        if one.step is not None:
            continue
        span = case.trainee_interval(Aside(one.first, one.end, 0, 0))
        yield Deviation(
            type=DeviationType.EXTRA_STEP,
            steps=(),
            names=(),
            trainee=span,
            confidence=_certainty(case, case.likeness[:, one.first : one.end]),
            severity=round(min(one.rows / max(usual, 1), 1.0), 3),
            sentence=f"For {span.seconds:.1f} s something is done that is not in the gold demonstration.",
            evidence=case.pair(None, (one.first, one.end)),
        )


def execution_deviations(case: Case, stretches: tuple[Stretch, ...]) -> Iterator[Deviation]:
    """Find stretches during which a step went on without looking like the gold's."""
    for one in stretches:
        if one.step is None:
            continue
        span = case.trainee_interval(Aside(one.first, one.end, 0, 0))
        how = OTHERWISE.get(one.aspect or "", "does not look like")
        yield _execution(
            case, one, f"For {span.seconds:.1f} s “{case.steps[one.step].name}” {how} the gold demonstration."
        )


def left_out(case: Case, limits: Limits, told: frozenset[int]) -> Iterator[Deviation]:
    """Find steps of which a part is nowhere to be seen, but for those of which something else was told already."""
    for visit in case.done:
        if visit.step in told:
            continue
        step = case.steps[visit.step]
        for first, end in _unseen(case, visit, step, limits):
            at = _between(case, visit, first)
            seconds = (end - first) * case.row_seconds
            yield _execution(
                case,
                Stretch(at, at + 1, visit.step, first, end),
                f"{seconds:.1f} s of the gold's “{step.name}” are not to be seen.",
            )


def replaced(stretches: tuple[Stretch, ...]) -> frozenset[int]:
    """Give the steps of which something was done otherwise; those that were done in no other way are not missing."""
    return frozenset(one.step for one in stretches if one.step is not None)


def _execution(case: Case, one: Stretch, sentence: str) -> Deviation:
    number = one.step if one.step is not None else 0
    step = case.steps[number]
    inside = case.likeness[one.gold_first : one.gold_end, one.first : one.end]
    return Deviation(
        type=DeviationType.EXECUTION_DEVIATION,
        steps=(number + 1,),
        names=(step.name,),
        gold=case.gold_interval(one.gold_first, one.gold_end),
        trainee=case.trainee_interval(Aside(one.first, one.end, 0, 0)),
        confidence=_certainty(case, inside) if one.aspect is None else round(1 - 0.5 / max(one.excess, 1) ** 2, 3),
        severity=round(min((one.gold_end - one.gold_first) / step.rows, 1.0), 3),
        sentence=sentence,
        evidence=case.pair((one.gold_first, one.gold_end), (one.first, one.end)),
    )


def _unseen(case: Case, visit: Visit, step: GoldStep, limits: Limits) -> Iterator[tuple[int, int]]:
    """Give the stretches of a step that no row of its visit looks like.

    What came before the recording began is not known, so nothing is said of it.
    """
    alike = case.likeness[step.first : step.end, visit.first : visit.end].max(axis=1) >= limits.strange * case.expected
    least = limits.deviation_seconds / case.row_seconds
    unseen = [(first, end) for first, end in runs(~alike) if end - first >= least / 2]
    if visit.first == 0:
        unseen = [(first, end) for first, end in unseen if first]
    if sum(end - first for first, end in unseen) >= least:
        yield from ((step.first + first, step.first + end) for first, end in unseen)


def _between(case: Case, visit: Visit, gold: int) -> int:
    """Find the trainee row at which a gold row should have come."""
    rows = case.matched(visit)
    before = rows[case.gold_row[rows] < gold]
    return int(before[-1]) if len(before) else visit.first


def _certainty(case: Case, inside: NDArray[np.float32]) -> float:
    return round(case.certainty(float(inside.max(axis=0).mean()) if inside.size else 0.0), 3)
