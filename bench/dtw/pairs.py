# SPDX-License-Identifier: Apache-2.0
"""Sequences that look like two videos of one procedure: steps that are held and glided between, at uneven pace."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

DIMS: Final = 768
STEPS: Final = 10
RANK: Final = 40
NOISE: Final = 0.6


def pair(length: int, seed: int, others: int = 1) -> tuple[Rows, list[Rows]]:
    """Make a gold run and other runs of the same length, each with a pace and noise of its own."""
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.standard_normal((DIMS, RANK + 1)))[0].T
    scenes = random.standard_normal((STEPS + 1, RANK)) / np.sqrt(RANK)
    gold, *rest = (_run(random, basis, scenes, length) for _ in range(others + 1))
    return gold, rest


def _run(random: np.random.Generator, basis: NDArray[np.float64], scenes: NDArray[np.float64], length: int) -> Rows:
    ends = np.concatenate([[0], np.cumsum(random.gamma(2.0, 1.0, STEPS))])
    at = np.interp(np.linspace(0, 1, length), ends / ends[-1], np.arange(STEPS + 1))
    step = np.minimum(at.astype(int), STEPS - 1)
    glide = np.clip((at - step - 0.7) / 0.3, 0, 1)[:, np.newaxis]
    content = scenes[step] * (1 - glide) + scenes[step + 1] * glide
    rows = content @ basis[1:] + basis[0] + NOISE * random.standard_normal((length, DIMS)) / np.sqrt(DIMS)
    unit: Rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit
