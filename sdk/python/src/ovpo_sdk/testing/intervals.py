# SPDX-License-Identifier: Apache-2.0
"""How much slower one of two ways is, with the interval that holds the truth 95 times in 100. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Final

RESAMPLES: Final = 2_000
"""The bounds of the interval then move by a twentieth of its width from one drawing to the next."""
TAIL: Final = 0.025


@dataclass(frozen=True, slots=True)
class Excess:
    """By which share something is slower, at best and at worst: 0.02 is two in a hundred."""

    share: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.share:+.1%} (95 % interval {self.low:+.1%} to {self.high:+.1%}, {self.pairs} pairs of runs)"


def excess(without: Sequence[float], beside: Sequence[float], random: Random) -> Excess:
    """Take the median ratio of paired timings, and its interval by a percentile bootstrap over the pairs.

    Ratios within pairs, because what slows both of a pair down, such as another program, then weighs on neither.
    """
    ratios = [slow / fast for fast, slow in zip(without, beside, strict=True)]
    drawn = sorted(median(random.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    low, high = drawn[int(TAIL * RESAMPLES)], drawn[-1 - int(TAIL * RESAMPLES)]
    return Excess(median(ratios) - 1, low - 1, high - 1, len(ratios))
