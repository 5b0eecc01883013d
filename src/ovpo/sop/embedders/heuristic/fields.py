# SPDX-License-Identifier: Apache-2.0
"""Where something is, told in wide overlapping fields that are laid around the middle of everything that is done.

A camera that stands a hand's breadth aside shows the same work elsewhere in the picture; around its own middle it is
in the same fields again.
"""

from typing import Final

import numpy as np

from ovpo.sop.embedders.heuristic.blocks import CELLS
from ovpo.sop.embedders.heuristic.planes import Floats

FIELDS: Final = (6, 9)
"""Rows and columns of fields."""
SPREAD: Final = 0.11
"""The standard deviation of a field, as a share of the picture's side."""


def fields(place: Floats) -> Floats:
    """Make the fields of a video, cells x fields, from where things were in all of its pictures."""
    rows, columns = CELLS
    mass = place.mean(axis=0, dtype=np.float64).reshape(rows, columns)
    total = max(float(mass.sum()), 1e-9)
    middle = (
        float(mass.sum(axis=1) @ _centres(rows)) / total if total > 1e-6 else 0.5,
        float(mass.sum(axis=0) @ _centres(columns)) / total if total > 1e-6 else 0.5,
    )
    down, across = _along(FIELDS[0], rows, middle[0]), _along(FIELDS[1], columns, middle[1])
    return np.kron(down, across).T.astype(np.float32)


def _centres(count: int) -> np.ndarray:
    return np.asarray((np.arange(count) + 0.5) / count)


def _along(count: int, cells: int, middle: float) -> np.ndarray:
    centres = _centres(count) - 0.5 + middle
    heights = np.exp(-0.5 * np.square((_centres(cells)[None] - centres[:, None]) / SPREAD))
    return np.asarray(heights / heights.sum(axis=1, keepdims=True))
