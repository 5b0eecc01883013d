# SPDX-License-Identifier: Apache-2.0
"""What stands before the background: the background is what most pictures agree on, the rest is what is being done."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ovpo.sop.embedders.heuristic.planes import Floats

LEVEL: Final = 0.45
"""The mean brightness that every video is brought to, so that its exposure does not matter."""
DARKEST: Final = 0.05
"""Pictures that are darker than this show nothing and have no say in what the background is."""
NOISES: Final = 3.0
LEAST_DIFFERENCE: Final = 0.012


@dataclass(frozen=True, slots=True, eq=False)
class Foreground:
    """Of n pictures, at the level of every video: what differs from the background, and how much."""

    difference: Floats
    """n x 3 x rows x columns; zero where the difference is no more than noise."""
    weight: Floats
    """n x rows x columns, from 0 to 1: how much of what is seen is not background."""
    luma: Floats
    """n x rows x columns."""
    chroma: Floats
    """n x 2 x rows x columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """What most pictures show, and from which difference on something else is to be seen there."""

    planes: Floats
    """3 x rows x columns."""
    least: Floats
    """3 numbers: differences that are smaller are noise."""


def background(planes: Floats) -> Still:
    """Find what most of the pictures show at each place."""
    lit = planes[_lit(planes)]
    voters = lit if len(lit) else planes
    still = np.asarray(np.median(voters, axis=0), dtype=np.float32)
    difference = np.abs(_level(voters, still) - _at_level(still))
    noise = 1.4826 * np.median(difference, axis=(0, 2, 3))
    return Still(still, np.maximum(NOISES * noise, LEAST_DIFFERENCE).astype(np.float32))


def foreground(planes: Floats, still: Still) -> Foreground:
    """Take the background away from each picture, after bringing its exposure to the background's."""
    level = _level(planes, still.planes)
    difference = level - _at_level(still.planes)
    size = np.abs(difference)
    difference *= np.maximum(size - still.least[None, :, None, None], 0) / np.maximum(size, 1e-6)
    difference[~_lit(planes)] = 0
    weight = np.sqrt(np.square(difference[:, 0]) + 4 * np.square(difference[:, 1:]).sum(axis=1))
    return Foreground(difference, np.minimum(weight * 3, 1), level[:, 0], level[:, 1:])


def _lit(planes: Floats) -> np.ndarray:
    return np.asarray(planes[:, 0].mean(axis=(1, 2)) > DARKEST)


def _at_level(still: Floats) -> Floats:
    return still * np.float32(LEVEL / max(float(still[0].mean()), DARKEST))


def _level(planes: Floats, still: Floats) -> Floats:
    base = max(float(still[0].mean()), DARKEST)
    own = np.median(planes[:, 0] / np.maximum(still[0], DARKEST), axis=(1, 2))
    gain = (LEVEL / base) / np.clip(own, 0.5, 2.0)
    return np.asarray(planes * gain[:, None, None, None], dtype=np.float32)
