# SPDX-License-Identifier: Apache-2.0
"""The numbers of single pictures, in blocks that each see one thing: place, colours, edges, shape, change."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.embedders.heuristic.foreground import Foreground
from ovpo.sop.embedders.heuristic.planes import HEIGHT, WIDTH, Floats

CELLS: Final = (9, 16)
"""Rows and columns of the plain grid on which it is kept where things are."""
COLOURS: Final = 7
COLOUR_STEP: Final = 0.06
HELD: Final = 4.0
"""What changes by this part of full brightness from one picture to the next is counted as moved, and so as held."""
DIRECTIONS: Final = 9
WAVES: Final = (8, 9)
"""How many frequencies, vertical and horizontal, tell the shape of what is there, wherever it is."""
EXTENTS: Final = 6


def blocks(seen: Foreground, before: Floats | None) -> Mapping[str, Floats]:
    """Make the blocks of n pictures; `before` is the brightness of the picture that came before the first."""
    changes = _changes(seen.luma, before)
    return {
        "place": _cells(seen.weight),
        "tone": np.concatenate([_cells(seen.difference[:, channel]) for channel in range(3)], axis=1),
        "change": _cells(changes),
        "colour": _colours(seen, seen.weight),
        "held": _colours(seen, seen.weight * np.minimum(HELD * changes, 1)),
        "edges": _edges(seen),
        "shape": np.concatenate([_waves(seen.weight), _waves(seen.difference[:, 0])], axis=1),
        "extent": _extents(seen.weight),
    }


def _cells(plane: Floats) -> Floats:
    rows, columns = CELLS
    cut = plane.reshape(len(plane), rows, HEIGHT // rows, columns, WIDTH // columns)
    return np.asarray(cut.mean(axis=(2, 4)).reshape(len(plane), -1), dtype=np.float32)


def _histogram(bins: NDArray[np.intp], weight: Floats, of: int) -> Floats:
    count = len(bins)
    index = np.arange(count)[:, None, None] * of + bins
    return np.bincount(index.ravel(), weight.ravel(), count * of).reshape(count, of).astype(np.float32)


def _colours(seen: Foreground, weight: Floats) -> Floats:
    steps = np.clip(np.rint(seen.chroma / COLOUR_STEP) + COLOURS // 2, 0, COLOURS - 1).astype(np.intp)
    return np.sqrt(_histogram(steps[:, 0] * COLOURS + steps[:, 1], weight, COLOURS**2))


def _edges(seen: Foreground) -> Floats:
    across, down = np.zeros_like(seen.luma), np.zeros_like(seen.luma)
    across[:, :, 1:-1] = seen.luma[:, :, 2:] - seen.luma[:, :, :-2]
    down[:, 1:-1] = seen.luma[:, 2:] - seen.luma[:, :-2]
    strength = np.hypot(across, down) * seen.weight
    turn = np.arctan2(down, across) / np.pi % 1 * DIRECTIONS
    return np.sqrt(_histogram(np.minimum(turn.astype(np.intp), DIRECTIONS - 1), strength, DIRECTIONS))


def _waves(plane: Floats) -> Floats:
    spectrum = np.abs(np.fft.rfft2(plane))[:, :, : WAVES[1]]
    half = WAVES[0] // 2
    kept = np.concatenate([spectrum[:, :half], spectrum[:, -half:]], axis=1)
    return np.asarray(np.sqrt(kept.reshape(len(plane), -1)), dtype=np.float32)


def _extents(weight: Floats) -> Floats:
    """Give the middle, the spread and the slant of what is there, and how much of the picture it is."""
    mass = np.square(weight)
    total = mass.sum(axis=(1, 2)) + 1e-3
    down = ((np.arange(HEIGHT) + 0.5) / HEIGHT).astype(np.float32)
    across = ((np.arange(WIDTH) + 0.5) / WIDTH).astype(np.float32)
    rows, columns = mass.sum(axis=2) / total[:, None], mass.sum(axis=1) / total[:, None]
    y, x = rows @ down, columns @ across
    high = np.sqrt(np.maximum(rows @ np.square(down) - y**2, 0))
    wide = np.sqrt(np.maximum(columns @ np.square(across) - x**2, 0))
    slant = ((mass @ across) @ down) / total - x * y
    return np.stack([x, y, wide, high, 4 * slant, np.sqrt(total / weight[0].size)], axis=1).astype(np.float32)


def _changes(luma: Floats, before: Floats | None) -> Floats:
    first = luma[:1] if before is None else before
    return np.abs(np.diff(luma, axis=0, prepend=first))
