# SPDX-License-Identifier: Apache-2.0
"""The similarity matrix made small: averaged to what can be seen, with the path and the steps, as JSON for the page."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ovpo.sop.errors import SopError
from ovpo.sop.explain.path import Run, runs, thinned
from ovpo.sop.explain.timeline import GoldStep, Marking, timeline
from ovpo.sop.result import Interval, Result

CELLS: Final = 256
"""The most rows, and columns, that the page is given."""


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """The cosine of every gold row with every trainee row, and how much time a row stands for."""

    values: NDArray[np.float32]
    gold_row_seconds: float
    trainee_row_seconds: float

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or 0 in self.values.shape:
            raise SopError(
                "matrix_shape", f"a similarity matrix has gold rows and trainee rows, not the shape {self.values.shape}"
            )

    @property
    def gold_seconds(self) -> float:
        """How much of the gold video the matrix covers."""
        return float(self.values.shape[0] * self.gold_row_seconds)

    @property
    def trainee_seconds(self) -> float:
        """How much of the trainee's video the matrix covers."""
        return float(self.values.shape[1] * self.trainee_row_seconds)

    @property
    def gap(self) -> float:
        """The jump, in seconds, from which on two points of the path do not belong together."""
        return max(4 * self.gold_row_seconds, 4 * self.trainee_row_seconds, 1.0)


class MatrixJson(Struct, frozen=True, kw_only=True):
    """A matrix for the page: `cells` holds a byte a cell, row after row, from `low` (0) to `high` (255)."""

    rows: int
    columns: int
    gold_seconds: float
    trainee_seconds: float
    low: float
    high: float
    cells: bytes
    """Base64 in the JSON."""
    path: tuple[Run, ...]
    """Lines of gold and trainee seconds."""
    steps: tuple[GoldStep, ...]
    trainee_steps: tuple[Interval | None, ...]
    """Where the trainee did each of the steps."""
    deviations: tuple[Marking, ...]


def averaged(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Average a matrix down to at most so many rows and columns; what is no number counts as 0."""
    down, across = _edges(values.shape[0], rows), _edges(values.shape[1], columns)
    # A block of rows at a time: the matrix may be larger than what memory is left.
    lines = [
        np.nan_to_num(values[first:last]).mean(axis=0, dtype=np.float64) for first, last in pairwise(down.tolist())
    ]
    sums = np.add.reduceat(np.stack(lines), across[:-1], axis=1)
    return np.asarray(sums / np.diff(across), dtype=np.float32)


def _edges(size: int, most: int) -> NDArray[np.intp]:
    blocks = min(size, most)
    return np.arange(blocks + 1) * size // blocks


def bounds(values: NDArray[np.float32]) -> tuple[float, float]:
    """Choose which values get the darkest and the lightest colour: all but the outermost hundredth at either end."""
    low, high = (float(bound) for bound in np.percentile(values, (1, 99)))
    return (low, high) if high - low > 1e-3 else (low - 0.5, low + 0.5)


def levels(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Spread values over 0 to 255."""
    return np.asarray(np.rint(np.clip((values - low) / (high - low), 0, 1) * 255), dtype=np.uint8)


def matrix_json(similarity: Similarity, result: Result) -> MatrixJson:
    """Make a matrix small enough for a page."""
    small = averaged(similarity.values, CELLS, CELLS)
    low, high = bounds(small)
    apart = max(similarity.gold_seconds, similarity.trainee_seconds) / CELLS
    shown = timeline(result)
    return MatrixJson(
        rows=small.shape[0],
        columns=small.shape[1],
        gold_seconds=similarity.gold_seconds,
        trainee_seconds=similarity.trainee_seconds,
        low=round(low, 4),
        high=round(high, 4),
        cells=levels(small, low, high).tobytes(),
        path=tuple(thinned(run, apart) for run in runs(result.alignment.path, similarity.gap)),
        steps=shown.steps,
        trainee_steps=tuple(step.trainee for step in result.steps),
        deviations=shown.deviations,
    )
