# SPDX-License-Identifier: Apache-2.0
"""Whether a step that takes long is done once, slowly, or twice, one time right after the other.

To the reading both cost much the same. Laid along the step at an even pace they differ: what is done once is most alike
if it goes through the step once, and what is done twice if it begins anew somewhere in its middle.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.embedding import Rows
from ovpo.sop.judging.reading import NOWHERE
from ovpo.sop.judging.visits import Run, retold

LONG: Final = 1.5
"""What takes so many times as long as its step may be two of it."""
ANEW: Final = 0.27
"""It is two if that makes its rows more alike by this share of what it would with the gold's own step, done twice."""
TELLING: Final = 0.02
"""Of a step that loses less by being laid along itself twice, nothing shows how far it has come."""
EARLIEST: Final = 0.3
"""The share of the whole that each of two takes at least."""
STRAY: Final = 0.12
LEAST_STRAY: Final = 2
"""How far, as a share of the step and in rows, the pace may stray from an even one."""
FILLED: Final = 0.75
"""What has fewer rows of the step, as a share of all, is something else too, and is left as it was read."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Rows laid along a step: how alike they are, and the likest row of the step for each."""

    alike: float
    shown: NDArray[np.int32]


def told_anew(run: Run, gold: Rows, likeness: NDArray[np.float32], level: float, step_of: NDArray[np.int32]) -> Run:
    """Tell the run again with every step once or twice where the reading has it the other way."""
    kept, jumped = run.gold_row.copy(), run.jumped.copy()
    changed = False
    for _, group in groupby(run.visits, key=lambda visit: visit.step):
        visits = tuple(group)
        first, end = visits[0].first, visits[-1].end
        begin, stop = np.searchsorted(step_of, [visits[0].step, visits[0].step + 1])
        if len(visits) == 1 and end - first < LONG * (stop - begin):
            continue
        if (run.gold_row[first:end] != NOWHERE).mean() < FILLED:
            continue
        lost = _lost_by_twice(gold[begin:stop])
        if lost < TELLING:
            continue
        inside = likeness[begin:stop, first:end]
        once, (twice, cut) = laid_along(inside), _best_cut(inside)
        is_two = twice.alike - once.alike >= ANEW * level * lost
        if is_two == (len(visits) > 1):
            continue
        changed = True
        kept[first:end] = begin + (twice if is_two else once).shown
        jumped[first + 1 : end] = False
        jumped[first + cut] |= is_two
    return retold(run, kept, step_of, jumped) if changed else run


def _lost_by_twice(step: Rows) -> float:
    """Tell how much less alike a step, done twice, is to itself, done once."""
    own = np.asarray(step @ step.T, np.float32)
    return float(np.diagonal(own).mean()) - laid_along(np.concatenate([own, own], axis=1)).alike


def _best_cut(inside: NDArray[np.float32]) -> tuple[Passage, int]:
    rows = inside.shape[1]
    cuts = range(max(round(EARLIEST * rows), 1), max(round((1 - EARLIEST) * rows), 1) + 1)
    return max(((_twice(inside, cut), cut) for cut in cuts), key=lambda one: one[0].alike)


def _twice(inside: NDArray[np.float32], cut: int) -> Passage:
    before, after = laid_along(inside[:, :cut]), laid_along(inside[:, cut:])
    rows = inside.shape[1]
    alike = (before.alike * cut + after.alike * (rows - cut)) / rows
    return Passage(alike, np.concatenate([before.shown, after.shown]))


def laid_along(inside: NDArray[np.float32]) -> Passage:
    """Lay rows along a step at about an even pace; `inside` is how alike they are, step x rows."""
    gold, rows = inside.shape
    if not rows:
        return Passage(0.0, np.empty(0, np.int32))
    stray = max(LEAST_STRAY, round(STRAY * gold))
    even = np.rint((np.arange(rows) + 0.5) / rows * gold - 0.5).astype(np.int32)
    around = np.clip(even + np.arange(-stray, stray + 1, dtype=np.int32)[:, None], 0, gold - 1)
    seen = inside[around, np.arange(rows)]
    likest = seen.argmax(axis=0)
    return Passage(float(seen.max(axis=0).mean()), around[likest, np.arange(rows)])
