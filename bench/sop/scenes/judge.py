# SPDX-License-Identifier: Apache-2.0
"""The generator to judge by: a table seen at a slant before a wall, shaded tools, and gloved hands from both sides."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from bench.sop.scenes import planning
from bench.sop.scenes.filming import Frame, Picture, drawn_size, film
from bench.sop.scenes.script import Moment
from bench.sop.scenes.sprites import Sprite, hand_sprite, tool_sprite
from bench.sop.scenes.takes import Motion, Procedure, Size, Take

Colour = tuple[int, int, int]

TOOLS: Final = 12
PLACES: Final = ((0.16, 0.12), (0.5, 0.04), (0.84, 0.1), (0.2, 0.74), (0.53, 0.82), (0.83, 0.7))
"""Across the table from left to right, and from the far edge to the near one."""
EDGE: Final = 0.4
"""Where the table's far edge is, in heights of the picture."""


def procedure(seed: int, style: int = 0, steps: int | None = None) -> Procedure:
    """Make up a procedure."""
    random = np.random.default_rng([seed, style, 1001])
    return planning.procedure(random, seed, style, TOOLS, len(PLACES), steps)


def render(take: Take) -> Iterator[Frame]:
    """Record a take."""
    return film(take, Table(take))


class Table:
    """A table, what stands on it, and one person's hands."""

    def __init__(self, take: Take) -> None:
        size = drawn_size(take.size)
        self._size, self._unit = size, float(min(size.width, size.height))
        site = np.random.default_rng([take.procedure.seed, take.procedure.style, 1041])
        self._room = _room(site, size)
        hues = (np.arange(TOOLS) * 180 / TOOLS + site.uniform(0, 15)) % 180
        kinds = site.permutation(TOOLS)
        shuffled = site.permutation(hues)
        self._tools = [
            tool_sprite(int(kind), float(hue), 0.62 * self._unit, site)
            for kind, hue in zip(kinds, shuffled, strict=True)
        ]
        self._jars = [_colour(float(hue), 190, 210) for hue in site.permutation(hues)]
        glove, cuff = float(site.uniform(5, 18)), float(site.uniform(0, 180))
        paleness = float(site.uniform(60, 130))
        if take.nuisance.other_colours:
            glove, cuff = (glove + 45 + 23 * (take.person % 5)) % 180, (cuff + 60 + 17 * (take.person % 5)) % 180
        person = np.random.default_rng([take.procedure.seed, take.person, 1042])
        self._hand = hand_sprite(glove, paleness, float(person.uniform(0.23, 0.28)) * self._unit, person)
        self._cuff, self._stripe = _colour(cuff, 120, 120), _colour(cuff, 60, 200)
        self._rhythm = float(person.uniform(0.88, 1.14))
        self._begin = float(person.uniform(0, 1))
        self._swing = person.uniform(0.2, 0.9, 4)
        self._habit = person.normal(0, 0.01, (len(PLACES), 2))

    def paint(self, moment: Moment) -> Picture:
        """Draw a moment."""
        picture = self._room.copy()
        for part in moment.parts:
            self._tin(picture, part.place, part.number)
        if moment.act is None:
            return picture
        act = moment.act
        across, near = PLACES[act.place]
        if moment.reach > 0.4:
            self._jar(picture, act.place, moment.number, moment.progress)
        beat = self._begin + self._rhythm * moment.phase
        dx, dy, turn = _moves(act.motion, beat, moment.progress)
        tremble = 0.005 * np.sin(self._swing[:2] * 7 * moment.phase + 9 * self._swing[2:])
        x, y, scale = _seen(across + self._habit[act.place][0], near + self._habit[act.place][1])
        x, y = x + scale * dx + tremble[0], y + scale * dy - 0.05 + tremble[1]
        side = -1.0 if across < 0.5 else 1.0
        door = (0.5 + 0.85 * side, 0.95)
        grip = (door[0] + (x - door[0]) * moment.reach, door[1] + (y - door[1]) * moment.reach)
        self._sleeve(picture, grip, side)
        lean = 20 * side
        self._stick(picture, self._tools[act.tool], grip, turn - lean)
        self._stick(picture, self._hand, grip, 0.4 * turn - 2 * lean)
        return picture

    def _pixel(self, x: float, y: float) -> tuple[int, int]:
        return round(x * self._size.width), round(y * self._size.height)

    def _tin(self, picture: Picture, place: int, number: int) -> None:
        x, y, scale = _seen(*PLACES[place])
        left, top = self._pixel(x + 0.09 * np.cos(2.4 * number), y + 0.05 * np.sin(2.4 * number))
        wide, high = int(0.035 * scale * self._unit), int(0.06 * scale * self._unit)
        colour = self._jars[(2 * number + 1) % TOOLS]
        cv2.rectangle(picture, (left - wide, top - high), (left + wide, top), colour, -1)
        cv2.ellipse(picture, (left, top), (wide, wide // 2), 0, 0, 180, colour, -1, cv2.LINE_AA)
        cv2.ellipse(picture, (left, top - high), (wide, wide // 2), 0, 0, 360, (225, 225, 225), -1, cv2.LINE_AA)

    def _jar(self, picture: Picture, place: int, number: int, progress: float) -> None:
        x, y, scale = _seen(*PLACES[place])
        left, bottom = self._pixel(x, y + 0.03)
        radius = int(0.11 * scale * self._unit)
        cv2.ellipse(picture, (left, bottom), (radius, radius // 2), 0, 0, 360, (58, 60, 66), -1, cv2.LINE_AA)
        colour = self._jars[(3 * number + 5) % TOOLS]
        inner = int(0.85 * radius)
        cv2.ellipse(picture, (left, bottom), (inner, inner // 2), 0, -90, 360 * progress - 90, colour, -1, cv2.LINE_AA)

    def _sleeve(self, picture: Picture, grip: tuple[float, float], side: float) -> None:
        start = np.array(self._pixel(*grip), np.float64)
        end = np.array(self._pixel(0.5 + 0.75 * side, 1.02), np.float64)
        along = (end - start) / max(float(np.hypot(*(end - start))), 1.0)
        across = np.array([-along[1], along[0]]) * self._unit
        start = start + along * 0.1 * self._unit
        corners = [start - 0.05 * across, start + 0.05 * across, end + 0.12 * across, end - 0.12 * across]
        cv2.fillPoly(picture, [np.rint(np.array(corners)).astype(np.int32)], self._cuff, cv2.LINE_AA)
        for band in (0.06, 0.2, 0.34):
            middle = start + along * band * self._unit
            width = 0.05 + 0.05 * band
            ends = np.rint(np.array([middle - width * across, middle + width * across])).astype(int)
            first, last = (int(ends[0][0]), int(ends[0][1])), (int(ends[1][0]), int(ends[1][1]))
            cv2.line(picture, first, last, self._stripe, max(int(0.02 * self._unit), 1), cv2.LINE_AA)

    def _stick(self, picture: Picture, sprite: Sprite, grip: tuple[float, float], degrees: float) -> None:
        x, y = self._pixel(*grip)
        sprite.stick(picture, x, y, degrees)


def _seen(across: float, near: float) -> tuple[float, float, float]:
    """Give where a place of the table is in the picture, and how large things look there."""
    return 0.5 + (across - 0.5) * (0.8 + 0.25 * near), EDGE + 0.14 + 0.32 * near, 0.85 + 0.25 * near


def _moves(motion: Motion, beat: float, progress: float) -> tuple[float, float, float]:
    """Give how far the hand is from the work place, and how many degrees the tool is turned."""
    along = 2 * progress - 1
    if motion is Motion.TURN:
        ratchet = (0.55 * beat) % 1.0
        return 0.0, 0.03 * along, 70 * (ratchet / 0.7 if ratchet < 0.7 else (1 - ratchet) / 0.3) - 35
    if motion is Motion.PRESS:
        return 0.06 * along, 0.06 * float(np.clip(3 * _zigzag(0.4 * beat), -1, 1)), -8.0
    if motion is Motion.WIPE:
        return 0.13 * _zigzag(0.45 * beat), 0.05 * along, -20 * _zigzag(0.45 * beat + 0.25)
    if motion is Motion.STIR:
        angle = 2 * np.pi * 0.5 * beat
        return 0.06 * float(np.sin(angle)), 0.045 * float(np.sin(2 * angle)) + 0.03 * along, 12 * float(np.cos(angle))
    if motion is Motion.PLACE:
        carried = (_zigzag(0.3 * beat) + 1) / 2
        return 0.2 * carried - 0.1, 0.04 * along - 0.3 * carried * (1 - carried), 55 * carried
    peck = abs(_zigzag(0.9 * beat)) ** 3
    return 0.08 * along, -0.05 * peck, 25 - 30 * peck


def _zigzag(beat: float) -> float:
    return 4 * abs(beat % 1.0 - 0.5) - 1


def _colour(hue: float, saturation: int, value: int) -> Colour:
    pixel = np.array([[[hue % 180, saturation, value]]], np.float64).astype(np.uint8)
    red, green, blue = np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB), np.uint8)[0, 0].tolist()
    return int(red), int(green), int(blue)


def _room(random: Generator, size: Size) -> Picture:
    width, height = size.width, size.height
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    wall, wood = (
        _colour(random.uniform(0, 180), 50, 150),
        _colour(random.uniform(8, 28), 90, int(random.uniform(120, 190))),
    )
    tiles = random.uniform(0.05, 0.1) * min(width, height)
    seams = ((rows % tiles < 1.5) | (columns % (1.6 * tiles) < 1.5)).astype(np.float32)
    picture = np.array(wall, np.float32) * (1 - 0.25 * seams + 0.12 * (columns / width - 0.5))[..., None]
    edge = EDGE * height
    depth = np.maximum(rows - edge, 0) / (height - edge)
    planks = np.sin((columns / width - 0.5) / (0.55 + 0.5 * depth) * random.uniform(25, 45))
    veins = np.sin(rows / height * 90 + 4 * np.sin(columns / width * random.uniform(5, 11)))
    top = np.array(wood, np.float32) * (0.8 + 0.25 * depth + 0.1 * np.sign(planks) + 0.05 * veins)[..., None]
    picture = np.where((rows > edge)[..., None], top, picture)
    room = np.clip(picture, 0, 255).astype(np.uint8)
    _shelf(random, room)
    return np.asarray(cv2.GaussianBlur(room, (0, 0), 0.7), np.uint8)


def _shelf(random: Generator, room: Picture) -> None:
    height, width = room.shape[:2]
    board = int(0.22 * height)
    cv2.rectangle(room, (0, board), (width, board + max(height // 60, 2)), (70, 60, 52), -1)
    left = 0.0
    while left < width:
        wide, high = random.uniform(0.02, 0.08) * width, random.uniform(0.06, 0.18) * height
        colour = _colour(random.uniform(0, 180), int(random.uniform(40, 160)), int(random.uniform(80, 220)))
        cv2.rectangle(room, (int(left), int(board - high)), (int(left + wide), board), colour, -1)
        left += wide + random.uniform(0.0, 0.05) * width
    for _ in range(9):
        x, y = int(random.uniform(0, width)), int(random.choice((EDGE + 0.03, 0.97)) * height)
        axes = (int(random.uniform(0.02, 0.06) * width), int(random.uniform(0.01, 0.03) * height))
        colour = _colour(random.uniform(0, 180), int(random.uniform(30, 140)), int(random.uniform(70, 230)))
        cv2.ellipse(room, (x, y), axes, float(random.uniform(0, 40)), 0, 360, colour, -1, cv2.LINE_AA)
