# SPDX-License-Identifier: Apache-2.0
"""How messages look on RabbitMQ."""

from datetime import UTC, datetime, timedelta

import pytest
from aiormq import spec
from hypothesis import given
from hypothesis import strategies as some

from ovpo.foundation.broker.errors import UnreadableError
from ovpo.foundation.broker.message import Message, Queue
from ovpo.foundation.broker.rabbitmq_wire import (
    attempt_of,
    envelope_of,
    exchange_of,
    headers_in,
    log_arguments,
    log_of,
    moment_of,
    own_part,
    place_at,
    stored_of,
    to_everyone,
    to_one,
    work_arguments,
    work_of,
)

QUEUE = Queue("ingest")
MESSAGE = Message("id-1", "acme", "trace-9", b"x", {"Kind": "span"})


def test_a_message_comes_back_with_its_place_and_its_moment() -> None:
    envelope = envelope_of(MESSAGE, 1_700_000_000_000_001)
    stored = stored_of(headers_in(envelope.properties()), envelope.payload)
    assert (stored.message, stored.sequence) == (MESSAGE, 1_700_000_000_000_001)
    assert stored.published_at == datetime(2023, 11, 14, 22, 13, 20, 1, tzinfo=UTC)


def test_a_message_is_written_to_outlive_the_server() -> None:
    assert envelope_of(MESSAGE, 1).properties().delivery_mode == 2


@pytest.mark.parametrize("place", [None, "", "-1", "x", "²", "9" * 17])
def test_a_message_without_a_place_is_unreadable(place: str | None) -> None:
    headers = dict(envelope_of(MESSAGE, 1).headers)
    del headers["Ovpo-Place"]
    with pytest.raises(UnreadableError, match="Ovpo-Place"):
        stored_of(headers if place is None else {**headers, "Ovpo-Place": place}, b"")


@given(some.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=some.just(UTC)))  # noqa: DTZ001
def test_the_place_of_a_moment_is_the_first_that_is_not_before_it(moment: datetime) -> None:
    place = place_at(moment)
    assert moment_of(place) >= moment > moment_of(place) - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("headers", "attempt"),
    [
        ({}, 1),
        ({"x-delivery-count": "2"}, 3),
        ({"x-delivery-count": "0", "x-acquired-count": "2"}, 3),
        ({"x-delivery-count": "1", "x-acquired-count": "4"}, 5),
    ],
    ids=["first", "up to 4.2", "given back on 4.3", "given back and broken off on 4.3"],
)
def test_an_attempt_is_counted_on_every_release_of_the_server(headers: dict[str, str], attempt: int) -> None:
    assert attempt_of(headers) == attempt


def test_what_the_server_noted_on_a_message_does_not_travel_on() -> None:
    theirs = spec.Basic.Properties(headers={"Ovpo-Id": "i", "x-delivery-count": 3, "x-acquired-count": 4})
    assert own_part(headers_in(theirs)) == {"Ovpo-Id": "i"}


def test_no_name_of_one_queue_is_a_name_of_another() -> None:
    other = Queue("ingest-log")
    names = [exchange_of(QUEUE), log_of(QUEUE), work_of(QUEUE, "log"), exchange_of(other), log_of(other)]
    assert len(set(names)) == len(names)


def test_a_publisher_asks_for_the_log_and_a_burial_for_one_queue() -> None:
    assert (to_everyone(QUEUE).exchange, to_everyone(QUEUE).log) == ("ovpo.ingest", "ovpo.ingest.log")
    assert (to_one("q").exchange, to_one("q").key, to_one("q").log) == ("", "q", "")


def test_copies_are_those_of_the_settings_and_nothing_is_dropped_for_its_many_deliveries() -> None:
    assert (log_arguments(3)["x-initial-cluster-size"], log_arguments(3)["x-max-age"]) == (3, "7D")
    assert work_arguments(3)["x-quorum-initial-group-size"] == 3
    assert work_arguments(1)["x-delivery-limit"] > 10**9
