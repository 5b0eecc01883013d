# SPDX-License-Identifier: Apache-2.0
"""The alignment that a result records: dynamic time warping inside each step that was done, put together in time."""

from typing import Final

import numpy as np

from ovpo.sop.dtw.alignment import align
from ovpo.sop.embedding import Rows
from ovpo.sop.judging.case import Case
from ovpo.sop.result import Alignment

MOST_PAIRS: Final = 2000
"""Of a longer path every so many-th pair is recorded; the mean cost is that of all."""


def align_steps(case: Case, gold: Rows, trainee: Rows) -> Alignment:
    """Align the rows of each step with those of its main visit, in the order of the trainee's video."""
    pairs: list[tuple[int, int]] = []
    cost = 0.0
    for visit in case.done:
        step = case.steps[visit.step]
        inside = align(gold[step.first : step.end], trainee[visit.first : visit.end], normalized=True)
        pairs += [(step.first + int(ours), visit.first + int(theirs)) for ours, theirs in inside.path]
        cost += inside.total_cost
    kept = np.unique(np.linspace(0, len(pairs) - 1, min(len(pairs), MOST_PAIRS)).round().astype(int))
    return Alignment(
        path=tuple((_middle(pairs[at][0], case), _middle(pairs[at][1], case)) for at in kept),
        mean_cost=round(max(cost, 0.0) / max(len(pairs), 1), 6),
    )


def _middle(row: int, case: Case) -> float:
    return round((row + 0.5) * case.row_seconds, 3)
