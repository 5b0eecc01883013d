# SPDX-License-Identifier: Apache-2.0
"""Which visit counts as the doing of a step where there are several: those in the gold's order first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.embedding import Rows
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.visits import Piece, Run, Visit, without

MOST: Final = 0.7


def main_visits(visits: Sequence[Visit], steps: int) -> tuple[Visit | None, ...]:
    """Choose one visit a step."""
    chosen: list[Visit | None] = [None] * steps
    for visit in _in_order(visits):
        chosen[visit.step] = visit
    for visit in sorted(visits, key=_worth, reverse=True):
        if chosen[visit.step] is None:
            chosen[visit.step] = visit
    return tuple(chosen)


def lookalikes(run: Run, main: Sequence[Visit | None], rows: Rows, again: float) -> tuple[Visit, ...]:
    """Find the visits that are no repetition: they look less like the main visit of their step than the same camera
    shows the same work, so it is something else that only looks like the gold's step."""
    return tuple(
        visit
        for visit in run.visits
        if (first := main[visit.step]) is not None and visit is not first and _sameness(run, visit, first, rows) < again
    )


def standing_in(
    visits: Sequence[Visit], main: Sequence[Visit | None], steps: Sequence[GoldStep], limits: Limits
) -> tuple[Visit, ...]:
    """Find what looks like another step but stands, alone and for about its time, just where a step is missing.

    That is the missing step, done otherwise: one cause, where an omission and a repetition would be two.
    """
    return tuple(
        found[0]
        for number, visit in enumerate(main)
        if visit is None and len(found := _in_place_of(number, visits, main)) == 1
        if found[0] is not main[found[0].step]
        if limits.under * steps[number].rows <= found[0].rows <= limits.replacing * steps[number].rows
    )


def taken_out(
    run: Run, dropped: Sequence[Visit], steps: Sequence[GoldStep], limits: Limits, step_of: NDArray[np.int32]
) -> Run:
    """Take visits out; a piece that so stands, for about its time, just where a step is missing is that step."""
    if not dropped:
        return run
    left = [visit for visit in run.visits if visit not in dropped]
    main = main_visits(left, len(steps))
    firsts = {visit.first for visit in dropped}
    pieces = tuple(
        replace(piece, step=_missing_at(piece, left, main, steps, limits)) if piece.first in firsts else piece
        for piece in run.pieces
    )
    return without(replace(run, pieces=pieces), dropped, step_of)


def _missing_at(
    piece: Piece,
    visits: Sequence[Visit],
    main: Sequence[Visit | None],
    steps: Sequence[GoldStep],
    limits: Limits,
) -> int | None:
    """Find the one step that is missing between those that were done before and after a piece."""
    before = max((visit.step for visit in visits if visit.end <= piece.first), default=-1)
    after = min((visit.step for visit in visits if visit.first >= piece.end), default=len(steps))
    number = before + 1
    if after != before + 2 or main[number] is not None:
        return None
    rows = steps[number].rows
    return number if limits.under * rows <= piece.rows <= limits.replacing * rows else None


def _in_place_of(number: int, visits: Sequence[Visit], main: Sequence[Visit | None]) -> list[Visit]:
    """Give the visits between those of a step's neighbours; none where a neighbour is missing too."""
    before = main[number - 1] if number else None
    after = main[number + 1] if number + 1 < len(main) else None
    if (number and before is None) or (number + 1 < len(main) and after is None):
        return []
    return [
        visit
        for visit in visits
        if (before is None or before.end <= visit.first) and (after is None or visit.end <= after.first)
    ]


def _sameness(run: Run, visit: Visit, main: Visit, rows: Rows) -> float:
    """Tell how alike two visits of a step are, row by row at the same gold rows."""
    own, first = _matched(run, visit), _matched(run, main)
    nearest = first[np.abs(run.gold_row[first][None] - run.gold_row[own][:, None]).argmin(axis=1)]
    around = [np.clip(nearest + shift, main.first, main.end - 1) for shift in (-1, 0, 1)]
    likest = np.max([np.einsum("ij,ij->i", rows[own], rows[at]) for at in around], axis=0)
    return float(np.median(likest))


def _matched(run: Run, visit: Visit) -> NDArray[np.intp]:
    return visit.first + np.flatnonzero(run.gold_row[visit.first : visit.end] >= 0)


def _worth(visit: Visit) -> float:
    """Weigh how much of its step a visit shows; one that shows most of it is as good as one that shows all."""
    return 1.0 if visit.seen >= MOST else visit.seen


def _in_order(visits: Sequence[Visit]) -> list[Visit]:
    """Find the weightiest sequence of visits whose steps follow one another as in the gold, each once."""
    best: list[tuple[float, int]] = []
    for index, visit in enumerate(visits):
        before = [other for other in range(index) if visits[other].step < visit.step]
        source = max(before, key=lambda other: best[other][0], default=-1)
        worth = best[source][0] if before else 0.0
        best.append((worth + _worth(visit), source))
    at = max(range(len(best)), key=lambda index: best[index][0], default=-1)
    found: list[Visit] = []
    while at >= 0:
        found.append(visits[at])
        at = best[at][1]
    return found[::-1]
