# SPDX-License-Identifier: Apache-2.0
"""Takes a run to pieces where the trainee's hands leave the picture: each is one whole step, or something else.

Where the gold's steps are parted by lulls, so are the trainee's. What is between two of them is held as a whole against
every step from its beginning to its end, which tells more than its rows one by one: how alike they are in the step's
order, how long it takes, and whether a lull is where a step ends. A dynamic programme over the places at which a piece
may end chooses the pieces that cost least; where there are no lulls to rely on the run stays as it was read.
"""

from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.anew import laid_along
from ovpo.sop.judging.lulls import Lulls, amid, depth, middles, reliance
from ovpo.sop.judging.reading import NOWHERE, Costs, Prices, read
from ovpo.sop.judging.visits import Piece, Run, retold

RELIED: Final = 0.5
"""Lulls part the steps if this share of the gold's ends is in one."""
INSIDE: Final = 3.0
"""What a lull amid a step costs, where the gold has none."""
OUTSIDE: Final = 2.0
"""What it costs to begin and to end a piece out of a lull."""
MOST_INSIDE: Final = 6.0
"""Across more lulls than that nothing is one piece."""
USUAL_RATIO: Final = 0.3
"""How far, as a logarithm, a piece may be longer or shorter than its step for nothing."""
RATIO: Final = 2.0
"""What each further unit costs."""
DEAREST: Final = 0.3
"""What a row costs at most: part of a step may be done otherwise."""
NEAR: Final = 3
"""An end that was read is that of a lull which is no more rows away."""
HASTY: Final = 0.6
"""A piece that takes less than this share of its step's time may look unlike it in most of its rows."""
_NEVER: Final = 1e9


@dataclass(frozen=True, slots=True)
class Parting:
    """The lulls of both, and how far they are to be relied on."""

    gold: Lulls
    trainee: Lulls
    reliance: float


def parting(gold: Lulls, trainee: Lulls, step_of: NDArray[np.int32]) -> Parting | None:
    """Tell whether lulls part the steps."""
    relied = reliance(gold, step_of)
    return Parting(gold, trainee, relied) if relied >= RELIED and trainee.any() else None


def in_pieces(run: Run, costs: Costs, by: Parting, step_of: NDArray[np.int32], prices: Prices) -> Run:
    """Tell the run in pieces; `costs` is gold rows x trainee rows, negative where they show the same."""
    if not run.visits:
        return run
    pieces = _Choice(run, costs, by, step_of, prices).cheapest()
    starts = _starts(step_of)
    inside = msgspec.structs.replace(prices, jump=_NEVER)
    kept = np.full_like(run.gold_row, NOWHERE)
    for piece in pieces:
        if piece.step is None:
            continue
        first, end = int(starts[piece.step]), int(starts[piece.step + 1])
        part = costs[first:end, piece.first : piece.end]
        shown = read(part, np.zeros(len(part), np.int32), inside).gold_row
        if piece.rows < HASTY * len(part) and (shown != NOWHERE).mean() < 0.5:
            shown = laid_along(-part).shown
        kept[piece.first : piece.end] = np.where(shown == NOWHERE, NOWHERE, shown + first)
    whole = replace(run, pieces=pieces)
    return retold(whole, kept, step_of, np.zeros_like(run.jumped))


def _starts(step_of: NDArray[np.int32]) -> NDArray[np.intp]:
    return np.searchsorted(step_of, np.arange(int(step_of[-1]) + 2))


