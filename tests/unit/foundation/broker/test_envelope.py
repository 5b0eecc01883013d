# SPDX-License-Identifier: Apache-2.0
"""A message as headers and a payload, and a dead letter as headers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovpo.foundation.broker.burial import (
    DEAD_ID,
    Burial,
    burial_headers,
    letter_of,
    page_of,
    revival_headers,
    same,
)
from ovpo.foundation.broker.envelope import MESSAGE_ID, TENANT, TRACE, headers_of, message_of
from ovpo.foundation.broker.errors import DeadLetterNotFoundError, UnreadableError
from ovpo.foundation.broker.message import DeadLetter, Message

DIED = datetime(2026, 5, 4, 3, 2, 1, 654_321, tzinfo=UTC)
MESSAGE = Message("id-1", "acme", "trace-9", b"x", {"Content-Type": "text/plain", "Empty": ""})


def buried(sequence: int, died_at: datetime = DIED, reason: str = "no") -> dict[str, str]:
    return burial_headers(headers_of(MESSAGE), Burial("reader", sequence, 3, reason, died_at))


def letter(sequence: int, died_at: datetime) -> DeadLetter:
    return letter_of(buried(sequence, died_at), 1)


def test_a_message_comes_out_of_its_envelope_as_it_went_in() -> None:
    assert message_of(headers_of(MESSAGE), b"x") == MESSAGE


def test_no_header_of_a_message_can_pass_for_one_of_ours_or_of_a_broker() -> None:
    sly = Message("id-1", "acme", "trace", b"", {"x-death": "1", "CC": "else"})
    assert all(name.startswith("Ovpo-") for name in headers_of(sly))


@pytest.mark.parametrize("lacking", [MESSAGE_ID, TENANT, TRACE])
def test_an_envelope_that_lacks_something_is_unreadable(lacking: str) -> None:
    headers = headers_of(MESSAGE)
    del headers[lacking]
    with pytest.raises(UnreadableError, match=lacking):
        message_of(headers, b"")


def test_an_envelope_that_breaks_a_rule_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="tenant 'Big_Corp'"):
        message_of({**headers_of(MESSAGE), TENANT: "Big_Corp"}, b"")


def test_a_dead_letter_tells_what_became_of_the_message() -> None:
    told = letter_of(buried(7, reason="broken\nfor é"), 1)
    assert (told.message_id, told.tenant, told.trace_key) == ("id-1", "acme", "trace-9")
    assert (told.reason, told.attempts, told.sequence) == ("broken for \\xe9", 3, 7)
    assert (told.died_at, told.payload_bytes, told.headers) == (DIED, 1, MESSAGE.headers)


def test_a_letter_of_something_unreadable_has_empty_fields() -> None:
    told = letter_of(burial_headers({}, Burial("reader", 0, 1, "unreadable", DIED)), 3)
    assert (told.message_id, told.tenant, told.trace_key, told.reason) == ("", "", "", "unreadable")


def test_a_message_that_goes_back_has_the_headers_it_came_with() -> None:
    assert revival_headers(buried(7)) == headers_of(MESSAGE)


def test_a_message_buried_twice_is_one_letter() -> None:
    first, again = letter(7, DIED), letter(7, DIED + timedelta(seconds=9))
    assert same(first.letter_id, again.letter_id)
    assert not same(first.letter_id, letter(8, DIED).letter_id)
    assert page_of([again, letter(8, DIED + timedelta(seconds=1)), first], None, 9)[0] == first
    assert len(page_of([again, first], None, 9)) == 1


@given(some.lists(some.integers(0, 10**6), unique=True, max_size=30), some.integers(1, 7))
def test_pages_give_every_letter_once_and_the_oldest_first(ages: list[int], most: int) -> None:
    letters = [letter(age, DIED + timedelta(milliseconds=age)) for age in ages]
    seen: list[DeadLetter] = []
    while page := page_of(letters, seen[-1].letter_id if seen else None, most):
        seen += page
    assert [one.sequence for one in seen] == sorted(ages)


@pytest.mark.parametrize("wrong", ["", "7", "x-0123456789abcdef", "1-xyz", "-1-0123456789abcdef"])
def test_what_is_no_id_of_a_letter_finds_none(wrong: str) -> None:
    with pytest.raises(DeadLetterNotFoundError, match="take one from their list"):
        same(wrong, buried(7)[DEAD_ID])
