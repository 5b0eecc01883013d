# SPDX-License-Identifier: Apache-2.0
"""The cosine of every gold row with every trainee row, a band of gold rows at a time.

Rows are multiplied as they were given; their lengths are divided out afterwards, where the products are looked at
anyway. A matrix product rounds by the shape it is asked for. So the heights of the products depend on the width alone,
never on who asks: every way of aligning the same rows sees the same numbers, and so does every repetition.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from ovpo.sop.dtw.directions import Block, Factors
from ovpo.sop.dtw.inputs import Numbers, refuse_non_finite

CELLS: Final = 4 << 20
"""How many cells a product makes at most: 16 MB of them."""
TALLEST: Final = 768
"""Rows of a product: fewer cost speed (10 % at 256, 2 % at 512), more cost memory."""
LOWEST: Final = 8

_SQUARES: Final = (np.float32(1e-30), np.float32(1e37))
"""Sums of squares outside of this lose digits in float32, or do not fit."""


class Similarity(Protocol):
    """The matrix that an alignment goes through."""

    @property
    def height(self) -> int:
        """Rows."""
        ...

    @property
    def width(self) -> int:
        """Columns."""
        ...

    @property
    def row_factors(self) -> Factors:
        """What each row is multiplied by, before the columns are."""
        ...

    @property
    def column_factors(self) -> Factors:
        """What each column is multiplied by."""
        ...

    def band(self, begin: int, end: int) -> Block:
        """Give the rows from `begin`, a multiple of `product_height(width)`, to `end`; good until the next call."""
        ...


def product_height(width: int) -> int:
    """Say how many rows one product has, for so many columns."""
    rows = CELLS // width // LOWEST * LOWEST
    return max(LOWEST, min(TALLEST, rows))


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows as they were given, and what makes each of them one long, or zero where there is nothing to make long."""

    values: Numbers
    factors: Factors


def measured(name: str, values: Numbers, *, normalized: bool) -> Rows:
    """Find the rows' factors, and refuse rows that hold NaN or infinity."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = np.vecdot(values, values)
    least, most = _SQUARES
    usual = (squares >= least) & (squares <= most)
    if usual.all():
        return Rows(values, np.ones_like(squares) if normalized else np.float32(1) / np.sqrt(squares))
    refuse_non_finite(name, values)
    if normalized:
        return Rows(values, np.ones_like(squares))
    if values[~usual].any():
        return Rows(_unit_rows(values), np.ones_like(squares))
    return Rows(values, np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=usual))


class Cosines:
    """The cosines of rows; the products go into one piece of memory again and again."""

    def __init__(self, gold: Rows, trainee: Rows) -> None:
        self.height, self.width = len(gold.values), len(trainee.values)
        self.row_factors, self.column_factors = gold.factors, trainee.factors
        self._gold, self._across = gold.values, trainee.values.T
        self._room: Block = np.empty((0, self.width), np.float32)

    def band(self, begin: int, end: int) -> Block:
        """See Similarity.band."""
        if len(self._room) < end - begin:
            self._room = np.empty((end - begin, self.width), np.float32)
        step = product_height(self.width)
        for first in range(begin, end, step):
            last = min(first + step, end)
            np.dot(self._gold[first:last], self._across, out=self._room[first - begin : last - begin])
        return self._room[: end - begin]


class Matrix:
    """A similarity matrix that is there already."""

    def __init__(self, values: Block) -> None:
        self.height, self.width = values.shape
        self.row_factors, self.column_factors = np.ones(self.height, np.float32), np.ones(self.width, np.float32)
        self._values = values

    def band(self, begin: int, end: int) -> Block:
        """See Similarity.band."""
        return self._values[begin:end]


def whole(similarity: Similarity) -> Block:
    """Give the matrix in one piece, multiplied out: for pictures and tests."""
    values = similarity.band(0, similarity.height) * similarity.row_factors[:, np.newaxis]
    values *= similarity.column_factors
    return values


def _unit_rows(values: Numbers) -> Numbers:
    """Make rows one long whose squares float32 cannot hold."""
    wide = values.astype(np.float64)
    length = np.sqrt(np.vecdot(wide, wide))
    unit: Numbers = (wide / np.where(length > 0, length, 1)[:, np.newaxis]).astype(np.float32)
    return unit
