# SPDX-License-Identifier: Apache-2.0
"""Dynamic time warping as textbooks have it, cell by cell: what every faster one is tested against."""

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.dtw.directions import Path

_ONE = np.float32(1)


def cosines(gold: NDArray[np.float32], trainee: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the cosine of each gold row with each trainee row; a zero row has cosine 0 with all."""
    return _unit(gold) @ _unit(trainee).T


def align(
    similarity: NDArray[np.float32], *, open_begin: bool = False, open_end: bool = False
) -> tuple[Path, float, float]:
    """Give the cheapest path, its mean cost and its total cost.

    A cell costs 1 - similarity in float32; costs are added up in float64. A cell is reached from its upper left, upper
    or left neighbour, in this order where they are equal. Open ends may leave out columns, never rows.
    """
    height, width = similarity.shape
    total = np.full((height + 1, width + 1), np.inf)
    total[0, :] = 0 if open_begin else np.inf
    total[0, 0] = 0
    for row in range(height):
        for column in range(width):
            least = min(total[row, column], total[row, column + 1], total[row + 1, column])
            total[row + 1, column + 1] = least + np.float64(_ONE - similarity[row, column])
    last = int(total[height, 1:].argmin()) if open_end else width - 1
    pairs = _back(total, height - 1, last)
    cost = float(total[height, last + 1])
    return np.array(pairs, np.int32), cost / len(pairs), cost


def _back(total: NDArray[np.float64], row: int, column: int) -> list[tuple[int, int]]:
    pairs = [(row, column)]
    while True:
        diagonal, up, left = total[row, column], total[row, column + 1], total[row + 1, column]
        if left < diagonal and left < up:
            column -= 1
        elif row == 0:
            return pairs[::-1]
        elif up < diagonal:
            row -= 1
        else:
            row, column = row - 1, column - 1
        pairs.append((row, column))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
