# SPDX-License-Identifier: Apache-2.0
"""In which order the steps were done, told as the fewest exchanges and moves that make it out of the gold's order."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from msgspec import Struct

MOST_STATES: Final = 12_000
"""So many orders of a block are looked at before the fewest of one kind are taken; blocks of six need 1 300 at most."""
MOST_PLACES: Final = 1_200_000
"""And so many places in them, so that a block of 500 steps takes a quarter of a second and not two."""
MENDED_AT_MOST: Final = 4
"""So many neighbourhoods one repair can mend."""
_Order = tuple[int, ...]


class Exchange(Struct, frozen=True):
    """Two steps stand in one another's place; `a` is the earlier one in the gold."""

    a: int
    b: int


class Move(Struct, frozen=True):
    """One step was done right after another, or first of all, and all others kept their order."""

    step: int
    after: int | None


Change = Exchange | Move


def explain(order: Sequence[int]) -> tuple[Change, ...]:
    """Tell how the trainee's order, gold numbers as they were done, comes out of the gold's: change by change.

    Numbers may be absent (steps that were left out) and none may come twice. Stretches that only exchange steps among
    themselves are told apart, each by the fewest changes; an exchange is preferred where a move would do as well.
    """
    if len(set(order)) != len(order):
        raise ValueError(f"a step comes twice in {list(order)}; give the place of its first time only")
    told: list[Change] = []
    for first, block in _blocks(order):
        told += _changes(block, order[first - 1] if first else None)
    return tuple(told)


def _blocks(order: Sequence[int]) -> Iterator[tuple[int, _Order]]:
    """Cut the order where all that went before is smaller than all that follows; blocks of one are in place."""
    reached = list(accumulate(order, max))
    first = 0
    for end, (highest, wanted) in enumerate(zip(reached, sorted(order), strict=True), 1):
        if highest == wanted:
            if end - first > 1:
                yield first, tuple(order[first:end])
            first = end


def _changes(block: _Order, before: int | None) -> list[Change]:
    """Sort a block by the fewest repairs, and tell each backwards: what was repaired last went wrong first."""
    repairs = min(_by_exchanges(block), _by_moves(block), key=len)
    goal, states = tuple(sorted(block)), _States(min(MOST_STATES, MOST_PLACES // len(block)))
    fewest = -(-_broken(block, goal, dict(pairwise(goal))) // MENDED_AT_MOST)
    for allowed in range(max(fewest, 2), len(repairs)):
        found = _search(block, goal, allowed, states)
        if found is not None:
            repairs = found
            break
    told: list[Change] = []
    at = block
    for repaired in repairs:
        told.append(_told(at, repaired, before))
        at = repaired
    return told[::-1]


@dataclass(slots=True)
class _States:
    """How many orders a search may still look at."""

    left: int


def _search(order: _Order, goal: _Order, allowed: int, states: _States) -> list[_Order] | None:
    """Find repairs, as the orders that they lead to, unless it takes looking at too many orders."""
    if order == goal:
        return []
    if allowed == 1:
        return [goal] if _is_one_change(order, goal) else None
    following = dict(pairwise(goal))
    for repaired in _repaired(order):
        if not states.left:
            return None
        states.left -= 1
        if _broken(repaired, goal, following) > MENDED_AT_MOST * (allowed - 1):
            continue
        rest = _search(repaired, goal, allowed - 1, states)
        if rest is not None:
            return [repaired, *rest]
    return None


def _is_one_change(order: _Order, goal: _Order) -> bool:
    places = [place for place, (one, other) in enumerate(zip(order, goal, strict=True)) if one != other]
    first, last = places[0], places[-1]
    moved = order[first:last] == goal[first + 1 : last + 1] or order[first + 1 : last + 1] == goal[first:last]
    return moved or len(places) == 2


def _broken(order: _Order, goal: _Order, following: dict[int, int]) -> int:
    """Count the neighbours that are none in the goal, the two ends included."""
    inside = sum(following.get(one) != other for one, other in pairwise(order))
    return inside + (order[0] != goal[0]) + (order[-1] != goal[-1])


def _repaired(order: _Order) -> Iterator[_Order]:
    """Give every order that one exchange, then every order that one move leads to."""
    size = len(order)
    for one in range(size):
        for other in range(one + 1, size):
            yield (*order[:one], order[other], *order[one + 1 : other], order[one], *order[other + 1 :])
    for place in range(size):
        rest = order[:place] + order[place + 1 :]
        for to in range(size):
            if abs(to - place) > 1:
                yield (*rest[:to], order[place], *rest[to:])


def _by_exchanges(order: _Order) -> list[_Order]:
    """Put one step after the other into its place, by the exchange with the step that stands there."""
    repairs: list[_Order] = []
    for place, wanted in enumerate(sorted(order)):
        if order[place] != wanted:
            other = order.index(wanted)
            order = (*order[:place], wanted, *order[place + 1 : other], order[place], *order[other + 1 :])
            repairs.append(order)
    return repairs


def _by_moves(order: _Order) -> list[_Order]:
    """Move each step that is outside the longest run of rising steps, the earliest first."""
    kept = _longest_rising(order)
    repairs: list[_Order] = []
    for step in sorted(set(order) - kept):
        rest = [one for one in order if one != step]
        kept |= {step}
        lower = [place for place, one in enumerate(rest) if one in kept and one < step]
        to = lower[-1] + 1 if lower else 0
        order = (*rest[:to], step, *rest[to:])
        repairs.append(order)
    return repairs


def _longest_rising(order: _Order) -> set[int]:
    ends: list[int] = []
    lengths: list[int] = []
    for step in order:
        place = bisect_left(ends, step)
        ends[place : place + 1] = [step]
        lengths.append(place)
    kept: set[int] = set()
    wanted = len(ends) - 1
    for step, length in zip(reversed(order), reversed(lengths), strict=True):
        if length == wanted and all(step < one for one in kept):
            kept.add(step)
            wanted -= 1
    return kept


def _told(wrong: _Order, right: _Order, before: int | None) -> Change:
    """Tell what made the right order wrong."""
    places = [place for place, (one, other) in enumerate(zip(wrong, right, strict=True)) if one != other]
    first, last = places[0], places[-1]
    if len(places) == 2:
        return Exchange(min(wrong[first], wrong[last]), max(wrong[first], wrong[last]))
    place = first if wrong[first] == right[last] else last
    return Move(wrong[place], wrong[place - 1] if place else before)
