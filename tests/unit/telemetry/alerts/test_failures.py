# SPDX-License-Identifier: Apache-2.0
"""How long a notification waits for its next attempt, and which failures are for good."""

from datetime import UTC, datetime, timedelta

import pytest

from ovpo.telemetry.alerts.failures import LONGEST_WAIT, MOST_ATTEMPTS, of_answer, wait_after

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_waits_double_up_to_an_hour() -> None:
    waits = [wait_after(attempts, None) for attempts in range(1, MOST_ATTEMPTS + 1)]
    assert waits == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE, 32 * MINUTE, LONGEST_WAIT, LONGEST_WAIT]


def test_a_receiver_may_ask_for_more_time_and_not_for_less_nor_for_ever() -> None:
    assert wait_after(1, timedelta(minutes=10)) == 10 * MINUTE
    assert wait_after(4, timedelta(seconds=1)) == 8 * MINUTE
    assert wait_after(1, timedelta(days=9)) == LONGEST_WAIT


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_no_failure(status: int) -> None:
    assert of_answer(status, None, NOW) is None


@pytest.mark.parametrize(("status", "for_good"), [(400, True), (413, True), (422, True), (401, False), (404, False)])
def test_what_the_same_body_would_be_answered_again_is_for_good(status: int, for_good: bool) -> None:
    failure = of_answer(status, None, NOW)
    assert failure is not None
    assert (failure.for_good, failure.reason) == (for_good, f"the receiver answered {status}")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("99999999999999999999", 3600),
        ("Sat, 21 Nov 2026 12:05:00 GMT", 300),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(given: str | None, expected: int | None) -> None:
    failure = of_answer(429, given, NOW)
    assert failure is not None
    assert failure.retry_after == (None if expected is None else timedelta(seconds=expected))
