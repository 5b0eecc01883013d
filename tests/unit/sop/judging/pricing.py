# SPDX-License-Identifier: Apache-2.0
"""What a reading costs, told from the rules alone, and the cheapest of all readings of a tiny video."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.reading import NOWHERE, Costs, Prices, Reading

FEW: Final = 4
"""Gold rows that may pass at once without an omission."""


@dataclass(frozen=True)
class At:
    """What one trainee row shows: a gold row, or, aside, how many gold rows have passed."""

    row: int
    aside: bool = False


State = At | None
"""None before the beginning and after the end."""


class Pricing:
    """The price of every reading of one pair."""

    def __init__(self, costs: Costs, step_of: NDArray[np.int32], prices: Prices) -> None:
        self._costs, self._step_of, self._prices = costs.tolist(), step_of.tolist(), prices
        self.gold, self.trainee = costs.shape
        self._going = cache(self._compute_going)

    def of(self, states: tuple[State, ...]) -> float:
        """Add up the price; infinite where the rules do not allow it."""
        inside = [number for number, state in enumerate(states) if state is not None]
        if not inside:
            return 0.0
        run = states[inside[0] : inside[-1] + 1]
        begin, end = run[0], run[-1]
        if None in run or begin is None or end is None or begin.aside or end.aside:
            return inf
        price = self._left_out(begin.row) + self._left_out(self.gold - 1 - end.row)
        for at, state in enumerate(run, inside[0]):
            if state is not None and not state.aside:
                price += self._costs[state.row][at]
        for one, other in pairwise(run):
            if one is not None and other is not None:
                price += self._going(one, other)
        return float(price)

    def cheapest(self) -> float:
        """Try all readings."""
        return min(self.of(states) for states in self._all())

    def _all(self) -> Iterator[tuple[State, ...]]:
        rows: list[State] = [At(row) for row in range(self.gold)]
        asides: list[State] = [At(passed, aside=True) for passed in range(1, self.gold + 1)]
        return product([None, *rows, *asides], repeat=self.trainee)

    def _left_out(self, rows: int) -> float:
        return (self._prices.omit if rows > FEW else 0.0) + self._prices.drift * rows

    def _compute_going(self, one: At, other: At) -> float:
        prices = self._prices
        if other.aside:
            passed = one.row if one.aside else one.row + 1
            if other.row < passed:
                return inf
            return (0.0 if one.aside else prices.aside / 2) + prices.drift * (other.row - passed)
        first, _ = self._edges(other.row)
        enter = prices.jump + prices.cut * (other.row - first)
        if one.aside:
            back = prices.aside / 2
            return min(back if other.row == one.row else inf, back + enter)
        left = self._edges(one.row)[1] - one.row
        ways = [enter + prices.cut * left]
        on = other.row - one.row
        if on == 0:
            ways.append(prices.hold)
        elif 0 < on <= FEW:
            ways.append(prices.hurry * (on - 1))
        elif on > FEW:
            ways.append(prices.omit + prices.drift * on)
        return min(ways)

    def _edges(self, row: int) -> tuple[int, int]:
        same = [number for number, step in enumerate(self._step_of) if step == self._step_of[row]]
        return same[0], same[-1]


def states_of(reading: Reading) -> tuple[State, ...]:
    """Put a reading into the states that it stands for."""
    shown = np.flatnonzero(reading.gold_row != NOWHERE)
    if not len(shown):
        return (None,) * len(reading.gold_row)
    return tuple(
        None
        if not shown[0] <= at <= shown[-1]
        else At(int(row))
        if row != NOWHERE
        else At(int(reading.passed[at]), aside=True)
        for at, row in enumerate(reading.gold_row)
    )
