# SPDX-License-Identifier: Apache-2.0
"""Pictures of which it is known beforehand what there is to measure."""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
HEIGHT = 96
WIDTH = 128


def even(level: int) -> Picture:
    """Give a picture of one grey level."""
    return np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def checkerboard(side: int) -> Picture:
    """Give black and white squares."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] // side
    return np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[..., None], 3, axis=2)


def noisy(deviation: float, seed: int = 1) -> Picture:
    """Give an even grey with normal noise."""
    grey = 128 + np.random.default_rng(seed).normal(0, deviation, (HEIGHT, WIDTH))
    return np.repeat(np.clip(grey.round(), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def cloudy(seed: int = 2) -> Picture:
    """Give soft blots, which can be followed as they move."""
    spots = np.tile(np.random.default_rng(seed).random((HEIGHT, WIDTH)), (3, 3))
    soft = cv2.GaussianBlur(spots, (0, 0), 3)[HEIGHT : 2 * HEIGHT, WIDTH : 2 * WIDTH]
    grey = (soft - soft.min()) / (soft.max() - soft.min()) * 255
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def square(left: int, top: int = 30, side: int = 30) -> Picture:
    """Give a white square on black."""
    picture = even(0)
    picture[top : top + side, left : left + side] = 255
    return picture
