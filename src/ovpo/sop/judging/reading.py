# SPDX-License-Identifier: Apache-2.0
"""Reads a trainee's video in the words of the gold's: which gold row each trainee row shows, steps in any order.

A dynamic programme over the trainee's rows. At each the trainee is at some gold row, or does something that is not in
the gold (an *aside*, which remembers how far the gold had come), or has not begun, or has ended. Going on in the gold
is free; going on elsewhere, and going aside, has a price, so that it happens only where the pictures insist on it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Costs = NDArray[np.float32]
NOWHERE: Final = -1
_FASTEST: Final = 4
"""Gold rows that may pass from one trainee row to the next; more is an omission."""
_STAY, _ASIDE, _OMIT, _JUMP, _JUMP_FROM_ASIDE, _BEGIN = 0, 5, 6, 7, 8, 9


class Prices(Struct, frozen=True, kw_only=True):
    """What leaving the gold's order costs; one is what a row costs that shows something else than the gold's."""

    hold: float = 0.06
    """A row in which the gold does not go on."""
    hurry: float = 0.12
    """Each gold row that passes beside the one that is shown."""
    aside: float = 2.5
    """To do something else, and to come back."""
    drift: float = 0.02
    """Each gold row that passes unseen, during an aside or an omission."""
    omit: float = 2.5
    """To go on later in the gold."""
    jump: float = 2.5
    """To go on at another step."""
    cut: float = 0.35
    """Each row that is left out at the beginning or the end of a step when a jump is made."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What each trainee row shows."""

    gold_row: NDArray[np.int32]
    """The gold row, or NOWHERE."""
    passed: NDArray[np.int32]
    """How many gold rows had passed by then, in an aside too."""
    jumped: NDArray[np.bool_]
    """Whether the row was reached by a jump to a step's beginning."""
    price: float


def read(costs: Costs, step_of: NDArray[np.int32], prices: Prices) -> Reading:
    """Find the cheapest reading; `costs` is gold rows x trainee rows, negative where they show the same."""
    table = _Table(costs, step_of, prices)
    return table.walk_back()


class _Table:
    def __init__(self, costs: Costs, step_of: NDArray[np.int32], prices: Prices) -> None:
        self._prices = prices
        self._gold, self._trainee = costs.shape
        gold, trainee = costs.shape
        self._how = np.zeros((trainee, gold), np.uint8)
        self._omitted_from = np.zeros((trainee, gold), np.int32)
        self._jumped_from = np.zeros(trainee, np.int32)
        self._jumped_from_aside = np.zeros(trainee, np.int32)
        self._aside_from = np.zeros((trainee, gold + 1), np.int32)
        self._aside_is_new = np.zeros((trainee, gold + 1), np.bool_)
        starts, ends = _edges(step_of)
        rows = np.arange(gold)
        self._enter = prices.cut * (rows - starts)
        self._exit = prices.cut * (ends - rows)
        left = gold - 1 - rows
        self._begin = np.where(rows > _FASTEST, prices.omit, 0.0) + prices.drift * rows
        self._finish = np.where(left > _FASTEST, prices.omit, 0.0) + prices.drift * left
        self._fill(costs)

    def _fill(self, costs: Costs) -> None:
        prices, gold = self._prices, self._gold
        match = np.full(gold, np.inf)
        aside = np.full(gold + 1, np.inf)
        slope = prices.drift * np.arange(gold + 1)
        numbers = np.arange(gold + 1, dtype=np.int32)
        self._best_end, self._ended_at, self._ended_in = 0.0, 0, NOWHERE
        for at in range(self._trainee):
            ways = np.full((10, gold), np.inf)
            ways[_STAY] = match + prices.hold
            for steps in range(1, min(_FASTEST, gold - 1) + 1):
                ways[steps, steps:] = match[:-steps] + prices.hurry * (steps - 1)
            ways[_ASIDE] = aside[:-1] + prices.aside / 2
            sunk = match - slope[:-1]
            lowest, origin = _running_minimum(sunk, numbers[:-1])
            far = _FASTEST + 1
            if gold > far:
                ways[_OMIT, far:] = lowest[:-far] + slope[far:-1] + prices.omit
                self._omitted_from[at, far:] = origin[:-far]
            leaving = match + self._exit
            self._jumped_from[at] = source = int(leaving.argmin())
            ways[_JUMP] = leaving[source] + prices.jump + self._enter
            self._jumped_from_aside[at] = source = int(aside.argmin())
            ways[_JUMP_FROM_ASIDE] = aside[source] + prices.aside / 2 + prices.jump + self._enter
            ways[_BEGIN] = self._begin
            how = ways.argmin(axis=0)
            self._how[at] = how
            gone_aside = np.concatenate([[np.inf], match + prices.aside / 2])
            is_new = gone_aside < aside
            waiting = np.where(is_new, gone_aside, aside) - slope
            waiting, came_from = _running_minimum(waiting, numbers)
            self._aside_from[at], self._aside_is_new[at] = came_from, is_new[came_from]
            aside = waiting + slope
            match = np.take_along_axis(ways, how[None], 0)[0] + costs[:, at]
            ended = match + self._finish
            last = int(ended.argmin())
            if ended[last] < self._best_end:
                self._best_end, self._ended_at, self._ended_in = float(ended[last]), at, last

    def walk_back(self) -> Reading:
        """Follow the cheapest reading from its end."""
        gold_row = np.full(self._trainee, NOWHERE, np.int32)
        passed = np.zeros(self._trainee, np.int32)
        jumped = np.zeros(self._trainee, np.bool_)
        row, is_aside = self._ended_in, False
        if row != NOWHERE:
            passed[self._ended_at + 1 :] = row + 1
        for at in range(self._ended_at, -1, -1) if row != NOWHERE else ():
            if is_aside:
                passed[at] = row
                source = int(self._aside_from[at, row])
                is_aside = not self._aside_is_new[at, row]
                row = source if is_aside else source - 1
                continue
            gold_row[at], passed[at] = row, row + 1
            how = int(self._how[at, row])
            if how == _BEGIN:
                break
            jumped[at] = how in {_JUMP, _JUMP_FROM_ASIDE}
            if how == _ASIDE:
                is_aside = True
            elif how == _OMIT:
                row = int(self._omitted_from[at, row])
            elif how == _JUMP:
                row = int(self._jumped_from[at])
            elif how == _JUMP_FROM_ASIDE:
                row, is_aside = int(self._jumped_from_aside[at]), True
            else:
                row -= how
        return Reading(gold_row, passed, jumped, self._best_end)


def _edges(step_of: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give the first and the last gold row of each gold row's step."""
    _, first, length = np.unique(step_of, return_index=True, return_counts=True)
    return np.repeat(first, length).astype(np.int32), np.repeat(first + length - 1, length).astype(np.int32)


def _running_minimum(
    values: NDArray[np.float64], numbers: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Give the least value so far at each place, and where it stands."""
    lowest = np.minimum.accumulate(values)
    return lowest, np.maximum.accumulate(np.where(values <= lowest, numbers, 0)).astype(np.int32)
