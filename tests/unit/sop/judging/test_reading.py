# SPDX-License-Identifier: Apache-2.0
"""The reading is the cheapest there is, and says of every trainee row what it shows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ovpo.sop.judging.reading import NOWHERE, Costs, Prices, read
from tests.unit.sop.judging.pricing import Pricing, states_of

PRICES = Prices(hold=0.06, hurry=0.12, aside=2.5, drift=0.02, omit=2.5, jump=2.5, cut=0.35)
CHEAP = Prices(hold=0.05, hurry=0.11, aside=0.3, drift=0.03, omit=0.4, jump=0.35, cut=0.07)
"""With these, two rows are reason enough to leave the gold's order."""
Pair = tuple[Costs, NDArray[np.int32]]


def pair(gold: int, trainee: int, values: list[float], cuts: list[bool]) -> Pair:
    costs = np.array(values, np.float32).reshape(gold, trainee)
    return costs, np.cumsum([False, *cuts]).astype(np.int32)


@st.composite
def pairs(draw: st.DrawFn, most_gold: int, most_trainee: int) -> Pair:
    gold, trainee = draw(st.integers(1, most_gold)), draw(st.integers(1, most_trainee))
    cells = st.sampled_from((-1.0, -0.75, -0.5, -0.125, 0.25, 1.0))
    values = draw(st.lists(cells, min_size=gold * trainee, max_size=gold * trainee))
    cuts = draw(st.lists(st.booleans(), min_size=gold - 1, max_size=gold - 1))
    return pair(gold, trainee, values, cuts)


def shown_in(order: list[int], gold: int) -> Costs:
    """Give costs that say of each trainee row which gold row it shows; NOWHERE for none."""
    costs = np.ones((gold, len(order)), np.float32)
    for at, row in enumerate(order):
        if row != NOWHERE:
            costs[row, at] = -1
    return costs


def steps(*rows: int) -> NDArray[np.int32]:
    return np.repeat(np.arange(len(rows)), rows).astype(np.int32)


