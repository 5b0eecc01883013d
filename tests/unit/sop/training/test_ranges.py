# SPDX-License-Identifier: Apache-2.0
"""How stale windows are put together: those that follow one another, a day at most, and none between them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ovpo.sop.training.staleness import MOST_HOURS, StaleRange, StaleWindow, ranges

START = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def windows(*hours: int, aim: str = "a") -> list[StaleWindow]:
    return [StaleWindow(START + hour * HOUR, aim) for hour in hours]


def spans(found: list[StaleRange]) -> list[tuple[int, int]]:
    return [((one.first - START) // HOUR, (one.last - START) // HOUR) for one in found]


def test_windows_that_follow_one_another_are_one_range_and_a_gap_parts_them() -> None:
    assert spans(ranges(windows(0, 1, 2, 5, 7, 8))) == [(0, 2), (5, 5), (7, 8)]


def test_a_range_is_a_day_at_most() -> None:
    assert spans(ranges(windows(*range(50)))) == [(0, 23), (24, 47), (48, 49)]


@given(st.sets(st.integers(0, 200)))
def test_every_stale_window_is_in_one_range_and_no_other_is(hours: set[int]) -> None:
    found = spans(ranges(windows(*sorted(hours))))
    assert [hour for first, last in found for hour in range(first, last + 1)] == sorted(hours)
    assert all(last - first < MOST_HOURS for first, last in found)


def test_a_range_has_another_name_where_it_is_to_become_another_or_is_another() -> None:
    (one,), (other,), (longer,) = ranges(windows(0, 1)), ranges(windows(0, 1, aim="b")), ranges(windows(0, 1, 2))
    assert len({one.name, other.name, longer.name}) == 3
    assert ranges(windows(0, 1)) == [one]
