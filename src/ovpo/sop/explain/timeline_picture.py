# SPDX-License-Identifier: Apache-2.0
"""Draws the timeline: gold steps above, the trainee's below, bands between what matches, deviations marked."""

from collections.abc import Sequence
from typing import Final

from ovpo.sop.explain.canvas import FAINT, INK, PAPER, RULE, Box, Canvas
from ovpo.sop.explain.fonts import can_write
from ovpo.sop.explain.marks import MARKS, Pattern
from ovpo.sop.explain.timeline import Marking, Timeline
from ovpo.sop.explain.wording import clean, tick, tick_seconds
from ovpo.sop.result import DeviationType, Interval

WIDTH: Final = 1600
_LEFT: Final = 122
_RIGHT: Final = 24
_BAR: Final = 84
_BAND: Final = 92
_LANE: Final = 36
_STEP: Final = "#d7e3f1"
_STEP_EDGE: Final = "#5b7fa6"
_IDLE: Final = "#e4e7ea"
_LINK: Final = "#9fb6cf"
# More lanes of marks than this would make the picture taller than a third of a page; the rest share the last lane.
_MOST_LANES: Final = 9


def timeline_png(shown: Timeline) -> bytes:
    """Draw a timeline, 1600 pixels wide."""
    return _Drawing(shown).png()


