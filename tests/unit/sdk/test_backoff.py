# SPDX-License-Identifier: Apache-2.0
"""Pauses grow, are spread over their whole span, and begin when the server said."""

from datetime import UTC, datetime

import pytest

from ovpo_sdk.transport.backoff import LONGEST_REQUEST_SECONDS, MOST_SECONDS, delay, read_retry_after

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_longest_pause_doubles_with_every_failure_up_to_a_minute() -> None:
    assert [delay(failures, 1.0) for failures in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert delay(8, 1.0) == MOST_SECONDS
    assert delay(100_000, 1.0) == MOST_SECONDS


def test_any_part_of_the_span_may_be_the_pause() -> None:
    assert [delay(3, chance) for chance in (0.0, 0.25, 0.5)] == [0.0, 0.5, 1.0]


def test_the_span_begins_when_the_server_said() -> None:
    assert [delay(2, chance, after_seconds=7.0) for chance in (0.0, 1.0)] == [7.0, 8.0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 12:00:30 -0000", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2036 12:00:00 GMT", LONGEST_REQUEST_SECONDS),
        ("86400", LONGEST_REQUEST_SECONDS),
        ("9" * 400, LONGEST_REQUEST_SECONDS),
    ],
)
def test_a_server_may_ask_for_seconds_or_name_a_date(text: str, seconds: float) -> None:
    assert read_retry_after(text, NOW) == seconds


@pytest.mark.parametrize("text", [None, "", "soon", "-7", "1.5", "٣", "Sat, 99 Nov 2026 12:00:30 GMT", "nan", "inf"])
def test_what_cannot_be_understood_says_nothing(text: str | None) -> None:
    assert read_retry_after(text, NOW) is None
