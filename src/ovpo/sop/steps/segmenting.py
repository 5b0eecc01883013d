# SPDX-License-Identifier: Apache-2.0
"""Finds where one step of a gold video ends and the next begins: where the pictures change, in a lull if there is one.

Rows of one step are like one another. The boundaries are those by which the rows differ least from the means of their
steps; a boundary in a lull counts as so much less.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.embedding import Rows

LEAST_SECONDS: Final = 1.5
"""No step that is found is shorter."""
MOST_ROWS: Final = 3000
"""Longer videos are looked at more coarsely, for the time taken grows with the square."""
PENALTY: Final = 1.0
"""What a boundary costs, each row of the shortest step, where the number of steps is not known."""
LULL: Final = 2.0
"""What a boundary costs less in a lull."""
_Costs = NDArray[np.float64]


def boundaries(
    rows: Rows, row_seconds: float, count: int | None, lull: NDArray[np.float32] | None = None
) -> tuple[int, ...]:
    """Give the first row of each step but the first: of so many steps, or of as many as the pictures tell."""
    every = max(-(-len(rows) // MOST_ROWS), 1)
    coarse = _coarser(rows, every)
    least = max(round(LEAST_SECONDS / row_seconds / every), 1)
    if count is not None:
        count = max(min(count, len(coarse)), 1)
        least = max(min(least, len(coarse) // count), 1)
    if len(coarse) < 2 * least or count == 1:
        return ()
    gain = LULL * (np.zeros(len(coarse)) if lull is None else _coarser(lull[:, None], every)[:, 0].astype(np.float64))
    apart = _apart(coarse, least)
    found = _of_any_number(apart, PENALTY * least - gain) if count is None else _of_number(apart, gain, count)
    return tuple(row * every for row in found)


def _coarser(rows: Rows, every: int) -> Rows:
    return rows[: len(rows) // every * every].reshape(-1, every, rows.shape[1]).mean(axis=1) if every > 1 else rows


def _apart(rows: Rows, least: int) -> _Costs:
    """Tell how far rows differ from their mean, of all stretches from one row to the one before another."""
    exact = rows.astype(np.float64)
    sums = np.concatenate([np.zeros((1, exact.shape[1])), np.cumsum(exact, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum(np.einsum("ij,ij->i", exact, exact))])
    lengths = np.arange(len(sums)) - np.arange(len(sums))[:, None]
    own = np.einsum("ij,ij->i", sums, sums)
    apart = squares - squares[:, None] - (own + own[:, None] - 2 * (sums @ sums.T)) / np.maximum(lengths, 1)
    apart[lengths < least] = np.inf
    return np.asarray(apart, np.float64)


def _of_number(apart: _Costs, gain: _Costs, count: int) -> list[int]:
    ends = len(apart)
    best, came_from = apart[0], []
    for _ in range(count - 1):
        through = (best - np.append(gain, 0.0))[:, None] + apart
        came_from.append(through.argmin(axis=0))
        best = through[came_from[-1], np.arange(ends)]
    found = [ends - 1]
    for source in reversed(came_from):
        found.append(int(source[found[-1]]))
    return found[:0:-1]


def _of_any_number(apart: _Costs, price: _Costs) -> list[int]:
    ends = len(apart)
    best, came_from = np.full(ends, np.inf), np.zeros(ends, np.intp)
    best[0] = 0.0
    for end in range(1, ends):
        through = best[:end] + apart[:end, end]
        came_from[end] = through.argmin()
        best[end] = through[came_from[end]] + (price[end] if end < ends - 1 else 0.0)
    found = [int(came_from[-1])]
    while found[-1]:
        found.append(int(came_from[found[-1]]))
    return found[-2::-1]
