# SPDX-License-Identifier: Apache-2.0
"""Draws the similarity matrix: gold time down, trainee's across, the path on it, steps and deviations at its edges."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.explain.canvas import FAINT, PAPER, RULE, Canvas
from ovpo.sop.explain.fonts import can_write
from ovpo.sop.explain.matrix import Similarity, averaged, bounds, levels
from ovpo.sop.explain.path import runs
from ovpo.sop.explain.timeline import Marking, Timeline, timeline
from ovpo.sop.explain.wording import clean, tick, tick_seconds
from ovpo.sop.result import Interval, Result

_LEFT: Final = 300
_TOP: Final = 72
_RIGHT: Final = 84
_BOTTOM: Final = 112
_WIDEST: Final = 1600 - _LEFT - _RIGHT
_NARROWEST: Final = 560
_TALLEST: Final = 860
_LOWEST: Final = 360
# A cell of two pixels is as fine as print shows, and a quarter of the bytes.
_CELL: Final = 2
PATH: Final = "#ffffff"
PATH_EDGE: Final = "#000000"
# Nine points of cividis, a map made to look the same to those who see fewer colours.
_CIVIDIS: Final = (
    (0, 34, 78),
    (26, 56, 111),
    (67, 78, 108),
    (97, 101, 111),
    (125, 124, 120),
    (155, 148, 118),
    (188, 174, 108),
    (222, 201, 88),
    (254, 232, 56),
)


def matrix_png(similarity: Similarity, result: Result) -> bytes:
    """Draw a matrix, at most 1600 pixels wide and 1100 high, however many rows it has."""
    return _Drawing(similarity, result).png()


class _Drawing:
    def __init__(self, similarity: Similarity, result: Result) -> None:
        self.similarity = similarity
        self.shown: Timeline = timeline(result)
        self.path = runs(result.alignment.path, similarity.gap)
        scale = min(_WIDEST / similarity.trainee_seconds, _TALLEST / similarity.gold_seconds)
        self.wide = max(round(similarity.trainee_seconds * scale), _NARROWEST)
        self.high = max(round(similarity.gold_seconds * scale), _LOWEST)
        self.canvas = Canvas(_LEFT + self.wide + _RIGHT, _TOP + self.high + _BOTTOM)

    def png(self) -> bytes:
        """Draw from back to front."""
        small = averaged(self.similarity.values, self.high // _CELL, self.wide // _CELL)
        low, high = bounds(small)
        coloured = _colours()[levels(small, low, high)]
        self.canvas.picture(coloured, (_LEFT, _TOP, _LEFT + self.wide, _TOP + self.high), smooth=False)
        self._steps()
        self._axes()
        for run in self.path:
            points = [(self._x(trainee), self._y(gold)) for gold, trainee in run]
            points = points if len(points) > 1 else [points[0], (points[0][0] + 2, points[0][1] + 2)]
            self.canvas.line(points, PATH_EDGE, 6)
            self.canvas.line(points, PATH, 3)
        self._deviations()
        self._legend(low, high)
        return self.canvas.png()

    def _x(self, seconds: float) -> float:
        return _LEFT + self.wide * min(max(seconds / self.similarity.trainee_seconds, 0), 1)

    def _y(self, seconds: float) -> float:
        return _TOP + self.high * min(max(seconds / self.similarity.gold_seconds, 0), 1)

    def _steps(self) -> None:
        free = 0.0
        for step in self.shown.steps:
            top, bottom = self._y(step.at.start), self._y(step.at.end)
            for edge in (top, bottom):
                self.canvas.line([(12, edge), (_LEFT - 84, edge)], RULE)
                self._dotted(edge)
            middle = (top + bottom) / 2
            if middle - 11 < free:
                continue
            free = middle + 11
            words = clean(step.name, 80)
            name = f"{step.number}  {words}" if can_write(words) else str(step.number)
            self.canvas.text((12, middle), self.canvas.fitted(name, 17, _LEFT - 12 - 88), 17, bold=not step.done)

    def _dotted(self, y: float) -> None:
        for x in range(_LEFT, _LEFT + self.wide, 10):
            self.canvas.line([(x, y), (min(x + 4, _LEFT + self.wide), y)], PAPER)

    def _axes(self) -> None:
        self.canvas.rectangle((_LEFT - 1, _TOP - 1, _LEFT + self.wide + 1, _TOP + self.high + 1), outline=FAINT)
        bottom = _TOP + self.high
        for second in tick_seconds(self.similarity.trainee_seconds, max(self.wide // 110, 4)):
            self.canvas.line([(self._x(second), bottom), (self._x(second), bottom + 6)], FAINT)
            self.canvas.text((self._x(second), bottom + 20), tick(second), 17, colour=FAINT, across="m")
        for second in tick_seconds(self.similarity.gold_seconds, max(self.high // 60, 4)):
            self.canvas.line([(_LEFT - 6, self._y(second)), (_LEFT, self._y(second))], FAINT)
            self.canvas.text((_LEFT - 10, self._y(second)), tick(second), 17, colour=FAINT, across="r")
        self.canvas.text((_LEFT + self.wide / 2, bottom + 48), "Trainee's video, min:s", 18, across="m")
        self.canvas.text((12, _TOP - 22), "Gold steps", 18)
        self.canvas.text((_LEFT - 10, _TOP - 22), "min:s", 17, colour=FAINT, across="r")

    def _deviations(self) -> None:
        lasting = [(one, one.trainee) for one in self.shown.deviations if one.trainee and one.trainee.seconds > 0]
        for one, at, x in _spread(lasting, self._x, 46):
            left, right = self._x(at.start), max(self._x(at.end), self._x(at.start) + 3)
            self.canvas.pattern((left, _TOP - 10, right, _TOP - 1), one.pattern, one.colour)
            if one.gold is not None:
                box = (left, self._y(one.gold.start), right, self._y(one.gold.end))
                self.canvas.rectangle(box, outline=PAPER, width=5)
                self.canvas.rectangle(box, outline=one.colour, width=3)
            if x is not None:
                self.canvas.badge((x, _TOP - 27), one.label, one.colour, 15)
        absent = [
            (one, one.gold) for one in self.shown.deviations if one.gold and not (one.trainee and one.trainee.seconds)
        ]
        for one, at, y in _spread(absent, self._y, 28):
            edge = _LEFT + self.wide
            self.canvas.pattern((edge + 2, self._y(at.start), edge + 14, self._y(at.end)), one.pattern, one.colour)
            if y is not None:
                self.canvas.badge((edge + 38, y), one.label, one.colour, 15)

    def _legend(self, low: float, high: float) -> None:
        y = float(_TOP + self.high + 86)
        ramp = np.broadcast_to(_colours()[None, :, :], (2, 256, 3)).astype(np.uint8)
        self.canvas.text((_LEFT, y), "Similarity", 17)
        self.canvas.text((_LEFT + 150, y), f"{low:.2f}", 17, colour=FAINT, across="r")
        self.canvas.picture(ramp, (_LEFT + 158, y - 8, _LEFT + 318, y + 8), smooth=True)
        self.canvas.rectangle((_LEFT + 158, y - 8, _LEFT + 318, y + 8), outline=RULE)
        self.canvas.text((_LEFT + 326, y), f"{high:.2f}", 17, colour=FAINT)
        self.canvas.line([(_LEFT + 410, y), (_LEFT + 454, y)], PATH_EDGE, 6)
        self.canvas.line([(_LEFT + 411, y), (_LEFT + 453, y)], PATH, 3)
        self.canvas.text((_LEFT + 464, y), "what was matched", 17)


def _spread(
    placed: list[tuple[Marking, Interval]], at: Callable[[float], float], apart: float
) -> list[tuple[Marking, Interval, float | None]]:
    """Give the badges places along an edge, none where it would stand far from what it names."""
    found: list[tuple[Marking, Interval, float | None]] = []
    free = 0.0
    for one, interval in sorted(placed, key=lambda pair: (pair[1].start + pair[1].end, pair[0].label)):
        middle = at((interval.start + interval.end) / 2)
        near = max(middle, free)
        found.append((one, interval, near if near - middle < apart + 1 else None))
        free = near + apart if near - middle < apart + 1 else free
    return found


def _colours() -> NDArray[np.uint8]:
    anchors = np.array(_CIVIDIS, dtype=float)
    at = np.linspace(0, len(anchors) - 1, 256)
    channels = [np.interp(at, np.arange(len(anchors)), anchors[:, channel]) for channel in range(3)]
    return np.asarray(np.rint(np.stack(channels, axis=1)), dtype=np.uint8)
