# SPDX-License-Identifier: Apache-2.0
"""The order of the steps is told by the fewest exchanges and moves, and they make it out of the gold's."""

from collections.abc import Sequence
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovpo.sop.judging import order as judging_order
from ovpo.sop.judging.order import MOST_PLACES, MOST_STATES, Change, Exchange, Move, explain

ORDERS = st.integers(1, 12).flatmap(
    lambda many: st.permutations(range(1, many + 1)).flatmap(
        lambda whole: st.integers(0, many).map(lambda kept: tuple(whole[:kept]))
    )
)


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ((1, 2, 3, 4), ()),
        ((), ()),
        ((2, 5, 9), ()),
        ((1, 3, 2, 4), (Exchange(2, 3),)),
        ((1, 4, 3, 2, 5), (Exchange(2, 4),)),
        ((1, 3, 4, 2, 5), (Move(2, 4),)),
        ((1, 4, 2, 3, 5), (Move(4, 1),)),
        ((4, 1, 2, 3), (Move(4, None),)),
        ((2, 1, 4, 3), (Exchange(1, 2), Exchange(3, 4))),
        ((1, 7, 3, 5), (Move(7, 1),)),
        ((9, 2), (Exchange(2, 9),)),
        ((1, 9, 3, 4, 5, 6, 7, 8, 2, 10, 12, 11), (Exchange(2, 9), Exchange(11, 12))),
    ],
)
def test_an_order_is_told_as_a_person_would_tell_it(order: tuple[int, ...], told: tuple[Change, ...]) -> None:
    assert explain(order) == told


@settings(deadline=None, max_examples=60)
@given(ORDERS)
def test_the_changes_make_the_order_out_of_the_golds(order: tuple[int, ...]) -> None:
    assert apply(explain(order), sorted(order)) == order


def test_no_fewer_changes_would_do_up_to_six_steps() -> None:
    fewest = _fewest(6)
    for order in permutations(range(6)):
        told = explain(order)
        assert len(told) == fewest[order], f"{order} is told as {told}"
        assert apply(told, range(6)) == order


@pytest.mark.parametrize("many", [12, 200])
def test_an_exchange_across_a_move_is_told_by_two_changes(many: int) -> None:
    order = apply((Exchange(1, many), Move(5, 8)), range(1, many + 1))
    assert len(explain(order)) == 2


@pytest.mark.parametrize(("order", "most"), [((*range(20, 0, -1),), 10), ((*range(7, 21), *range(1, 7)), 6)])
def test_long_orders_are_told_by_exchanges_or_by_moves_whichever_are_fewer(order: tuple[int, ...], most: int) -> None:
    assert len(explain(order)) <= most


def test_steps_that_were_left_out_change_nothing() -> None:
    assert explain((10, 40, 30, 20, 50)) == (Exchange(20, 40),)


def test_the_same_order_is_always_told_in_the_same_way() -> None:
    order = [*range(40)]
    Random(4).shuffle(order)
    assert explain(order) == explain(tuple(order))
    assert apply(explain(order), range(40)) == tuple(order)


@pytest.mark.parametrize("many", [12, 60, 500])
def test_no_more_orders_are_looked_at_than_are_allowed(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at, broken = [0], judging_order._broken

    def counted(*given: Any) -> int:
        looked_at[0] += 1
        return broken(*given)

    monkeypatch.setattr(judging_order, "_broken", counted)
    order = [*range(many)]
    Random(4).shuffle(order)
    assert apply(explain(order), range(many)) == tuple(order)
    assert looked_at[0] <= min(MOST_STATES, MOST_PLACES // many) + 1


def test_a_step_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="comes twice"):
        explain((1, 2, 1))


def apply(changes: Sequence[Change], steps: Sequence[int]) -> tuple[int, ...]:
    """Make changes one after another to steps in the gold's order."""
    order = list(steps)
    for change in changes:
        if isinstance(change, Exchange):
            one, other = order.index(change.a), order.index(change.b)
            order[one], order[other] = change.b, change.a
        else:
            order.remove(change.step)
            order.insert(0 if change.after is None else order.index(change.after) + 1, change.step)
    return tuple(order)


def _fewest(many: int) -> dict[tuple[int, ...], int]:
    """Reach every order from the first one, nearest first."""
    start = tuple(range(many))
    fewest, edge = {start: 0}, [start]
    while edge:
        following = []
        for order in edge:
            for changed in _one_change_away(order):
                if changed not in fewest:
                    fewest[changed] = fewest[order] + 1
                    following.append(changed)
        edge = following
    return fewest


def _one_change_away(order: tuple[int, ...]) -> list[tuple[int, ...]]:
    found = []
    for one in range(len(order)):
        for other in range(len(order)):
            swapped, moved = [*order], [*order]
            swapped[one], swapped[other] = swapped[other], swapped[one]
            moved.insert(other, moved.pop(one))
            found += [tuple(swapped), tuple(moved)]
    return found
