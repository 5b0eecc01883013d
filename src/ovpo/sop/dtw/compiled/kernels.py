# SPDX-License-Identifier: Apache-2.0
"""The dynamic programme in machine code. Only loading.py imports this: numba takes 0.4 s to import.

Each cell needs the one to its left, so a row alone waits for an addition and a minimum at every cell. Eight rows go
side by side, each one column behind the row above it: eight chains of such waits run at once, in registers, and a cell
costs about 1 ns. Which way each cell came is found afterwards, from the finished rows, eight cells an instruction.

`bits[g, 0]` and `bits[g, 1]` hold a byte a column: bit r of it stands for row 8·g + r of the band, and says whether
that cell was reached from above, and whether from the left. Left goes before above; with neither it was diagonal.
"""

from typing import Final

import numpy as np
from numba import njit, types

from ovpo.sop.dtw.directions import Programme

GROUP: Final = 8
INF: Final = np.inf
ONE: Final = np.float32(1)

_FLAGS: Final = {"nnan", "nsz"}
"""What lets a minimum be one instruction, and changes no sum."""
_BITS: Final = types.Array(types.uint8, 3, "C")
_FACTORS: Final = types.Array(types.float32, 1, "C")
_ADVANCE: Final = types.void(
    types.Array(types.float32, 2, "C"), _FACTORS, _FACTORS, types.Array(types.float64, 2, "C"), _BITS
)
_WHERE: Final = (types.int64,) * 3
_TRACE: Final = types.UniTuple(types.int64, 3)(_BITS, *_WHERE, types.Array(types.int32, 2, "C"), types.int64)  # type: ignore[no-untyped-call]


def shape(height: int, width: int) -> tuple[int, int, int]:
    """Say what array holds the directions of so many rows: a byte a column for eight rows, up and left."""
    return -(-height // GROUP), 2, width


@njit(nogil=True, error_model="numpy", fastmath=_FLAGS, inline="never")
def _price(products, first, count, row_factors, column_factors, cost):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Find what each cell of a group costs."""
    for row in range(count):
        factor, given, found = row_factors[first + row], products[first + row], cost[row]
        for column in range(given.shape[0]):
            found[column] = ONE - given[column] * factor * column_factors[column]


@njit(nogil=True, error_model="numpy", fastmath=_FLAGS, inline="never")
def _stretch(cost, lines, row, begin, end):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill one row's cells from `begin` to `end`, one after the other."""
    for column in range(begin, end):
        best = min(lines[row, column], lines[row, column + 1], lines[row + 1, column])
        lines[row + 1, column + 1] = best + np.float64(cost[row, column])


@njit(nogil=True, error_model="numpy", fastmath=_FLAGS, inline="never")
def _eight(cost, lines, width):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill eight rows, from the lower left corner of the skewed strip to its upper right one."""
    for row in range(7):
        _stretch(cost, lines, row, 0, 7 - row)
    corner = lines[0, 7]
    v0, v1, v2, v3 = lines[1, 7], lines[2, 6], lines[3, 5], lines[4, 4]
    v4, v5, v6, v7 = lines[5, 3], lines[6, 2], lines[7, 1], INF
    w0, w1, w2, w3 = lines[1, 6], lines[2, 5], lines[3, 4], lines[4, 3]
    w4, w5, w6 = lines[5, 2], lines[6, 1], INF
    for column in range(7, width):
        # v is a row's newest cell, w the one before it: the row below has them above and to the left of that.
        v7 = min(w6, v6, v7) + np.float64(cost[7, column - 7])
        lines[8, column - 6] = v7
        w6, v6 = v6, min(w5, v5, v6) + np.float64(cost[6, column - 6])
        lines[7, column - 5] = v6
        w5, v5 = v5, min(w4, v4, v5) + np.float64(cost[5, column - 5])
        lines[6, column - 4] = v5
        w4, v4 = v4, min(w3, v3, v4) + np.float64(cost[4, column - 4])
        lines[5, column - 3] = v4
        w3, v3 = v3, min(w2, v2, v3) + np.float64(cost[3, column - 3])
        lines[4, column - 2] = v3
        w2, v2 = v2, min(w1, v1, v2) + np.float64(cost[2, column - 2])
        lines[3, column - 1] = v2
        w1, v1 = v1, min(w0, v0, v1) + np.float64(cost[1, column - 1])
        lines[2, column] = v1
        above = lines[0, column + 1]
        w0, v0 = v0, min(corner, above, v0) + np.float64(cost[0, column])
        lines[1, column + 1] = v0
        corner = above
    for row in range(1, 8):
        _stretch(cost, lines, row, width - row, width)


@njit(nogil=True, error_model="numpy", fastmath=_FLAGS, inline="never")
def _pack(lines, row, ups, lefts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the directions of one finished row to its group's bits."""
    above, own = lines[row], lines[row + 1]
    bit = np.uint8(1 << row)
    for column in range(ups.shape[0]):
        diagonal, up, left = above[column], above[column + 1], own[column]
        ups[column] |= bit if up < diagonal else np.uint8(0)
        lefts[column] |= bit if left < min(diagonal, up) else np.uint8(0)


def _advance(products, row_factors, column_factors, lines, bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """See Programme.advance."""
    height, width = products.shape
    cost = np.empty((GROUP, width), np.float32)
    bits[:] = 0
    for first in range(0, height, GROUP):
        count = min(GROUP, height - first)
        _price(products, first, count, row_factors, column_factors, cost)
        for row in range(count):
            lines[row + 1, 0] = INF
        if count == GROUP and width >= GROUP:
            _eight(cost, lines, width)
        else:
            for row in range(count):
                _stretch(cost, lines, row, 0, width)
        group = bits[first // GROUP]
        for row in range(count):
            _pack(lines, row, group[0], group[1])
        lines[0] = lines[count]


def _trace(bits, first, row, column, path, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """See Programme.trace."""
    while row >= first:
        place -= 1
        path[place, 0] = row
        path[place, 1] = column
        group, bit = divmod(row - first, GROUP)
        if bits[group, 1, column] >> np.uint8(bit) & 1:
            column -= 1
        elif row == 0:
            return -1, column, place
        else:
            if not bits[group, 0, column] >> np.uint8(bit) & 1:
                column -= 1
            row -= 1
    return row, column, place


def programme(*, cache: bool) -> Programme:
    """Compile, or take what an earlier process compiled where there is a folder for that."""
    advance = njit(_ADVANCE, nogil=True, cache=cache, error_model="numpy", fastmath=_FLAGS)(_advance)
    trace = njit(_TRACE, nogil=True, cache=cache, error_model="numpy")(_trace)
    return Programme("compiled", shape, advance, trace, cells=0)
