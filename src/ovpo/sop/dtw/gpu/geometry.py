# SPDX-License-Identifier: Apache-2.0
"""How pairs are laid out for the kernels: strips, steps and places in memory. Numbers only, no device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANES = 32
CHUNK = 32
"""Steps that a warp sweeps between two barriers; the kernel's STEPS."""
RING = 128


@dataclass(frozen=True, slots=True)
class Tiling:
    """What the kernels are compiled for."""

    rows_per_lane: int = 2
    warps: int = 4

    @property
    def strip(self) -> int:
        """Rows that a warp sweeps at once."""
        return LANES * self.rows_per_lane

    @property
    def shared_bytes(self) -> int:
        """Shared memory of a block: two tiles and a ring for each warp, and the ticket."""
        return self.warps * (2 * self.strip * (CHUNK + 1) * 4 + RING * 8) + 8


TILING = Tiling()


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One gold sequence of `rows` against many others: their similarities stand side by side in one matrix."""

    tiling: Tiling
    rows: int
    first_column: NDArray[np.int64]
    """Where a pair's columns begin, and behind the last pair where they end."""
    first_step: NDArray[np.int64]
    """The same for the steps of a sweep, which the lanes' skew makes longer; whole chunks."""

    @property
    def pairs(self) -> int:
        """How many."""
        return len(self.first_column) - 1

    @property
    def columns(self) -> int:
        """Of all pairs together."""
        return int(self.first_column[-1])

    @property
    def strips(self) -> int:
        """Of a pair."""
        return -(-self.rows // self.tiling.strip)

    @property
    def blocks(self) -> int:
        """Of a pair."""
        return -(-self.strips // self.tiling.warps)

    @property
    def directions(self) -> int:
        """Words of 32 bits: two a row of a lane and step."""
        return int(self.first_step[-1]) * self.strips * 2 * self.tiling.rows_per_lane

    @property
    def edges(self) -> int:
        """Costs that blocks leave for one another."""
        return int(self.first_step[-1]) * self.blocks

    @property
    def places(self) -> int:
        """Pairs of rows that all paths may have together."""
        return self.columns + self.pairs * (self.rows - 1)

    def place(self, pair: int) -> slice:
        """Find a pair's place among the paths."""
        first, after = (int(self.first_column[number]) + number * (self.rows - 1) for number in (pair, pair + 1))
        return slice(first, after)

    @property
    def result_bytes(self) -> int:
        """Totals, begins and paths, one after the other."""
        return self.pairs * 8 + _even(self.pairs) * 4 + self.places * 8

    @property
    def device_bytes(self) -> int:
        """All that the kernels need beyond the rows: 4.25 bytes a cell, and what the skew and the paths add."""
        flags = (self.pairs * self.blocks + 1) * 4
        table = (self.pairs + 1) * 16
        return self.rows * self.columns * 4 + self.directions * 4 + self.edges * 8 + flags + table + self.result_bytes

    def split(self, result: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
        """View the result as totals, begins and paths; arrays of a device do as well."""
        behind_totals = self.pairs * 8
        behind_begins = behind_totals + _even(self.pairs) * 4
        totals = result[:behind_totals].view(np.float64)
        begins = result[behind_totals:behind_begins].view(np.int32)
        return totals, begins, result[behind_begins:].view(np.int32)


def layout(rows: int, lengths: Sequence[int], tiling: Tiling = TILING) -> Layout:
    """Lay out a gold sequence of so many rows against sequences of these lengths."""
    columns = np.asarray(lengths, dtype=np.int64)
    steps = -(-(columns + LANES - 1) // CHUNK) * CHUNK
    return Layout(tiling=tiling, rows=rows, first_column=_starts(columns), first_step=_starts(steps))


def groups(rows: int, lengths: Sequence[int], dims: int, room: int, tiling: Tiling = TILING) -> Iterator[range]:
    """Cut many pairs into runs that fit into so many bytes, rows included; a pair too large stands alone."""
    begin, taken = 0, 0
    for number, length in enumerate(lengths):
        need = layout(rows, [length], tiling).device_bytes + 8 * length * dims
        if number > begin and taken + need > room:
            yield range(begin, number)
            begin, taken = number, 0
        taken += need
    yield range(begin, len(lengths))


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _even(number: int) -> int:
    return number + number % 2
