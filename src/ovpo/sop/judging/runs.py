# SPDX-License-Identifier: Apache-2.0
"""Stretches of rows that follow one another."""

import numpy as np
from numpy.typing import NDArray


def runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give the stretches in which all rows are marked, each with its first row and the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
