# SPDX-License-Identifier: Apache-2.0
"""Changes of level are found where they are, and hardly ever where there is none."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.random import Generator

from ovpo.telemetry.analytics.changes import SHORTEST, changes

SERIES = 400


def false_alarms(make: Callable[[Generator], tuple[np.ndarray, np.ndarray]]) -> float:
    """Tell in how many of many series without a change one is found."""
    chance = np.random.default_rng(7)
    return sum(bool(changes(*map(list, make(chance)))) for _ in range(SERIES)) / SERIES


@pytest.mark.parametrize("length", [30, 100, 400])
def test_stationary_noise_has_no_change(length: int) -> None:
    assert false_alarms(lambda chance: (chance.normal(5, 2, length), np.ones(length))) <= 0.01


def test_noise_that_is_larger_where_there_is_less_weight_has_no_change() -> None:
    def make(chance: Generator) -> tuple[np.ndarray, np.ndarray]:
        weights = chance.integers(1, 200, 100).astype(float)
        return chance.normal(size=100) / np.sqrt(weights), weights

    assert false_alarms(make) <= 0.01


def test_outliers_seldom_look_like_a_change() -> None:
    assert false_alarms(lambda chance: (chance.standard_t(4, 100), np.ones(100))) <= 0.05


def test_noise_that_lasts_seldom_looks_like_a_change() -> None:
    def make(chance: Generator) -> tuple[np.ndarray, np.ndarray]:
        noise = chance.normal(size=100)
        for index in range(1, 100):
            noise[index] += 0.3 * noise[index - 1]
        return noise, np.ones(100)

    assert false_alarms(make) <= 0.08


def test_known_changes_are_found_where_they_are() -> None:
    chance = np.random.default_rng(11)
    hits = 0
    for _ in range(100):
        levels = np.repeat([0.0, 3.0, 1.0], [40, 30, 50])
        found = changes(list(levels + chance.normal(size=120)), [1.0] * 120)
        near = [abs(one.index - where) <= 3 for one, where in zip(found, (40, 70), strict=False)]
        hits += len(found) == 2 and all(near)
    assert hits >= 80


def test_a_change_tells_both_levels() -> None:
    noise = np.random.default_rng(3).normal(scale=0.1, size=60)
    [one] = changes(list(np.repeat([6.0, 5.0], 30) + noise), [1.0] * 60)
    assert one.index == 30
    assert [one.before, one.after] == pytest.approx([6, 5], abs=0.1)
    assert one.difference == pytest.approx(-1, abs=0.1)


def test_levels_are_weighted_means() -> None:
    values = [1.0, 2.0] * 10 + [11.0, 12.0] * 10
    [one] = changes(values, [3.0, 1.0] * 20)
    assert [one.index, one.before, one.after] == pytest.approx([20, 1.25, 11.25])


def test_a_change_without_any_noise_is_found() -> None:
    assert [(one.index, one.before, one.after) for one in changes([1.0] * 15 + [2.0] * 15, [1.0] * 30)] == [(15, 1, 2)]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [0.0] * 100,
        [1.0] * 4 + [9.0] * 5,
        [0.0] * 20 + [5.0] + [0.0] * 20,
        [1.0, 2.0] * 20,
    ],
    ids=["nothing", "one", "constant", "too short", "one outlier", "to and fro"],
)
def test_what_is_no_change_of_level_is_none(values: list[float]) -> None:
    assert changes(values, [1.0] * len(values)) == []


def test_numbers_as_large_and_as_small_as_there_are_do_no_harm() -> None:
    assert [one.index for one in changes([1e308] * 10 + [1e-308] * 10, [1.0] * 20)] == [10]
    assert [one.index for one in changes([-1e308] * 10 + [1e308] * 10, [1e-300] * 20)] == [10]
    assert changes([0.0, 1e-200, 2e-200, 1.0, 1.0, 1.0] * 10, [1.0] * 60) == []


@given(some.lists(some.tuples(some.floats(-1e9, 1e9), some.floats(1, 1e6)), max_size=60))
def test_stretches_have_their_least_length_and_order(series: list[tuple[float, float]]) -> None:
    found = changes([value for value, _ in series], [weight for _, weight in series])
    bounds = [0, *(one.index for one in found), len(series)]
    assert not found or all(after - before >= SHORTEST for before, after in pairwise(bounds))
