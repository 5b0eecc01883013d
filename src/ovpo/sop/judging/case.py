# SPDX-License-Identifier: Apache-2.0
"""What every finding is drawn from: the gold's steps, what the trainee did, and how alike the two look row by row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.aspects import Otherwise
from ovpo.sop.judging.lulls import Lulls
from ovpo.sop.judging.visits import Aside, Run, Visit
from ovpo.sop.result import FramePair, Interval


@dataclass(frozen=True, slots=True)
class GoldStep:
    """A step of the gold video; rows count from zero, the end is exclusive."""

    name: str
    first: int
    end: int
    critical: bool = False
    min_seconds: float | None = None
    max_seconds: float | None = None

    @property
    def rows(self) -> int:
        """How long it is."""
        return self.end - self.first


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Two videos, read side by side."""

    steps: tuple[GoldStep, ...]
    run: Run
    main: tuple[Visit | None, ...]
    """The visit that counts as the doing of each step; none where it was not done."""
    gold_row: NDArray[np.int32]
    """The gold row that each trainee row shows, or NOWHERE."""
    likeness: NDArray[np.float32]
    """The cosines, gold rows x trainee rows."""
    motion: NDArray[np.float32]
    brightness: NDArray[np.float32]
    lull: Lulls
    """How much of a lull each row of the trainee's video is."""
    otherwise: tuple[Otherwise, ...]
    """Stretches of steps that were done, but not as in the gold."""
    row_seconds: float
    expected: float
    least: float

    @property
    def done(self) -> tuple[Visit, ...]:
        """The steps that were done, in the order of the trainee's video."""
        return tuple(sorted((visit for visit in self.main if visit is not None), key=lambda visit: visit.first))

    @property
    def repeats(self) -> tuple[Visit, ...]:
        """The visits that are none of these."""
        return tuple(visit for visit in self.run.visits if visit is not self.main[visit.step])

    def matched(self, visit: Visit) -> NDArray[np.intp]:
        """Give the trainee rows of a visit that show a gold row."""
        return visit.first + np.flatnonzero(self.gold_row[visit.first : visit.end] >= 0)

    def likeness_of(self, visit: Visit) -> float:
        """Give the mean cosine of a visit to its gold rows."""
        rows = self.matched(visit)
        return float(self.likeness[self.gold_row[rows], rows].mean())

    def gold_interval(self, first: int, end: int) -> Interval:
        """Give gold rows as time."""
        return self._interval(first, end)

    def trainee_interval(self, of: Visit | Aside) -> Interval:
        """Give a stretch of the trainee's video as time."""
        return self._interval(of.first, of.end)

    def pair(self, gold: tuple[int, int] | None, trainee: tuple[int, int] | None) -> FramePair:
        """Choose the middles of two stretches as the frames to look at."""
        return FramePair(gold=self._middle(gold), trainee=self._middle(trainee))

    def certainty(self, likeness: float) -> float:
        """Turn a cosine into how certain it is that two stretches do not show the same: one half at the threshold."""
        width = max(self.expected - self.least, 0.05)
        return float(1 / (1 + np.exp(np.clip(4 * (likeness - self.least) / width, -30, 30))))

    def _interval(self, first: int, end: int) -> Interval:
        return Interval(round(first * self.row_seconds, 3), round(end * self.row_seconds, 3))

    def _middle(self, stretch: tuple[int, int] | None) -> float | None:
        return None if stretch is None else round((stretch[0] + stretch[1]) / 2 * self.row_seconds, 3)
