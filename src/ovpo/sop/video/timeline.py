# SPDX-License-Identifier: Apache-2.0
"""When pictures are shown, counted from the first one, and which of them stands for a moment that is asked for.

The rule, for sampling and for single pictures alike: at a moment the picture is shown that came last until then. Times
may be a millisecond late, since Matroska, Flash and ASF round to it.
"""

from fractions import Fraction
from math import floor
from typing import Final

LATE: Final = Fraction(1, 1000)


class Timeline:
    """Places pictures in the order in which they are shown; in ticks, never backwards."""

    def __init__(self, tick: Fraction, usual_ticks: int, origin: int | None = None) -> None:
        self._back = round(1 / tick)
        self._usual, self._origin = usual_ticks, origin
        self._last: int | None = None
        self._step = usual_ticks

    @property
    def end(self) -> int:
        """Tell when the last picture ends."""
        return 0 if self._last is None else self._last + self._step

    @property
    def origin(self) -> int | None:
        """Give the time stamp that is zero here."""
        return self._origin

    def place(self, stamp: int | None, ticks: int) -> int:
        """Tell when the next picture is shown, by its time stamp and by how long it says it lasts.

        Without a stamp it follows the one before, and so it does where the stamps begin anew; stamps that go back by
        less than a second are a disorder of neighbours.
        """
        follows = self.end
        if stamp is None:
            at = follows
        else:
            if self._origin is None:
                self._origin = stamp - follows
            at = stamp - self._origin
            if self._last is not None and at < self._last:
                if self._last - at > self._back:
                    self._origin = stamp - follows
                    at = follows
                else:
                    at = self._last
        if ticks > 0:
            self._step = ticks
        elif self._last is not None and at > self._last:
            self._step = at - self._last
        self._last = at
        return at


def due(seconds: float, tick: Fraction) -> int:
    """Tell until which tick pictures may be shown that stand for a moment."""
    return floor((Fraction(seconds) + LATE) / tick)


def count(ticks: int, tick: Fraction, frames_per_second: float) -> int:
    """Tell how many samples a video of so many ticks has: one for every cell of time that it fills to the middle."""
    return max(floor(ticks * tick * Fraction(frames_per_second) + Fraction(1, 2)), 1)
