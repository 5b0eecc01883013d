# SPDX-License-Identifier: Apache-2.0
"""The generator to tune on: a cluttered bench from above, with an arm that reaches in and a tool in its hand."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.sop.scenes import planning
from bench.sop.scenes.filming import Frame, Picture, drawn_size, film
from bench.sop.scenes.script import Moment
from bench.sop.scenes.takes import Motion, Procedure, Size, Take

Points = NDArray[np.float64]

TOOLS: Final = 14
TOOL_SCALE: Final = 1.3
PLACES: Final = ((0.2, 0.44), (0.5, 0.4), (0.8, 0.45), (0.18, 0.72), (0.49, 0.69), (0.8, 0.75), (0.35, 0.85))
COLOURS: Final = (
    (214, 60, 48), (40, 110, 210), (240, 190, 40), (40, 160, 90), (150, 70, 180), (240, 130, 40), (30, 30, 36),
    (235, 235, 235), (90, 200, 210), (230, 110, 160), (120, 85, 50), (150, 200, 60), (70, 80, 130), (180, 30, 90),
)  # fmt: skip
SKINS: Final = ((224, 172, 140), (198, 134, 98), (141, 92, 62), (90, 58, 40), (70, 120, 200), (235, 235, 230))
SLEEVES: Final = ((52, 66, 110), (200, 60, 60), (230, 230, 225), (60, 120, 80), (50, 50, 52), (235, 200, 80))
FINE: Final = 4
"""Binary places of the coordinates that OpenCV draws at."""


def procedure(seed: int, style: int = 0, steps: int | None = None) -> Procedure:
    """Make up a procedure."""
    random = np.random.default_rng([seed, style, 1])
    return planning.procedure(random, seed, style, TOOLS, len(PLACES), steps)


def render(take: Take) -> Iterator[Frame]:
    """Record a take."""
    return film(take, Bench(take))


class Bench:
    """A work place with its tools and one person at work."""

    def __init__(self, take: Take) -> None:
        size = drawn_size(take.size)
        self._width, self._height, self._unit = size.width, size.height, float(min(size.width, size.height))
        site = np.random.default_rng([take.procedure.seed, take.procedure.style, 41])
        self._bench = _bench(site, size)
        self._colours = site.permutation(len(COLOURS))
        self._shapes = site.permutation(TOOLS)
        self._places = np.asarray(PLACES) + site.uniform(-0.03, 0.03, (len(PLACES), 2))
        self._angles = site.uniform(-0.7, 0.7, TOOLS)
        skin, sleeve = int(site.integers(3)), int(site.integers(len(SLEEVES)))
        if take.nuisance.other_colours:
            skin, sleeve = (skin + 1 + take.person % 4) % len(SKINS), (sleeve + 1 + take.person % 4) % len(SLEEVES)
        self._skin, self._sleeve = SKINS[skin], SLEEVES[sleeve]
        person = np.random.default_rng([take.procedure.seed, take.person, 42])
        self._hand = float(person.uniform(0.88, 1.12)) * 0.075
        self._pace = float(person.uniform(0.9, 1.12))
        self._start = float(person.uniform(0, 6.3))
        self._wander = person.uniform(0.3, 1.3, (2, 2)), person.uniform(0, 6.3, (2, 2))
        self._habit = person.normal(0, 0.008, (len(PLACES), 2))

    def paint(self, moment: Moment) -> Picture:
        """Draw a moment."""
        picture = self._bench.copy()
        for part in moment.parts:
            self._part(picture, self._places[part.place] + _beside(part.number), part.number)
        if moment.act is None:
            return picture
        act = moment.act
        spot = self._places[act.place] + self._habit[act.place]
        self._work(picture, self._places[act.place], moment)
        speeds, phases = self._wander
        wander = 0.004 * np.sin(speeds * moment.phase * 3 + phases).sum(axis=1)
        offset, turn = _motion(act.motion, self._start + self._pace * moment.phase, moment.progress)
        away = np.array([0.5 + 0.4 * (spot[0] - 0.5) + 0.1, 1.25])
        grip = away + (spot + offset + wander - away) * moment.reach
        self._arm(picture, grip)
        self._tool(picture, grip, act.tool, turn)
        self._fingers(picture, grip, turn)
        return picture

    def _at(self, points: Points) -> NDArray[np.int32]:
        scaled = points * (self._width, self._height) * (1 << FINE)
        return np.rint(scaled).astype(np.int32)

    def _fill(self, picture: Picture, points: Points, colour: tuple[int, int, int]) -> None:
        cv2.fillPoly(picture, [self._at(points)], colour, cv2.LINE_AA, FINE)

    def _near(self, spot: Points, points: Points) -> Points:
        return spot + points * self._unit / (self._width, self._height)

    def _disc(self, picture: Picture, spot: Points, radius: float, colour: tuple[int, int, int]) -> None:
        x, y = self._at(spot)
        cv2.circle(picture, (int(x), int(y)), int(radius * self._unit * (1 << FINE)), colour, -1, cv2.LINE_AA, FINE)

    def _part(self, picture: Picture, spot: Points, number: int) -> None:
        colour = COLOURS[int(self._colours[(3 * number + 1) % len(COLOURS)])]
        side = 0.035
        box = np.array([(-side, -side), (side, -side), (side, side), (-side, side)])
        self._fill(picture, self._near(spot, box @ _turned(0.5 * number)), colour)
        self._disc(picture, spot, 0.014, (250, 250, 250))

    def _work(self, picture: Picture, spot: Points, moment: Moment) -> None:
        done = moment.progress
        colour = COLOURS[int(self._colours[(5 * moment.number + 2) % len(COLOURS)])]
        plate = np.array([(-0.13, 0.05), (0.13, 0.05), (0.13, 0.1), (-0.13, 0.1)])
        if moment.reach > 0.5:
            self._fill(picture, self._near(spot, plate), (70, 70, 74))
            full = plate.copy()
            full[1:3, 0] = -0.13 + 0.26 * done
            self._fill(picture, self._near(spot, full), colour)

    def _arm(self, picture: Picture, grip: Points) -> None:
        root = np.array([0.62 + 0.25 * (grip[0] - 0.5), 1.15])
        along = root - grip
        along = along / max(float(np.hypot(*along)), 1e-6)
        across = np.array([-along[1], along[0]])
        wrist = grip + along * 0.09
        wide, narrow = 0.085, 0.055
        self._fill(
            picture,
            np.array([wrist - across * narrow, wrist + across * narrow, root + across * wide, root - across * wide]),
            self._sleeve,
        )
        self._fill(
            picture,
            np.array([grip - across * 0.04, grip + across * 0.04, wrist + across * 0.042, wrist - across * 0.042]),
            self._skin,
        )

    def _fingers(self, picture: Picture, grip: Points, turn: float) -> None:
        self._disc(picture, grip, self._hand, self._skin)
        dark = (int(self._skin[0] * 0.8), int(self._skin[1] * 0.8), int(self._skin[2] * 0.8))
        for index in range(4):
            angle = -2.3 + 0.5 * index + 0.25 * turn
            tip = self._near(grip, 1.15 * self._hand * np.array([np.cos(angle), np.sin(angle)]))
            self._disc(picture, tip, 0.3 * self._hand, dark if index % 2 else self._skin)

    def _tool(self, picture: Picture, grip: Points, tool: int, turn: float) -> None:
        colour = COLOURS[int(self._colours[tool % len(COLOURS)])]
        dark = (colour[0] // 2, colour[1] // 2, colour[2] // 2)
        turned = _turned(float(self._angles[tool]) + turn)
        for index, points in enumerate(SHAPES[int(self._shapes[tool])]):
            self._fill(picture, self._near(grip, TOOL_SCALE * points @ turned), dark if index % 2 else colour)


def _turned(angle: float) -> Points:
    return np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])


def _beside(number: int) -> Points:
    return np.array([0.05 * np.cos(1.9 * number), 0.06 * np.sin(1.9 * number)])


def _motion(motion: Motion, phase: float, progress: float) -> tuple[Points, float]:
    """Give where the hand is, relative to the work place, and how far the tool is turned."""
    along = progress - 0.5
    if motion is Motion.TURN:
        return np.array([0.0, 0.05 * along]), 1.3 * np.sin(3.2 * phase)
    if motion is Motion.PRESS:
        return np.array([0.1 * along, 0.07 * np.sin(2.6 * phase)]), 0.0
    if motion is Motion.WIPE:
        return np.array([0.1 * np.sin(2.4 * phase), 0.1 * along]), 0.5 * np.sin(2.4 * phase)
    if motion is Motion.STIR:
        return np.array([0.045 * np.cos(3 * phase) + 0.04 * along, 0.07 * np.sin(3 * phase)]), 0.3 * np.cos(3 * phase)
    if motion is Motion.PLACE:
        carry = 0.5 + 0.5 * np.tanh(3 * np.sin(1.7 * phase))
        return np.array([0.17 * carry - 0.06, -0.12 * carry + 0.04 + 0.04 * along]), 0.9 * carry
    return np.array([0.14 * along, 0.03 * np.abs(np.sin(6 * phase))]), -0.4 + 0.5 * np.abs(np.sin(6 * phase))


def _bench(random: Generator, size: Size) -> Picture:
    width, height = size.width, size.height
    base = random.uniform(90, 190, 3)
    grain = np.zeros((height, width), np.float32)
    for columns, rows, weight in ((4, 12, 14.0), (10, 60, 9.0), (80, 90, 6.0)):
        coarse = random.normal(0, 1, (rows, columns)).astype(np.float32)
        grain += weight * np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    picture = np.clip(base + grain[..., None], 0, 255).astype(np.uint8)
    for _ in range(26):
        _clutter(random, picture)
    return picture


def _clutter(random: Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    side = random.uniform(0.03, 0.11) * min(width, height)
    edge = random.random() < 0.7
    x, y = random.uniform(0, width), random.uniform(0, height)
    if edge:
        y = random.choice((random.uniform(0, 0.1), random.uniform(0.86, 1))) * height
    colour = tuple(int(level) for level in random.integers(20, 240, 3))
    kind = int(random.integers(3))
    if kind == 0:
        cv2.circle(picture, (int(x), int(y)), int(side), colour, -1, cv2.LINE_AA)
        cv2.circle(picture, (int(x), int(y)), int(side * 0.6), (40, 40, 44), 2, cv2.LINE_AA)
    elif kind == 1:
        box = cv2.boxPoints(((float(x), float(y)), (float(2 * side), float(side)), float(random.uniform(0, 180))))
        cv2.fillPoly(picture, [np.rint(box).astype(np.int32)], colour, cv2.LINE_AA)
    else:
        end = (int(x + random.uniform(-3, 3) * side), int(y + random.uniform(-1, 1) * side))
        cv2.line(picture, (int(x), int(y)), end, colour, 3, cv2.LINE_AA)


def _box(left: float, top: float, right: float, bottom: float) -> Points:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _round(x: float, y: float, radius: float, corners: int = 14) -> Points:
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)


def _star(radius: float) -> Points:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    lengths = np.where(np.arange(16) % 2, 0.55 * radius, radius)
    return np.stack([lengths * np.cos(angles), lengths * np.sin(angles) - 0.14], axis=1)


SHAPES: Final = (
    (_box(-0.03, -0.04, 0.03, 0.1), _box(-0.012, -0.3, 0.012, -0.04)),
    (_box(-0.02, -0.22, 0.02, 0.1), _box(-0.11, -0.3, 0.11, -0.2)),
    (_round(0, -0.18, 0.11), _round(0, -0.18, 0.06)),
    (_box(-0.1, -0.26, 0.1, -0.08), _box(-0.07, -0.3, 0.07, -0.26)),
    (
        np.array([(-0.15, -0.2), (0.0, -0.27), (0.16, -0.21), (0.13, -0.05), (-0.02, -0.09), (-0.14, -0.04)]),
        _round(0.03, -0.15, 0.03),
    ),
    (_box(-0.035, -0.38, 0.035, 0.06), _box(-0.035, -0.38, 0.0, -0.3)),
    (np.array([(0.0, -0.32), (0.13, -0.06), (-0.13, -0.06)]), _round(0, -0.13, 0.035)),
    (_box(-0.17, -0.15, 0.17, -0.06), _box(-0.03, -0.06, 0.03, 0.1)),
    (_star(0.15), _round(0, -0.14, 0.04)),
    (
        np.array([(-0.02, 0.1), (0.02, 0.1), (0.12, -0.28), (0.07, -0.3), (0.0, -0.06), (-0.07, -0.3), (-0.12, -0.28)]),
        _round(0, -0.02, 0.03),
    ),
    (_box(-0.07, -0.34, 0.07, -0.1), _box(-0.025, -0.1, 0.025, 0.02), _box(-0.05, -0.28, 0.05, -0.16)),
    (_round(-0.07, -0.16, 0.07), _round(0.07, -0.16, 0.07), _box(-0.07, -0.19, 0.07, -0.13)),
    (
        np.array([(-0.16, -0.05), (-0.16, -0.3), (-0.1, -0.3), (-0.1, -0.11), (0.12, -0.11), (0.12, -0.05)]),
        _round(-0.13, -0.27, 0.02),
    ),
    (
        np.array([(0.0, -0.36), (0.06, -0.2), (0.03, 0.08), (-0.03, 0.08), (-0.06, -0.2)]),
        _box(-0.03, -0.02, 0.03, 0.02),
    ),
)
"""What the tools look like, in shares of the picture's shorter side, with the hand at (0, 0)."""
