# SPDX-License-Identifier: Apache-2.0
"""From the blocks of pictures to rows: each block over a window, beside the video's usual, at one length, weighed."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Final

import numpy as np

from ovpo.sop.clips import Clips
from ovpo.sop.embedders.heuristic.blocks import COLOURS, DIRECTIONS, EXTENTS, WAVES
from ovpo.sop.embedders.heuristic.fields import FIELDS, fields
from ovpo.sop.embedders.heuristic.planes import Floats

WEIGHTS: Final[Mapping[str, float]] = {
    "place": 0.4,
    "tone": 0.7,
    "change": 0.4,
    "colour": 0.4,
    "held": 1.2,
    "edges": 0.3,
    "shape": 1.0,
    "sway": 0.7,
    "travel": 0.3,
}
PLACES: Final = FIELDS[0] * FIELDS[1]
SIZES: Final[Mapping[str, int]] = {
    "place": PLACES,
    "tone": 3 * PLACES,
    "change": PLACES,
    "colour": COLOURS**2,
    "held": COLOURS**2,
    "edges": DIRECTIONS,
    "shape": 2 * WAVES[0] * WAVES[1],
    "sway": PLACES,
    "travel": 2 * EXTENTS,
}
DIMS: Final = sum(SIZES.values())
TELLING: Final = ("place", "held", "sway", "shape")
"""Blocks in which each of the ways in which a step can be done otherwise shows."""
ASPECTS: Final = {
    name: (end - SIZES[name], end)
    for name, end in zip(SIZES, accumulate(SIZES.values()), strict=True)
    if name in TELLING
}
FAINTEST: Final = 0.25
"""A block that is weaker than this share of its full strength in the video is not blown up to full length."""
BUSY: Final = 0.3
"""Clips in which this share of the most that happens happens say what is usual for the video."""


def rows(blocks: Mapping[str, Floats], clips: Clips) -> Floats:
    """Make a row a clip; its blocks follow one another in the order of their names here."""
    bounds = _bounds(len(blocks["place"]), clips)
    seen = _windowed(blocks, bounds)
    strength = np.linalg.norm(seen["place"], axis=1)
    busy = strength >= BUSY * _most(strength)
    parts = [np.float32(weight) * _levelled(seen[name], busy) for name, weight in WEIGHTS.items()]
    joined = np.concatenate(parts, axis=1)
    length = np.linalg.norm(joined, axis=1, keepdims=True)
    return np.asarray(joined / np.where(length > 0, length, 1), dtype=np.float32)


def means(values: Floats, clips: Clips) -> Floats:
    """Average one number a picture over each clip."""
    return _means(values[:, None], _bounds(len(values), clips))[:, 0]


def _windowed(blocks: Mapping[str, Floats], bounds: np.ndarray) -> dict[str, Floats]:
    at = fields(blocks["place"])
    place = blocks["place"] @ at
    tones = blocks["tone"].reshape(len(place), 3, -1) @ at
    extent = blocks["extent"]
    steps = np.abs(np.diff(extent, axis=0, prepend=extent[:1]))
    travel = np.concatenate([_spread(extent, bounds), _means(steps, bounds)], axis=1)
    return {
        "place": _means(place, bounds),
        "tone": _means(tones.reshape(len(place), -1), bounds),
        "change": _means(np.sqrt(blocks["change"] @ at), bounds),
        "colour": _means(blocks["colour"], bounds),
        "held": _means(blocks["held"], bounds),
        "edges": _means(blocks["edges"], bounds),
        "shape": _means(blocks["shape"], bounds),
        "sway": _spread(place, bounds),
        "travel": np.sqrt(travel),
    }


def _bounds(count: int, clips: Clips) -> np.ndarray:
    return np.array([clips.samples_of(row, count) for row in range(clips.count(count))], dtype=np.intp).reshape(-1, 2)


def _sums(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    first, end = bounds[:, 0], bounds[:, 1]
    return np.asarray((sums[end] - sums[first]) / np.maximum(end - first, 1)[:, None])


def _means(values: Floats, bounds: np.ndarray) -> Floats:
    return _sums(values, bounds).astype(np.float32)


def _spread(values: Floats, bounds: np.ndarray) -> Floats:
    """Give the standard deviation inside each window."""
    exact = values.astype(np.float64)
    variance = _sums(np.square(exact), bounds) - np.square(_sums(exact, bounds))
    return np.asarray(np.sqrt(np.maximum(variance, 0)), dtype=np.float32)


def _levelled(values: Floats, busy: np.ndarray) -> Floats:
    """Take off what is usual for the video, and bring what is left to one length."""
    own = values - values[busy].mean(axis=0) if busy.any() else values
    length = np.linalg.norm(own, axis=1, keepdims=True)
    return np.asarray(own / np.maximum(np.maximum(length, FAINTEST * _most(length)), 1e-6), dtype=np.float32)


def _most(strength: np.ndarray) -> float:
    return float(np.percentile(strength, 90)) if len(strength) else 0.0
