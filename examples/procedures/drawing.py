# SPDX-License-Identifier: Apache-2.0
"""Draws a take, picture by picture: a table with its things, and a hand that works on them."""

from collections.abc import Iterator
from math import cos, pi, sin
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from examples.procedures.coffee import STEPS, Motion, Step, Take

WIDTH, HEIGHT, RATE = 640, 360, 12
WOOD: Final = (178, 148, 116)
SKIN: Final = (222, 176, 148)
TRAVEL_SECONDS: Final = 0.6
SWAY: Final = 46
"""How far a hand swings, in pixels."""
GRAIN: Final = 3.0
Picture = NDArray[np.uint8]
Point = tuple[float, float]


def pictures(take: Take) -> Iterator[Picture]:
    """Draw every picture of a take, in red, green and blue."""
    grain = np.random.default_rng(len(take.name) + sum(map(ord, take.name)))
    table = _table()
    before: Point = (WIDTH / 2, HEIGHT * 0.95)
    for step, pace in take.steps:
        length = step.seconds * pace
        for frame in range(round(length * RATE)):
            seconds = frame / RATE
            place = _place(step, seconds)
            there = min(seconds / TRAVEL_SECONDS, 1.0)
            hand = (before[0] + (place[0] - before[0]) * there, before[1] + (place[1] - before[1]) * there)
            drawn = _hand(table.copy(), hand, step, take, seconds)
            noise = grain.normal(0.0, GRAIN, (HEIGHT, WIDTH, 1))
            yield np.clip(drawn * take.light + noise, 0, 255).astype(np.uint8)
        before = _place(step, length)


def _place(step: Step, seconds: float) -> Point:
    x, y = step.at[0] * WIDTH, step.at[1] * HEIGHT
    turn = 2 * pi * seconds
    match step.motion:
        case Motion.CIRCLE:
            return x + SWAY * cos(turn), y + SWAY * 0.7 * sin(turn)
        case Motion.UP_AND_DOWN:
            return x, y + SWAY * sin(turn * 1.5)
        case Motion.SIDEWAYS:
            return x + SWAY * 1.3 * sin(turn * 0.8), y
        case Motion.REACH:
            return x + SWAY * 0.3 * sin(turn * 0.5), y - SWAY * 0.6 * abs(sin(turn * 0.3))
        case Motion.POUR:
            return x + SWAY * 0.5 * cos(turn * 0.4), y + SWAY * 0.4 * sin(turn * 0.4)


def _table() -> Picture:
    picture = np.full((HEIGHT, WIDTH, 3), WOOD, np.uint8)
    picture[:, :] = picture + (8 * np.sin(np.arange(HEIGHT) / 7.0))[:, None, None].astype(np.int8).astype(np.uint8) % 9
    for number, step in enumerate(STEPS):
        x, y = round(step.at[0] * WIDTH), round(step.at[1] * HEIGHT)
        colour = tuple(int(0.55 * value + 60) for value in step.tool)
        if number % 2:
            cv2.circle(picture, (x, y), 34, colour, -1, cv2.LINE_AA)
            cv2.circle(picture, (x, y), 24, WOOD, 3, cv2.LINE_AA)
        else:
            cv2.rectangle(picture, (x - 36, y - 26), (x + 36, y + 26), colour, -1, cv2.LINE_AA)
            cv2.line(picture, (x - 36, y), (x + 36, y), WOOD, 3, cv2.LINE_AA)
    return picture


def _hand(picture: Picture, at: Point, step: Step, take: Take, seconds: float) -> Picture:
    x, y = round(at[0]), round(at[1])
    cv2.line(picture, (WIDTH // 2 + (x - WIDTH // 2) // 3, HEIGHT + 20), (x, y + 16), take.sleeve, 34, cv2.LINE_AA)
    cv2.circle(picture, (x, y), 24, SKIN, -1, cv2.LINE_AA)
    cv2.rectangle(picture, (x - 14, y - 44), (x + 14, y - 8), step.tool, -1, cv2.LINE_AA)
    if step.motion is Motion.POUR:
        for drop in range(4):
            fallen = (seconds * 90 + drop * 18) % 72
            cv2.circle(picture, (x + 20, round(y - 20 + fallen)), 5, (90, 150, 250), -1, cv2.LINE_AA)
    return picture
