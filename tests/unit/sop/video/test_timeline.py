# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.sop.video.timeline import Timeline, count, due

TICK = Fraction(1, 100)


def _places(*stamps: int | None, ticks: int = 0) -> list[int]:
    timeline = Timeline(TICK, 4)
    return [timeline.place(stamp, ticks) for stamp in stamps]


def test_time_counts_from_the_first_stamp_even_if_it_is_negative() -> None:
    assert _places(-7, -3, 1) == [0, 4, 8]


def test_a_picture_without_a_stamp_follows_the_one_before() -> None:
    assert _places(None, None, None) == [0, 4, 8]
    assert _places(50, None, 58, ticks=5) == [0, 5, 8]


def test_stamps_that_come_late_count_from_where_the_pictures_are() -> None:
    assert _places(None, None, 1_000_000, 1_000_004) == [0, 4, 8, 12]


def test_stamps_that_begin_anew_go_on_and_neighbours_in_disorder_stay() -> None:
    assert _places(0, 500, 0, 4, ticks=4) == [0, 500, 504, 508]
    assert _places(0, 8, 4, 12) == [0, 8, 8, 12]


@given(st.lists(st.none() | st.integers(-(10**6), 10**6), max_size=30), st.integers(0, 50))
def test_time_never_goes_back(stamps: list[int | None], ticks: int) -> None:
    assert all(before <= after for before, after in pairwise(_places(*stamps, ticks=ticks)))


def test_a_moment_takes_pictures_that_are_a_millisecond_late() -> None:
    assert due(2 / 3, Fraction(1, 1000)) == 667
    assert due(0.25, Fraction(1, 12_800)) == 3212


@pytest.mark.parametrize(("ticks", "samples"), [(0, 1), (1000, 40), (1001, 40), (1012, 40), (1013, 41)])
def test_a_step_counts_once_half_of_it_is_filled(ticks: int, samples: int) -> None:
    assert count(ticks, TICK, 4.0) == samples
