# SPDX-License-Identifier: Apache-2.0
"""Closes the gaps of a reading: what is too short or too like the step that passed to be another."""

from collections.abc import Set
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.reading import NOWHERE
from ovpo.sop.judging.runs import runs
from ovpo.sop.judging.visits import LEAST_SHARE, Aside, Kind, Run, Visit, retold, without

SLIVER: Final = 4
"""So many rows in a row are more than chance."""
AROUND: Final = 4
"""So many gold rows before and after those that passed are looked at too."""
WHOLE: Final = 0.85


def mended(
    run: Run, likeness: NDArray[np.float32], level: float, step_of: NDArray[np.int32], limits: Limits, seconds: float
) -> Run:
    """Give such stretches to the step that passed, evenly; `seconds` is the time of a row."""
    run = _without_slivers(run, step_of)
    kept = run.gold_row.copy()
    done = {visit.step for visit in run.visits}
    for aside in run.asides:
        if aside.kind is Kind.FOREIGN or (aside.kind is Kind.READ and not passes(aside, limits)):
            continue
        is_short = aside.rows * seconds < limits.deviation_seconds and _is_of_done_steps(aside, step_of, done)
        evenly = np.linspace(aside.gold_first, aside.gold_end - 1, aside.rows).round().astype(np.int32)
        if (
            is_short
            or closeness(aside, likeness) > (limits.strange if _is_whole(aside, run) else limits.unlike) * level
        ):
            kept[aside.first : aside.end] = evenly
        else:
            alike = _alike(aside, evenly, likeness) > limits.unlike * level
            kept[aside.first : aside.end] = np.where(_lasting(alike), evenly, NOWHERE)
    return retold(run, kept, step_of)


def without_strangers(
    run: Run, likeness: NDArray[np.float32], level: float, step_of: NDArray[np.int32], limits: Limits
) -> Run:
    """Take out the visits that hardly look like their step, or show hardly any of it: nothing else fitted there.

    What lulls part was held against everything else that it could be.
    """
    if run.pieces:
        return run
    strangers = [visit for visit in run.visits if _is_strange(run, visit, likeness, limits.strange * level)]
    return without(run, strangers, step_of)


def _is_whole(aside: Aside, run: Run) -> bool:
    """Tell whether it is nearly all of a piece: lulls say already that it is the step, so it need not look much so."""
    return any(piece.first <= aside.first < piece.end and aside.rows > WHOLE * piece.rows for piece in run.pieces)


def _is_strange(run: Run, visit: Visit, likeness: NDArray[np.float32], least: float) -> bool:
    rows = visit.first + np.flatnonzero(run.gold_row[visit.first : visit.end] != NOWHERE)
    return visit.seen < LEAST_SHARE or float(np.median(likeness[run.gold_row[rows], rows])) < least


def _without_slivers(run: Run, step_of: NDArray[np.int32]) -> Run:
    """Take out the few rows that are matched by chance between two asides."""
    kept = run.gold_row.copy()
    for before, after in pairwise(run.asides):
        if 0 < after.first - before.end < SLIVER and min(before.rows, after.rows) >= SLIVER:
            kept[before.end : after.first] = NOWHERE
    return retold(run, kept, step_of)


def _alike(aside: Aside, evenly: NDArray[np.int32], likeness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the cosine of each row of a stretch with the likest gold row near the one that it shows at an even pace."""
    around = np.clip(evenly[None] + np.arange(-AROUND, AROUND + 1)[:, None], 0, len(likeness) - 1)
    return np.asarray(likeness[around, np.arange(aside.first, aside.end)].max(axis=0), np.float32)


def _lasting(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave of what is marked the stretches that are more than chance."""
    lasting = np.zeros_like(marked)
    for first, end in runs(marked):
        lasting[first:end] = end - first >= SLIVER
    return lasting


def _is_of_done_steps(aside: Aside, step_of: NDArray[np.int32], done: Set[int]) -> bool:
    return all(int(step) in done for step in step_of[aside.gold_first : aside.gold_end])


def passes(aside: Aside, limits: Limits) -> bool:
    """Tell whether the gold went on meanwhile, at a pace that somebody can work at: then it is part of a step."""
    return limits.passing * aside.rows <= aside.passed <= limits.rushing * aside.rows and aside.passed > 0


def closeness(aside: Aside, likeness: NDArray[np.float32]) -> float:
    """Give the cosine that half of the rows of a stretch reach with any gold row that passed."""
    first, end = max(aside.gold_first - AROUND, 0), aside.gold_end + AROUND
    return float(np.median(likeness[first:end, aside.first : aside.end].max(axis=0)))
