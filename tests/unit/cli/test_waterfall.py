# SPDX-License-Identifier: Apache-2.0
"""Spans on an axis of time: their order, their depth, and the columns that they take."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from ovpo.cli.answers import Span
from ovpo.cli.waterfall import DEEPEST, bars

BEGUN = datetime(2026, 11, 21, 12, tzinfo=UTC)


def span(name: str, start: float, end: float | None, parent: str | None = None, took: float | None = None) -> Span:
    finish = None if end is None else BEGUN + timedelta(seconds=end)
    begin = BEGUN + timedelta(seconds=start)
    return Span(name, parent, "SPAN_KIND_LOAD", name, "OK", begin, finish, took, Raw(b"{}"))


def order(*spans: Span) -> list[tuple[str, int]]:
    return [(bar.span.name, bar.depth) for bar in bars(spans)[0]]


def test_spans_stand_under_their_parents_in_the_order_of_their_beginning() -> None:
    tree = (span("late", 5, 6), span("child", 2, 3, "root"), span("root", 0, 4), span("leaf", 2, 3, "child"))
    assert order(*tree) == [("root", 0), ("child", 1), ("leaf", 2), ("late", 0)]


def test_a_span_whose_parent_never_came_stands_alone() -> None:
    assert order(span("orphan", 0, 1, "nobody")) == [("orphan", 0)]


def test_a_circle_of_parents_is_shown_once_and_ends() -> None:
    found = order(span("a", 1, 2, "b"), span("b", 0, 2, "a"), span("self", 3, 4, "self"))
    assert sorted(name for name, _ in found) == ["a", "b", "self"]


def test_a_deep_tree_is_indented_no_further_than_a_bound() -> None:
    chain = [span(str(depth), depth, 2_000, str(depth - 1) if depth else None) for depth in range(2_000)]
    assert [depth for _, depth in order(*chain)] == [min(depth, DEEPEST) for depth in range(2_000)]


def test_bars_take_their_part_of_the_axis_and_never_nothing() -> None:
    (first, instant, last), axis = bars([span("first", 0, 5), span("instant", 5, 5), span("last", 5, 10)])
    assert axis == 10_000
    assert (first.cells(10), instant.cells(10), last.cells(10)) == ((0, 5), (5, 1), (5, 5))
    assert last.milliseconds == 5_000


def test_an_open_span_reaches_the_end_of_the_axis_and_has_no_length() -> None:
    _, opened = bars([span("whole", 0, 10), span("open", 4, None)])[0]
    assert (opened.begin, opened.end, opened.milliseconds) == (0.4, 1.0, None)


def test_a_span_with_a_length_and_no_end_is_as_long_as_it_says() -> None:
    [timed], axis = bars([span("timed", 0, None, took=2_500)])
    assert (timed.milliseconds, axis) == (2_500, 2_500)


def test_no_spans_are_no_bars() -> None:
    assert bars([]) == ([], 0.0)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e7), st.none() | st.floats(-1e7, 1e7), st.none() | st.floats(0, 1e300)), min_size=1
    ),
    st.integers(1, 200),
)
def test_every_bar_stays_on_the_axis(given_spans: list[tuple[float, float | None, float | None]], width: int) -> None:
    spans = [span(str(place), start, end, took=took) for place, (start, end, took) in enumerate(given_spans)]
    for bar in bars(spans)[0]:
        before, long = bar.cells(width)
        assert before >= 0
        assert long >= 1
        assert before + long <= width