class _Choice:
    """The table: what it costs at least to have come to a place, by the step that was done last."""

    def __init__(self, run: Run, costs: Costs, by: Parting, step_of: NDArray[np.int32], prices: Prices) -> None:
        self._costs, self._prices, self._relied = costs, prices, by.reliance
        self._starts = _starts(step_of)
        self._lengths = np.diff(self._starts)
        self._places, self._depths = _places(run, by.trainee)
        self._amid = amid(by.gold, step_of)
        self._going = self._transitions()
        lowest = np.minimum.reduceat(costs, self._starts[:-1], axis=0).clip(None, DEAREST)
        self._lowest = np.concatenate([np.zeros((len(lowest), 1)), np.cumsum(lowest, axis=1)], axis=1)
        places, steps = len(self._places), len(self._lengths)
        self._best = np.full((places, steps + 1), np.inf)
        self._best[0, 0] = 0.0
        self._from: dict[tuple[int, int], tuple[int, int, int | None]] = {}

    def cheapest(self) -> tuple[Piece, ...]:
        """Give the pieces that cost least together."""
        for end in range(1, len(self._places)):
            for begin in range(end - 1, -1, -1):
                if self._depths[begin + 1 : end].sum() > MOST_INSIDE:
                    break
                self._try(begin, end)
        steps = len(self._lengths)
        left = [self._omitted(last, steps) for last in range(steps + 1)]
        at, last = len(self._places) - 1, int((self._best[-1] + left).argmin())
        pieces: list[Piece] = []
        while at:
            before, last_before, step = self._from[at, last]
            pieces.append(Piece(int(self._places[before]), int(self._places[at]), step))
            at, last = before, last_before
        return tuple(pieces[::-1])

    def _try(self, begin: int, end: int) -> None:
        """Take what is between two places as nothing of the gold's, and as each step that it may be."""
        first, stop = int(self._places[begin]), int(self._places[end])
        lulls = float(self._depths[begin + 1 : end].sum())
        edges = self._relied * OUTSIDE * (2 - self._depths[begin] - self._depths[end]) / 2
        other = self._best[begin] + edges + self._prices.aside + self._relied * INSIDE * lulls
        for last in np.flatnonzero(other < self._best[end]):
            self._best[end, last] = other[last]
            self._from[end, int(last)] = (begin, int(last), None)
        through = self._best[begin][:, None] + self._going
        before = through.argmin(axis=0)
        ratio = np.maximum(np.abs(np.log((stop - first) / self._lengths)) - USUAL_RATIO, 0)
        price = through.min(axis=0) + edges + RATIO * ratio
        price += self._relied * INSIDE * np.maximum(lulls - self._amid, 0)
        hoped = price + self._lowest[:, stop] - self._lowest[:, first]
        for step in np.flatnonzero(hoped < self._best[end, 1:]):
            part = self._costs[self._starts[step] : self._starts[step + 1], first:stop]
            passage = laid_along(-part)
            paid = part[passage.shown, np.arange(stop - first)]
            cost = float(price[step] + np.minimum(paid, DEAREST).sum())
            if cost < self._best[end, step + 1]:
                self._best[end, step + 1] = cost
                self._from[end, int(step) + 1] = (begin, int(before[step]), int(step))

    def _transitions(self) -> NDArray[np.float64]:
        """Give what it costs to do a step after the one that was done last; the first row is for none at all."""
        steps = len(self._lengths)
        going = np.full((steps + 1, steps), self._prices.jump)
        for last in range(steps + 1):
            for step in range(last, steps):
                going[last, step] = self._omitted(last, step)
        return going

    def _omitted(self, first: int, end: int) -> float:
        """Give what it costs to leave out the steps from one to the one before another."""
        rows = int(self._starts[end] - self._starts[first])
        return self._prices.omit + self._prices.drift * rows if end > first else 0.0


def _places(run: Run, lull: Lulls) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Give the places at which a piece may end, and how deep the lull is there: lulls, and what was read as an end."""
    working = np.flatnonzero(run.at_work)
    first, end = run.first, run.end
    if len(working):
        first, end = min(first, int(working[0])), max(end, int(working[-1]) + 1)
    found = {first: 1.0, end: 1.0}
    found |= {row: depth(lull, row) for row in middles(lull) if first + NEAR <= row <= end - NEAR}
    edges = {edge for visit in run.visits for edge in (visit.first, visit.end)}
    edges |= {edge for aside in run.asides for edge in (aside.first, aside.end)}
    for read_as in sorted(edges):
        if first < read_as < end and min(abs(read_as - place) for place in found) > NEAR:
            found[read_as] = 0.0
    places = sorted(found)
    return np.array(places, np.intp), np.array([found[place] for place in places])
