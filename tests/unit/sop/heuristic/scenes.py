# SPDX-License-Identifier: Apache-2.0
"""Small moving pictures of a bench on which one thing is moved about at a time."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ovpo.sop.video.samples import Picture, Sample

HEIGHT: Final = 54
WIDTH: Final = 96
RED: Final = (200, 40, 30)
BLUE: Final = (40, 60, 210)
GREEN: Final = (30, 170, 60)


def bench() -> Picture:
    """Give the bench with nothing on it."""
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    grey = 110 + 25 * np.sin(across / 9) + 20 * np.cos(down / 7)
    return np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)


def with_thing(row: float, column: float, colour: tuple[int, int, int], size: tuple[int, int] = (14, 14)) -> Picture:
    """Give the bench with a thing at this place, as shares of the picture."""
    picture = bench()
    top, left = int(row * (HEIGHT - size[0])), int(column * (WIDTH - size[1]))
    picture[top : top + size[0], left : left + size[1]] = colour
    return picture


def moved(
    colour: tuple[int, int, int], pictures: int = 24, size: tuple[int, int] = (14, 14), *, high: float = 0.3
) -> list[Picture]:
    """Move a thing from left to right and back."""
    turns = 0.5 + 0.4 * np.sin(np.arange(pictures) / 3)
    return [with_thing(high, float(turn), colour, size) for turn in turns]


def samples(pictures: Iterable[Picture]) -> Iterator[Sample]:
    """Give pictures as the samples of a video."""
    for index, picture in enumerate(pictures):
        yield Sample(index, index / 4, picture)


def brighter(pictures: Iterable[Picture], factor: float) -> list[Picture]:
    """Give them at another exposure."""
    return [np.clip(picture * factor, 0, 255).astype(np.uint8) for picture in pictures]


def shifted(pictures: Iterable[Picture], down: int, right: int) -> list[Picture]:
    """Give them as a camera sees them that stands a little aside."""
    padded = (np.pad(picture, ((8, 8), (8, 8), (0, 0)), mode="edge") for picture in pictures)
    return [picture[8 - down : 8 - down + HEIGHT, 8 - right : 8 - right + WIDTH] for picture in padded]


def noisy(pictures: Iterable[Picture], strength: float, seed: int = 0) -> list[Picture]:
    """Give them with the noise of a camera."""
    random = np.random.default_rng(seed)
    return [np.clip(one + strength * random.normal(size=one.shape), 0, 255).astype(np.uint8) for one in pictures]
