# SPDX-License-Identifier: Apache-2.0
"""Which span of a trace answers to which of another, and which frame to which. Pure; swapped traces, swapped pairs."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import chain, pairwise
from statistics import median
from typing import TypeVar

One = TypeVar("One")


def in_order(
    of_one: Iterable[One], of_other: Iterable[One], named: Callable[[One], Hashable]
) -> tuple[list[tuple[One, One]], list[One], list[One]]:
    """Pair what has the same name, the first with the first; give the pairs and what is left of each, in its order."""
    others = list(of_other)
    waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place in reversed(range(len(others))):
        waiting[named(others[place])].append(place)
    pairs: list[tuple[One, One]] = []
    left: list[One] = []
    for one in of_one:
        if same := waiting[named(one)]:
            pairs.append((one, others[same.pop()]))
        else:
            left.append(one)
    return pairs, left, [others[place] for place in sorted(chain.from_iterable(waiting.values()))]


def interval(times: Sequence[float]) -> float | None:
    """Give the usual distance of times that do not fall; None where all are one."""
    apart = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    return median(apart) if apart else None


def by_time(of_one: Sequence[float], of_other: Sequence[float]) -> list[tuple[int, int]]:
    """Pair times of two series that do not fall: nearest with nearest, each once, in order, by their places.

    A pair is apart by half of the shorter interval at most; equal times are paired in their order.
    """
    known = [usual for usual in (interval(of_one), interval(of_other)) if usual is not None]
    farthest = min(known) / 2 if known else 0.0
    pairs: list[tuple[int, int]] = []
    first, second = 0, 0
    while first < len(of_one) and second < len(of_other):
        apart = of_one[first] - of_other[second]
        if abs(apart) <= farthest and not _is_nearer(of_one, of_other, first, second):
            pairs.append((first, second))
            first, second = first + 1, second + 1
        elif apart < 0:
            first += 1
        else:
            second += 1
    return pairs


def _is_nearer(of_one: Sequence[float], of_other: Sequence[float], first: int, second: int) -> bool:
    """Tell whether the next of the series that is behind is nearer to the other one than this is."""
    apart = of_one[first] - of_other[second]
    if apart < 0:
        return first + 1 < len(of_one) and abs(of_one[first + 1] - of_other[second]) < -apart
    return second + 1 < len(of_other) and abs(of_one[first] - of_other[second + 1]) < apart


def thinned(values: Sequence[One], most: int) -> list[One]:
    """Choose so many of the values at equal distances, the first and the last among them."""
    if len(values) <= most:
        return list(values)
    if most == 1:
        return [values[0]]
    return [values[round(place * (len(values) - 1) / (most - 1))] for place in range(most)]
