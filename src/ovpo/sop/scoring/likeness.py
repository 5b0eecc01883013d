# SPDX-License-Identifier: Apache-2.0
"""How much each moment of the gold looks as it does in the trainee's video, whatever time the trainee took for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.findings import Findings
from ovpo.sop.result import Interval

FEWEST_ROWS = 3
"""Of fewer rows no median is taken: one clip would decide it."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """The gold's rows that were matched, in order, and for each how far the mean cosine of its pairs falls short."""

    rows: NDArray[np.int64]
    shortfalls: NDArray[np.float64]
    """0 from halfway between the usual cosine and the least one upwards, 1 at the least one and below."""
    below: NDArray[np.bool_]
    """Whether the cosine is under the least one."""

    def between(self, interval: Interval, row_seconds: float) -> NDArray[np.float64]:
        """Give the shortfalls of the rows whose middle lies in a stretch of the gold."""
        middles = (self.rows + 0.5) * row_seconds
        return self.shortfalls[(middles >= interval.start) & (middles < interval.end)]


def likeness(findings: Findings) -> Likeness:
    """Bring the pairs of the alignment down to one cosine for each row of the gold."""
    pairs = findings.path[:, 0].astype(np.int64)
    times = np.bincount(pairs)
    rows = np.flatnonzero(times)
    cosines = np.bincount(pairs, weights=findings.similarity.astype(np.float64))[rows] / times[rows]
    slack = max((findings.expected - findings.least) / 2, 1e-6)
    shortfalls = np.clip((findings.least + slack - cosines) / slack, 0.0, 1.0)
    return Likeness(rows, shortfalls, cosines < findings.least)


def middle(shortfalls: NDArray[np.float64]) -> float:
    """Give the median, or nothing lost where there are too few rows to have one."""
    return float(np.median(shortfalls)) if len(shortfalls) >= FEWEST_ROWS else 0.0


def runs(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give how many equal values follow one another, run by run."""
    if not len(values):
        return np.zeros(0, np.int64)
    ends = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    return np.diff(ends, prepend=-1).astype(np.int64)
