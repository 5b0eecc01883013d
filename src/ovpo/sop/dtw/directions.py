# SPDX-License-Identifier: Apache-2.0
"""What an implementation of the dynamic programme offers, and the arrays that it is given."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Directions = NDArray[np.uint8]
"""Which way each cell of a band of rows was reached, each implementation in its own layout."""
Path = NDArray[np.int32]
Block = NDArray[np.float32]
Factors = NDArray[np.float32]
Lines = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Programme:
    """An implementation of the dynamic programme over a band of rows."""

    name: str
    shape: Callable[[int, int], tuple[int, int, int]]
    """What array holds the directions of so many rows and columns."""
    advance: Callable[[Block, Factors, Factors, Lines, Directions], None]
    """Take the programme over a band of rows.

    Given are the band's products, what its rows and its columns are multiplied by to be cosines, lines of which the
    first is the row before the band (after the corner before that), and an array for the directions. The first line
    becomes the band's last row; the other eight are scratch.
    """
    trace: Callable[[Directions, int, int, int, Path, int], tuple[int, int, int]]
    """Walk back from a cell until the way leaves the band, whose first row is given; say where it goes on.

    The pairs go into the path, from just before the given place towards its start; the place comes back moved. The row
    is -1 when the way is at its begin.
    """
    cells: int
    """How many cells a band should have; it has at least a product's."""
