# SPDX-License-Identifier: Apache-2.0
"""The interval around how much slower something is."""

from random import Random

from ovpo_sdk.testing.intervals import excess


def timings(slower: float, pairs: int, seed: int, noise: float = 0.02) -> tuple[list[float], list[float]]:
    """Timings of two ways on a machine that slows down to half its speed in the middle."""
    random = Random(seed)
    loads = [1 + (n >= pairs // 2) for n in range(pairs)]
    without = [load * (1 + abs(random.gauss(0, noise))) for load in loads]
    beside = [load * slower * (1 + abs(random.gauss(0, noise))) for load in loads]
    return without, beside


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(100):
        found = excess(*timings(1.05, 40, seed), Random(seed))
        held += found.low <= 0.05 <= found.high

    assert 88 <= held <= 100


def test_what_is_slower_by_a_tenth_stands_clear_of_two_in_a_hundred() -> None:
    found = excess(*timings(1.1, 40, 1), Random(1))

    assert found.low > 0.02
    assert found.low <= found.share <= found.high
    assert found.pairs == 40


def test_more_pairs_make_it_narrower() -> None:
    few, many = (excess(*timings(1.0, pairs, 3), Random(3)) for pairs in (20, 500))

    assert many.high - many.low < (few.high - few.low) / 2


def test_the_same_timings_give_the_same_interval() -> None:
    given = timings(1.0, 30, 5)

    assert excess(*given, Random(7)) == excess(*given, Random(7))


def test_it_is_told_in_per_cent() -> None:
    assert str(excess([1.0] * 3, [1.1] * 3, Random(1))) == "+10.0% (95 % interval +10.0% to +10.0%, 3 pairs of runs)"
