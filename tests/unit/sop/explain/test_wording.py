# SPDX-License-Identifier: Apache-2.0
"""Text and times made fit to be shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.sop.explain.wording import clean, clock, span, tick, tick_seconds
from ovpo.sop.result import Interval


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.0"), (59.96, "1:00.0"), (62.5, "1:02.5"), (3599.96, "1:00:00.0"), (3661.5, "1:01:01.5"), (-1, "0:00.0")],
)
def test_a_moment_is_written_as_a_player_shows_it(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_stretch_without_length_is_a_moment() -> None:
    assert span(Interval(7, 7)) == "at 0:07.0"
    assert span(Interval(7, 8.5)) == "0:07.0 \u2013 0:08.5"


@given(st.text(max_size=300), st.integers(min_value=2, max_value=50))
def test_a_cleaned_text_is_one_short_line_of_visible_characters(text: str, most: int) -> None:
    line = clean(text, most)
    assert len(line) <= most
    assert line == line.strip()
    assert not [character for character in line if unicodedata.category(character)[0] == "C"]


def test_control_and_direction_characters_are_dropped_and_line_breaks_become_spaces() -> None:
    assert clean("a\x00\x1b[1m\u202e b\n\n\tc", 40) == "a[1m b c"


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert clean("A" * 10_000, 10) == "A" * 9 + "…"
    assert clean("A" * 10, 10) == "A" * 10


@given(st.floats(min_value=0.1, max_value=200_000), st.integers(min_value=4, max_value=20))
def test_an_axis_has_round_seconds_from_zero_that_fit_it(extent: float, most: int) -> None:
    ticks = tick_seconds(extent, most)
    assert ticks[0] == 0
    assert ticks[-1] <= extent
    assert len(ticks) <= most or extent > 36_000


def test_a_tick_has_no_tenths() -> None:
    assert tick(65) == "1:05"
