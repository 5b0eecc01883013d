# SPDX-License-Identifier: Apache-2.0
"""Numbers, times and text as a person reads them."""

import json
from datetime import UTC, datetime
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.cli import words

NONE = words.UNKNOWN


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (None, words.UNKNOWN),
        (nan, words.UNKNOWN),
        (0.0, "0 ms"),
        (0.4321, "0.432 ms"),
        (420.0, "420 ms"),
        (999.7, "1.00 s"),
        (1_240.0, "1.24 s"),
        (9_999.0, "10.0 s"),
        (11_800.0, "11.8 s"),
        (59_990.0, "1 m 00 s"),
        (192_000.0, "3 m 12 s"),
        (3_599_600.0, "1 h 00 m"),
        (7_500_000.0, "2 h 05 m"),
        (273_600_000.0, "3 d 04 h"),
        (-760.0, "-760 ms"),
        (-61_000.0, "-1 m 01 s"),
    ],
)
def test_a_length_of_time_has_the_units_that_a_person_would_choose(milliseconds: float | None, said: str) -> None:
    assert words.duration(milliseconds) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, words.UNKNOWN),
        (1234567, "1,234,567"),
        (14670.4, "14,670"),
        (0.31335, "0.3134"),
        (5.0, "5"),
        (1e300, "1e+300"),
    ],
)
def test_a_number_shows_four_figures_that_count(value: float | None, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("part", "said"),
    [(None, NONE), (0.0, "0 %"), (0.001, "<1 %"), (0.614, "61 %"), (1.0, "100 %"), (inf, NONE)],
)
def test_a_part_of_a_whole_is_said_in_percent(part: float | None, said: str) -> None:
    assert words.share(part) == said


def test_only_what_is_whole_is_called_a_hundred_percent() -> None:
    assert words.percent(100.0) == "100 %"
    assert words.percent(99.99) == "99.9 %"


def test_every_state_has_a_mark_beside_its_colour() -> None:
    states = ("PENDING", "GENERATING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "PARTIAL")
    marks = {str(words.marked(state)).split()[0] for state in states}
    assert len(marks) == len(states)
    assert str(words.marked("COMPLETED")) == "✓ COMPLETED"
    assert str(words.marked(None)) == words.UNKNOWN
    assert str(words.marked("NEW\x1b")) == "NEW\\x1b"


def test_a_line_of_bars_rises_with_its_values_and_leaves_gaps() -> None:
    assert words.sparkline([0.0, None, 1.0, 0.5]) == "▁ █▅"
    assert words.sparkline([3.0, 3.0]) == "▅▅"
    assert words.sparkline([None, nan]) == ""


@given(st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True)))
def test_any_numbers_can_be_drawn(values: list[float | None]) -> None:
    assert len(words.sparkline(values)) in {0, len(values)}


@given(st.text())
def test_no_text_reaches_a_terminal_with_anything_that_is_not_printable(text: str) -> None:
    assert words.printable(text).isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_json_that_is_made_printable_means_the_same(text: str) -> None:
    shown = words.printable_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(shown) == {"text": text}
    assert shown.replace("\n", "").isprintable()


def test_a_time_says_its_zone_and_one_beyond_the_calendar_is_shown_as_it_is() -> None:
    assert words.moment(None) == words.UNKNOWN
    here = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert words.moment(here).endswith(f" {here.astimezone().tzname()}")
    assert words.moment(datetime.max.replace(tzinfo=UTC)).startswith("9999-12-31")


def test_gaps_are_said_as_ranges() -> None:
    assert words.ranges([(3, 7), (12, 12)]) == f"3{words.UNKNOWN}7, 12"
