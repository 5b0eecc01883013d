# SPDX-License-Identifier: Apache-2.0
"""What can be told of a frame by looking at its pixels, and at those of the frame before it. Pure.

Only what is computed is told: the contract's clip_*, aesthetic_score, artifact_score and nsfw_score take models, and
are left out. A first frame has no motion_score and no temporal_consistency.
"""

from collections.abc import Mapping
from math import pi, sqrt
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

ALGORITHM: Final = "examples.pixels"
VERSION: Final = "1"
"""Of the way in which these numbers come about; another way is another version."""
Picture = NDArray[np.uint8]
Numbers = NDArray[np.float32]

_EDGE_LOW: Final = 50
_EDGE_HIGH: Final = 150
_NOISE: Final = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_WINDOW: Final = (7, 7)
_LEVELS: Final = 255.0


def measure(picture: Picture, before: Picture | None = None) -> Mapping[str, float]:
    """Measure a picture of red, green and blue, and what happened since the one before."""
    grey = _grey(picture)
    told = {
        "brightness_avg": brightness(grey),
        "contrast_ratio": contrast(grey),
        "edge_density": edges(grey),
        "noise_estimate": noise(grey),
    }
    if before is not None:
        earlier = _grey(before)
        flow = _flow(earlier, grey)
        told["motion_score"] = float(np.hypot(flow[..., 0], flow[..., 1]).mean())
        told["temporal_consistency"] = consistency(earlier, grey, flow)
    return told


def brightness(grey: Picture) -> float:
    """Give the mean grey level, from 0 to 255."""
    return float(grey.mean())


def contrast(grey: Picture) -> float:
    """Give the spread of grey levels over their mean; 0 for an even picture, 1 for a black and white checkerboard."""
    mean = float(grey.mean())
    return float(grey.std()) / mean if mean else 0.0


def edges(grey: Picture) -> float:
    """Give the share of pixels that lie on an edge, by Canny's method."""
    return float(np.count_nonzero(cv2.Canny(grey, _EDGE_LOW, _EDGE_HIGH))) / grey.size


def noise(grey: Picture) -> float:
    """Estimate the standard deviation of the noise in grey levels, by Immerkær's method (1996)."""
    rows, columns = grey.shape
    differences = cv2.filter2D(grey.astype(np.float32), cv2.CV_32F, _NOISE)[1:-1, 1:-1]
    return float(sqrt(pi / 2) * np.abs(differences).sum() / (6 * (columns - 2) * (rows - 2)))


def consistency(before: Picture, grey: Picture, flow: Numbers) -> float:
    """Tell how like the picture is to the one before, moved as things moved: 1 for the same, 0 for unlike.

    The likeness is the mean structural similarity over windows of 7 by 7 pixels.
    """
    rows, columns = grey.shape
    across, down = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    moved = cv2.remap(
        before, across - flow[..., 0], down - flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return float(np.clip(_similarity(moved.astype(np.float32), grey.astype(np.float32)), 0, 1))


def _grey(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def _flow(before: Picture, after: Picture) -> Numbers:
    """Follow each pixel; gives how far it went across and down, in pixels."""
    follower = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(follower.calc(before, after, np.zeros((*before.shape, 2), np.float32)), np.float32)


def _similarity(one: Numbers, other: Numbers) -> float:
    mean_one, mean_other = cv2.blur(one, _WINDOW), cv2.blur(other, _WINDOW)
    spread_one = cv2.blur(one * one, _WINDOW) - mean_one * mean_one
    spread_other = cv2.blur(other * other, _WINDOW) - mean_other * mean_other
    together = cv2.blur(one * other, _WINDOW) - mean_one * mean_other
    faint, dim = (0.03 * _LEVELS) ** 2, (0.01 * _LEVELS) ** 2
    alike = (2 * mean_one * mean_other + dim) * (2 * together + faint)
    return float((alike / ((mean_one**2 + mean_other**2 + dim) * (spread_one + spread_other + faint))).mean())
