# SPDX-License-Identifier: Apache-2.0
"""A camera: asks a painter for the pictures of a take at its frame times, with drift, exposure, noise and nuisances."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.sop.scenes.script import Moment, moment, seconds, segments
from bench.sop.scenes.takes import Footage, Size, Still, Take

Picture = NDArray[np.uint8]

DRAWN_SIDE: Final = 426
"""Larger pictures are drawn at this size and enlarged."""
NOISE: Final = 2.0
NOISES: Final = 6
LEFT_OUT: Final = 0.3
"""How many frames a camera of variable rate leaves out."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture and when it is shown."""

    seconds: float
    picture: Picture


class Painter(Protocol):
    """Draws the moments of one take."""

    def paint(self, moment: Moment) -> Picture:
        """Draw in red, green and blue."""


def drawn_size(size: Size) -> Size:
    """Tell how large a picture is drawn."""
    share = min(1.0, DRAWN_SIDE / max(size.width, size.height))
    return Size(round(size.width * share), round(size.height * share))


def frame_times(take: Take, length: float) -> list[float]:
    """Tell when a frame is shown; the first one at zero."""
    times = [index / take.frames_per_second for index in range(ceil(length * take.frames_per_second - 1e-6))]
    if not take.variable:
        return times
    random = np.random.default_rng([take.procedure.seed, take.person, 21])
    kept = random.random(len(times)) >= LEFT_OUT
    return [time for index, time in enumerate(times) if index == 0 or kept[index] or not kept[index - 1]]


def film(take: Take, painter: Painter) -> Iterator[Frame]:
    """Record a take."""
    made = segments(take)
    length = seconds(take, made)
    nuisance = take.nuisance
    camera = Camera(take)
    action = length - nuisance.lead - nuisance.tail
    for time in frame_times(take, length):
        at = time - nuisance.lead
        outside = at < 0 or at >= action
        if take.footage is Footage.BLACK or (outside and nuisance.still is Still.BLACK):
            yield Frame(time, camera.black())
            continue
        if take.footage is Footage.STILL:
            yield Frame(time, camera.see(painter.paint(Moment(())), time))
            continue
        shown = nuisance.cut + at * nuisance.speed if not outside else (-1.0 if at < 0 else made[-1].end)
        yield Frame(time, camera.see(painter.paint(moment(made, shown)), time))


class Camera:
    """Where it stands, how it shakes, and what it makes of light."""

    def __init__(self, take: Take) -> None:
        random = np.random.default_rng([take.procedure.seed, take.procedure.style, take.person, 31])
        self._size, self._drawn, self._nuisance = take.size, drawn_size(take.size), take.nuisance
        person = take.person > 0
        self._offset = random.normal(0, 0.008 if person else 0.0, 2)
        self._drift = random.uniform(0.1, 0.5, (2, 2)), random.uniform(0, 6.3, (2, 2))
        self._gain = float(random.uniform(0.94, 1.06)) if person else 1.0
        self._balance = random.uniform(0.97, 1.03, 3) if person else np.ones(3)
        self._flicker = float(random.uniform(0, 6.3))
        self._random = random
        self._noises = _noises(random, self._drawn, NOISE + take.nuisance.noise)

    def see(self, picture: Picture, time: float) -> Picture:
        """Turn what is there into what is recorded."""
        moved = self._moved(picture, time)
        if self._nuisance.blur:
            sigma = self._nuisance.blur * self._drawn.height / 1000
            moved = np.asarray(cv2.GaussianBlur(moved, (0, 0), sigma), np.uint8)
        gain = self._gain * self._nuisance.brightness * (1 + 0.01 * np.sin(0.9 * time + self._flicker))
        lit = np.asarray(cv2.multiply(moved, np.append(gain * self._balance, 1.0)), np.uint8)
        return self._enlarge(self._grain(lit))

    def black(self) -> Picture:
        """Record nothing."""
        nothing = np.full((self._drawn.height, self._drawn.width, 3), 4, np.uint8)
        return self._enlarge(self._grain(nothing))

    def _grain(self, picture: Picture) -> Picture:
        brighter, darker = self._noises[int(self._random.integers(NOISES))]
        top, left = (int(offset) for offset in self._random.integers(0, 32, 2))
        height, width = picture.shape[:2]
        window = np.s_[top : top + height, left : left + width]
        return np.asarray(cv2.subtract(cv2.add(picture, brighter[window]), darker[window]), np.uint8)

    def _enlarge(self, picture: Picture) -> Picture:
        if self._size == self._drawn:
            return picture
        larger = cv2.resize(picture, (self._size.width, self._size.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(larger, np.uint8)

    def _moved(self, picture: Picture, time: float) -> Picture:
        """Shift by the drift, and turn and enlarge where that is wanted, which takes twice as long."""
        speeds, phases = self._drift
        shake = 0.004 * np.sin(speeds * time * 6 + phases).sum(axis=1)
        width, height = self._drawn.width, self._drawn.height
        x, y = (float(way) for way in (self._offset + shake + self._nuisance.shift) * (width, height))
        if self._nuisance.rotation == 0 and self._nuisance.zoom == 1:
            middle = ((width - 1) / 2 - x, (height - 1) / 2 - y)
            return np.asarray(cv2.getRectSubPix(picture, (width, height), middle), np.uint8)
        turned = cv2.getRotationMatrix2D((width / 2, height / 2), self._nuisance.rotation, self._nuisance.zoom)
        matrix = np.asarray(turned, np.float64)
        matrix[:, 2] += (x, y)
        moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)


def _noises(random: Generator, size: Size, sigma: float) -> list[tuple[Picture, Picture]]:
    """Give some pictures of noise, each as what is added and what is taken away."""
    shape = (size.height + 32, size.width + 32, 3)
    made: list[tuple[Picture, Picture]] = []
    for _ in range(NOISES):
        noise = sigma * 1.6 * cv2.GaussianBlur(random.normal(0, 1, shape).astype(np.float32), (0, 0), 0.6)
        made.append((np.maximum(noise, 0).astype(np.uint8), np.maximum(-noise, 0).astype(np.uint8)))
    return made
