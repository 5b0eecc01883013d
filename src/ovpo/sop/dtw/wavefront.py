# SPDX-License-Identifier: Apache-2.0
"""The dynamic programme in NumPy: all cells of an anti-diagonal at once, because none of them needs another of it.

It serves until the compiled kernel is ready, and gives the same numbers and the same path, bit for bit. The cost of a
band of rows is sheared once, so that each anti-diagonal is a line of memory; directions stay sheared.
"""

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ovpo.sop.dtw.directions import Block, Directions, Factors, Lines, Path, Programme

STRIP: Final = 64
"""Rows sheared at once: so many that a line of the copy is 256 bytes, so few that their pages stay at hand."""

_ONE: Final = np.float32(1)


def shape(height: int, width: int) -> tuple[int, int, int]:
    """Say what array holds the directions of so many rows: up and left, anti-diagonal by anti-diagonal."""
    return 2, height + width - 1, height


def advance(
    products: Block, row_factors: Factors, column_factors: Factors, lines: Lines, directions: Directions
) -> None:
    """See Programme.advance."""
    height, width = products.shape
    cost = _sheared_cost(products, row_factors, column_factors)
    ups, lefts = directions.view(np.bool_)
    edge = lines[0]
    # Line i + 1 of a front is row i of the band; line 0 is the row before the band.
    front, last, before = np.full((3, height + 1), np.inf)
    last[0], before[0] = edge[1], edge[0]
    least = np.empty(height)
    for number in range(height + width - 1):
        begin, end = max(0, number - width + 1), min(number, height - 1) + 1
        cells, below = slice(begin, end), slice(begin + 1, end + 1)
        diagonal, up, left, best = before[cells], last[cells], last[below], least[cells]
        np.less(up, diagonal, out=ups[number, cells])
        np.minimum(up, diagonal, out=best)
        np.less(left, best, out=lefts[number, cells])
        np.minimum(left, best, out=best)
        np.add(best, cost[number, cells], out=front[below])
        if number + 2 <= width:
            front[0] = edge[number + 2]
        if number >= height - 1:
            edge[number - height + 2] = front[height]
        front, last, before = before, front, last
    edge[0] = np.inf


def trace(directions: Directions, first: int, row: int, column: int, path: Path, place: int) -> tuple[int, int, int]:
    """See Programme.trace."""
    ups, lefts = directions
    while row >= first:
        place -= 1
        path[place] = row, column
        inside = row - first
        number = inside + column
        if lefts[number, inside]:
            column -= 1
        elif row == 0:
            return -1, column, place
        else:
            if not ups[number, inside]:
                column -= 1
            row -= 1
    return row, column, place


def _sheared_cost(products: Block, row_factors: Factors, column_factors: Factors) -> NDArray[np.float32]:
    """Put 1 - cosine where line d holds the cells whose row and column add up to d, by row."""
    height, width = products.shape
    cost = np.empty((height + width - 1, height), np.float32)
    for begin in range(0, height, STRIP):
        end = min(begin + STRIP, height)
        cosines = products[begin:end] * row_factors[begin:end, np.newaxis]
        cosines *= column_factors
        size = cosines.itemsize
        # Lines are read past their ends into those beside them, never past the strip: those cells are not looked at.
        slanted = as_strided(
            cosines, (end - begin + width - 1, end - begin), (size, size * (width - 1)), writeable=False
        )
        np.subtract(_ONE, slanted, out=cost[begin : end + width - 1, begin:end])
    return cost


PROGRAMME: Final = Programme("NumPy", shape, advance, trace, cells=4 << 20)
