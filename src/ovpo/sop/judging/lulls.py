# SPDX-License-Identifier: Apache-2.0
"""Lulls: moments at which hands and tools are out of the picture, between two steps more often than amid one."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.embedding import Embedding
from ovpo.sop.judging.runs import runs

Lulls = NDArray[np.float32]
AROUND: Final = 1.5
"""So many seconds before and after a moment say how much is usually to be seen there."""
SHALLOW: Final = 0.3
DEEP: Final = 0.55
"""A moment at which less than this share of that is missing is no lull; from the other share on it is one for sure."""
LEAST: Final = 0.3
"""A lull counts from here on."""
BESIDE: Final = 2
"""A step's end is in a lull if that is no more rows away."""


def lulls(video: Embedding) -> Lulls:
    """Tell of each row how much of a lull it is, from 0 to 1: all 0 where its embedder tells no background."""
    presence = np.asarray(video.sidecar.presence, np.float32)
    if not len(presence):
        return np.zeros(len(video.rows), np.float32)
    reach = max(round(AROUND / video.sidecar.maker.clips.row_seconds), 1)
    padded = np.pad(presence, reach, constant_values=np.inf)
    most = np.lib.stride_tricks.sliding_window_view(padded, reach + 1).max(axis=1)
    around = np.minimum(most[: len(presence)], most[reach:])
    known = np.isfinite(around) & (around > 0)
    missing = np.where(known, 1 - presence / np.where(known, around, 1), 0)
    return np.asarray(np.clip((missing - SHALLOW) / (DEEP - SHALLOW), 0, 1), np.float32)


def middles(lull: Lulls) -> list[int]:
    """Give the row in the middle of each lull."""
    found = []
    for first, end in runs(lull >= LEAST):
        inside = lull[first:end]
        found.append(first + round(float(np.flatnonzero(inside >= inside.max() - 1e-6).mean())))
    return found


def depth(lull: Lulls, row: int, beside: int = 1) -> float:
    """Tell how deep the lull is at a row or right beside it."""
    return float(lull[max(row - beside, 0) : row + beside + 1].max(initial=0.0))


def reliance(lull: Lulls, step_of: NDArray[np.int32]) -> float:
    """Tell how far the ends of the gold's steps are in lulls; a gold of one step tells nothing of that."""
    ends = np.flatnonzero(np.diff(step_of)) + 1
    return float(np.mean([depth(lull, int(end), BESIDE) for end in ends])) if len(ends) else 0.0


def amid(lull: Lulls, step_of: NDArray[np.int32]) -> NDArray[np.float64]:
    """Add up the lulls amid each step of the gold."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(step_of)) + 1, [len(step_of)]])
    rows = middles(lull)
    found = [
        sum(depth(lull, row) for row in rows if first + BESIDE < row < end - BESIDE) for first, end in pairwise(edges)
    ]
    return np.array(found, np.float64)