class _Drawing:
    def __init__(self, shown: Timeline) -> None:
        self.shown = shown
        self.extent = max(shown.gold_seconds, shown.trainee_seconds, 0.1)
        above = [one for one in shown.deviations if one.trainee is None and one.gold is not None]
        below = [one for one in shown.deviations if one.trainee is not None]
        self.above = _lanes([(one, one.gold) for one in above if one.gold], 58 * self.extent / WIDTH)
        self.below = _lanes([(one, one.trainee) for one in below if one.trainee], 58 * self.extent / WIDTH)
        self.gold_top = 44 + _LANE * _count(self.above)
        self.trainee_top = self.gold_top + _BAR + _BAND
        self.lanes_top = self.trainee_top + _BAR + 8
        self.axis = self.lanes_top + _LANE * _count(self.below) + 8
        self.canvas = Canvas(WIDTH, self.axis + 34 + self._legend_height())

    def png(self) -> bytes:
        """Draw from back to front."""
        self._axis()
        self._links()
        self._gold()
        self._trainee()
        for marking, lane in self.above:
            if marking.gold is not None:
                self._marking(marking, marking.gold, self.gold_top - _LANE * (lane + 1))
        for marking, lane in self.below:
            if marking.trainee is not None:
                self._marking(marking, marking.trainee, self.lanes_top + _LANE * lane)
        self._legend()
        return self.canvas.png()

    def _x(self, seconds: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(max(seconds / self.extent, 0), 1)

    def _box(self, at: Interval, top: float) -> Box:
        left = self._x(at.start)
        return left, top, max(self._x(at.end), left + 2), top + _BAR

    def _axis(self) -> None:
        for second in tick_seconds(self.extent, 14):
            x = self._x(second)
            self.canvas.line([(x, self.gold_top - 8), (x, self.axis)], RULE)
            self.canvas.text((x, self.axis + 16), tick(second), 17, colour=FAINT, across="m")
        self.canvas.text((12, self.axis + 16), "min:s", 17, colour=FAINT)

    def _links(self) -> None:
        top, bottom = self.gold_top + _BAR, self.trainee_top
        swap = MARKS[DeviationType.ORDER_SWAP].colour
        again = MARKS[DeviationType.REPEATED_STEP].colour
        for link in sorted(self.shown.links, key=lambda one: one.swapped or one.again):
            colour = swap if link.swapped else again if link.again else _LINK
            corners = [
                (self._x(link.gold.start), top),
                (self._x(link.gold.end), top),
                (self._x(link.trainee.end), bottom),
                (self._x(link.trainee.start), bottom),
            ]
            self.canvas.polygon(corners, colour, 0.42 if link.swapped or link.again else 0.3)
            self.canvas.line([corners[0], corners[3]], colour, 1)
            self.canvas.line([corners[1], corners[2]], colour, 1)

    def _gold(self) -> None:
        self.canvas.text((12, self.gold_top + _BAR / 2), "Gold", 22, bold=True)
        self._ground(self.shown.gold_seconds, self.gold_top)
        missing = MARKS[DeviationType.STEP_MISSING]
        for step in self.shown.steps:
            box = self._box(step.at, self.gold_top)
            if step.done:
                self._plain(box)
            else:
                self.canvas.pattern(box, missing.pattern, missing.colour)
            self._named(box, step.number, step.name, critical=step.critical, plate=not step.done)

    def _trainee(self) -> None:
        self.canvas.text((12, self.trainee_top + _BAR / 2), "Trainee", 22, bold=True)
        self._ground(self.shown.trainee_seconds, self.trainee_top)
        for idle, words in ((self.shown.lead_in, "before"), (self.shown.tail, "after")):
            if idle is not None:
                left, top, right, bottom = self._box(idle, self.trainee_top)
                shown = self.canvas.fitted(words, 17, right - left - 6)
                if shown == words:
                    self.canvas.text(((left + right) / 2, (top + bottom) / 2), shown, 17, colour=FAINT, across="m")
        for stretch in self.shown.stretches:
            box = self._box(stretch.at, self.trainee_top)
            if stretch.step is None:
                extra = MARKS[DeviationType.EXTRA_STEP]
                self.canvas.pattern(box, extra.pattern, extra.colour)
            elif stretch.again:
                repeated = MARKS[DeviationType.REPEATED_STEP]
                self.canvas.pattern(box, repeated.pattern, repeated.colour)
                self._named(box, stretch.step, stretch.name, plate=True)
            else:
                self._plain(box)
                self._named(box, stretch.step, stretch.name)

    def _ground(self, seconds: float, top: float) -> None:
        self.canvas.rectangle((self._x(0), top, max(self._x(seconds), self._x(0) + 2), top + _BAR), fill=_IDLE)

    def _plain(self, box: Box) -> None:
        self.canvas.rectangle(box, fill=_STEP, outline=_STEP_EDGE)

    def _named(self, box: Box, number: int, name: str, *, critical: bool = False, plate: bool = False) -> None:
        left, top, right, bottom = box
        room = right - left - 8
        digits = f"{number}!" if critical else str(number)
        if self.canvas.text_width(digits, 22, bold=True) > room + 4:
            return
        middle, centre = (left + right) / 2, (top + bottom) / 2
        words = clean(name, 80)
        lines = self.canvas.wrapped(words, 16, room, 2) if can_write(words) else []
        if any(len(line) < 3 and line.endswith("…") for line in lines) or not all(lines):
            lines = []
        if plate:
            widths = [self.canvas.text_width(line, 16) for line in lines]
            half = max([self.canvas.text_width(digits, 22, bold=True), *widths]) / 2 + 4
            high = 14 + 10 * len(lines)
            self.canvas.rounded((middle - half, centre - high, middle + half, centre + high), 4, PAPER)
        self.canvas.text((middle, centre - 10 * len(lines)), digits, 22, bold=True, across="m")
        for place, line in enumerate(lines):
            self.canvas.text((middle, centre + 22 - 10 * len(lines) + 19 * place), line, 16, across="m")

    def _marking(self, marking: Marking, at: Interval, top: float) -> None:
        left, right = self._x(at.start), self._x(at.end)
        middle = top + _LANE / 2
        if right - left >= 4:
            self.canvas.pattern((left, top + 7, right, top + _LANE - 7), marking.pattern, marking.colour)
        else:
            self.canvas.line([(left, self.trainee_top), (left, middle)], marking.colour, 2.5)
        half = self.canvas.text_width(marking.label, 15, bold=True) / 2 + 8
        x = min(max((left + right) / 2, _LEFT + half), WIDTH - _RIGHT - half)
        self.canvas.badge((x, middle), marking.label, marking.colour, 15)

    def _kinds(self) -> list[tuple[str, str, Pattern, str]]:
        seen: dict[str, tuple[str, str, Pattern, str, int]] = {}
        for one in self.shown.deviations:
            count = seen[one.letter][4] + 1 if one.letter in seen else 1
            seen[one.letter] = (one.letter, one.colour, one.pattern, one.words, count)
        return [
            (letter, colour, pattern, words if count == 1 else f"{words} ({count})")
            for letter, colour, pattern, words, count in seen.values()
        ]

    def _legend_height(self) -> int:
        return 34 * (1 + len(self._kinds()) // 5)

    def _legend(self) -> None:
        top = self.axis + 50
        entries = self._kinds()
        for place, (letter, colour, pattern, words) in enumerate(entries):
            x, y = _LEFT + 290.0 * (place % 5), top + 34.0 * (place // 5)
            self.canvas.pattern((x, y - 9, x + 34, y + 9), pattern, colour)
            self.canvas.badge((x + 52, y), letter, colour, 15)
            self.canvas.text((x + 76, y), words, 18)
        x, y = _LEFT + 290.0 * (len(entries) % 5), top + 34.0 * (len(entries) // 5)
        if entries:
            self.canvas.rectangle((x, y - 9, x + 34, y + 9), fill=_IDLE, outline=RULE)
            self.canvas.text((x + 44, y), "not part of the procedure", 18)
        else:
            words = "No deviations" if self.shown.stretches else "No step of the procedure was found"
            self.canvas.text((_LEFT, top), words, 18, colour=INK, bold=True)


def _lanes(placed: Sequence[tuple[Marking, Interval]], least: float) -> list[tuple[Marking, int]]:
    """Give each mark the first lane that is free; a mark takes `least` seconds for its badge."""
    free: list[float] = []
    found = []
    for marking, at in sorted(placed, key=lambda pair: (pair[1].start, pair[1].end)):
        middle, half = (at.start + at.end) / 2, max(at.seconds, least) / 2
        lane = next((place for place, end in enumerate(free) if end <= middle - half), len(free))
        if lane == len(free) and len(free) < _MOST_LANES:
            free.append(0.0)
        lane = min(lane, _MOST_LANES - 1)
        free[lane] = middle + half
        found.append((marking, lane))
    return found


def _count(lanes: Sequence[tuple[Marking, int]]) -> int:
    return 1 + max((lane for _, lane in lanes), default=-1)