@pytest.mark.parametrize("prices", [PRICES, CHEAP])
@settings(deadline=None, max_examples=40)
@given(pairs(4, 4))
def test_no_reading_is_cheaper(prices: Prices, given: Pair) -> None:
    pricing = Pricing(*given, prices)
    assert read(*given, prices).price == pytest.approx(pricing.cheapest(), abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(pairs(9, 3))
def test_no_reading_is_cheaper_where_many_gold_rows_may_be_left_out(given: Pair) -> None:
    assert read(*given, CHEAP).price == pytest.approx(Pricing(*given, CHEAP).cheapest(), abs=1e-6)


@pytest.mark.parametrize("prices", [PRICES, CHEAP])
@settings(deadline=None, max_examples=60)
@given(pairs(20, 30))
def test_a_reading_is_worth_its_price(prices: Prices, given: Pair) -> None:
    reading = read(*given, prices)
    assert Pricing(*given, prices).of(states_of(reading)) == pytest.approx(reading.price, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(pairs(12, 24))
def test_a_reading_stays_inside_the_gold_and_goes_back_by_jumps_only(given: Pair) -> None:
    costs, step_of = given
    gold, trainee = costs.shape
    reading = read(costs, step_of, CHEAP)
    assert len(reading.gold_row) == len(reading.passed) == len(reading.jumped) == trainee
    assert reading.gold_row.min() >= NOWHERE
    assert reading.gold_row.max() < gold
    assert reading.passed.min() >= 0
    assert reading.passed.max() <= gold
    assert not reading.jumped[reading.gold_row == NOWHERE].any()
    for at, (before, after) in enumerate(pairwise(reading.passed), 1):
        assert after >= before or reading.jumped[at]
    shown = reading.gold_row != NOWHERE
    np.testing.assert_array_equal(reading.passed[shown], reading.gold_row[shown] + 1)


@settings(deadline=None, max_examples=40)
@given(pairs(12, 24))
def test_a_reading_is_never_dearer_than_the_gold_in_its_order(given: Pair) -> None:
    costs, step_of = given
    gold, trainee = costs.shape
    even = [min(at * gold // trainee, gold - 1) for at in range(trainee)]
    in_order = sum(float(costs[row, at]) for at, row in enumerate(even))
    passed = [after - before for before, after in pairwise(even)]
    in_order += sum(CHEAP.hold if on == 0 else CHEAP.hurry * (on - 1) for on in passed if on <= 4)
    in_order += sum(CHEAP.omit + CHEAP.drift * on for on in passed if on > 4)
    left = gold - 1 - even[-1]
    in_order += CHEAP.drift * left + (CHEAP.omit if left > 4 else 0)
    assert read(costs, step_of, CHEAP).price <= in_order + 1e-6


@pytest.mark.parametrize(("gold", "trainee"), [(1, 1), (1, 7), (7, 1), (2, 1), (1, 2), (6, 2)])
def test_tiny_videos_are_read(gold: int, trainee: int) -> None:
    like = read(np.full((gold, trainee), -1, np.float32), steps(gold), PRICES)
    assert (like.gold_row >= 0).all()
    unlike = read(np.ones((gold, trainee), np.float32), steps(gold), PRICES)
    assert (unlike.gold_row == NOWHERE).all()
    assert (unlike.price, unlike.passed.max()) == (0, 0)
    assert not unlike.jumped.any()


def test_the_same_video_is_read_straight() -> None:
    reading = read(shown_in([*range(12)], 12), steps(6, 6), PRICES)
    assert reading.gold_row.tolist() == [*range(12)]
    assert reading.price == pytest.approx(-12)
    assert not reading.jumped.any()


def test_a_video_that_shows_nothing_of_the_gold_is_read_as_nothing() -> None:
    reading = read(shown_in([NOWHERE] * 9, 12), steps(6, 6), PRICES)
    assert reading.gold_row.tolist() == [NOWHERE] * 9


def test_what_comes_before_and_after_is_free() -> None:
    reading = read(shown_in([NOWHERE] * 30 + [*range(12)] + [NOWHERE] * 40, 12), steps(6, 6), PRICES)
    assert reading.gold_row[30:42].tolist() == [*range(12)]
    assert (reading.gold_row[:30] == NOWHERE).all()
    assert (reading.gold_row[42:] == NOWHERE).all()
    assert reading.price == pytest.approx(-12)


def test_two_exchanged_steps_are_read_where_they_are_by_jumps_to_their_beginnings() -> None:
    order = [*range(6), *range(12, 18), *range(6, 12), *range(18, 24)]
    reading = read(shown_in(order, 24), steps(6, 6, 6, 6), PRICES)
    assert reading.gold_row.tolist() == order
    assert np.flatnonzero(reading.jumped).tolist() == [6, 12, 18]


def test_during_an_aside_the_gold_waits_and_the_reading_comes_back_to_where_it_was() -> None:
    order = [*range(8), *[NOWHERE] * 10, *range(8, 16)]
    reading = read(shown_in(order, 16), steps(16), PRICES)
    assert reading.gold_row.tolist() == order
    assert set(reading.passed[8:18].tolist()) == {8}
    assert not reading.jumped.any()


def test_during_an_aside_the_gold_may_go_on_unseen() -> None:
    order = [*range(8), *[NOWHERE] * 6, *range(14, 24)]
    reading = read(shown_in(order, 24), steps(24), PRICES)
    assert reading.gold_row.tolist() == order
    assert reading.passed[13] == 14


def test_from_an_aside_the_reading_may_jump_to_a_step_that_was_passed() -> None:
    order = [*range(12), *range(24, 36), *[NOWHERE] * 8, *range(12, 24)]
    reading = read(shown_in(order, 36), steps(12, 12, 12), PRICES)
    assert reading.gold_row.tolist() == order
    assert np.flatnonzero(reading.jumped).tolist() == [12, 32]


def test_a_step_that_is_left_out_is_passed_at_once() -> None:
    order = [*range(8), *range(16, 24)]
    reading = read(shown_in(order, 24), steps(8, 8, 8), PRICES)
    assert reading.gold_row.tolist() == order


def test_rows_in_the_middle_of_a_step_are_left_out_without_a_jump() -> None:
    order = [*range(8), *range(16, 24)]
    reading = read(shown_in(order, 24), steps(24), PRICES)
    assert reading.gold_row.tolist() == order
    assert not reading.jumped.any()
    assert reading.price == pytest.approx(-16 + PRICES.omit + 9 * PRICES.drift)


def test_a_row_or_two_elsewhere_are_no_reason_to_leave_the_order() -> None:
    costs = shown_in([*range(12)], 12)
    costs[5:7, 5:7] = 0.5
    costs[0:2, 5:7] = -1
    assert read(costs, steps(4, 4, 4), PRICES).gold_row.tolist() == [*range(12)]


def test_a_slow_run_holds_and_a_fast_one_hurries() -> None:
    slow = [row for row in range(8) for _ in range(3)]
    assert read(shown_in(slow, 8), steps(4, 4), PRICES).gold_row.tolist() == slow
    fast = [*range(0, 24, 3)]
    reading = read(shown_in(fast, 24), steps(12, 12), PRICES)
    assert reading.gold_row.tolist() == fast
    assert reading.price == pytest.approx(-8 + 7 * 2 * PRICES.hurry + 2 * PRICES.drift)
