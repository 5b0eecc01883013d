# SPDX-License-Identifier: Apache-2.0
"""How messages look on Kafka, what a client is told, and where a reading begins."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, TopicPartition
from hypothesis import given
from hypothesis import strategies as some

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.envelope import headers_of
from ovpo.foundation.broker.kafka_link import settings_of
from ovpo.foundation.broker.kafka_read import begins_at
from ovpo.foundation.broker.kafka_wire import (
    PARTITIONS,
    dead_settings,
    headers_in,
    key_of,
    milliseconds_of,
    moment_of,
    payload_in,
    place_of,
    sequence_of,
    stored_of,
    topic_settings,
    written,
)
from ovpo.foundation.broker.message import Message

MESSAGE = Message("id-1", "acme", "trace-9", b"x", {"Kind": "span", "Empty": ""})


def test_a_message_comes_back_with_its_place_and_its_moment() -> None:
    stored = stored_of(headers_in(written(headers_of(MESSAGE))), payload_in(MESSAGE.payload), (3, 4), 1_700_000_000_001)
    assert stored.message == MESSAGE
    assert place_of(stored.sequence) == (3, 4)
    assert stored.published_at == datetime(2023, 11, 14, 22, 13, 20, 1000, tzinfo=UTC)


@given(some.integers(0, PARTITIONS - 1), some.integers(0, 2**48))
def test_a_place_is_one_number_that_grows_within_its_partition(partition: int, offset: int) -> None:
    assert place_of(sequence_of(partition, offset)) == (partition, offset)
    assert 1 < sequence_of(partition, offset) < sequence_of(partition, offset + 1)


@pytest.mark.parametrize("sequence", [0, 1, PARTITIONS])
def test_a_sequence_before_every_message_names_no_place(sequence: int) -> None:
    assert place_of(sequence) is None


def test_messages_of_one_trace_share_a_key_and_tenants_do_not() -> None:
    assert key_of("acme", "trace-9") == key_of("acme", "trace-9")
    assert key_of("acme", "trace-9") != key_of("other", "trace-9")


@given(some.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=some.just(UTC)))  # noqa: DTZ001
def test_the_millisecond_of_a_moment_is_the_first_that_is_not_before_it(moment: datetime) -> None:
    at = moment_of(milliseconds_of(moment))
    assert at >= moment > at - timedelta(milliseconds=1)


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_a_confirmed_message_lies_in_two_places_where_three_are_asked_for(replicas: int, in_sync: str) -> None:
    assert topic_settings(replicas)["min.insync.replicas"] == in_sync
    assert dead_settings(replicas)["min.insync.replicas"] == in_sync


@pytest.mark.parametrize(
    ("server", "password", "protocol"),
    [
        ("kafka://a:1", "", "PLAINTEXT"),
        ("kafkas://a:1", "", "SSL"),
        ("kafka://a:1", "pw", "SASL_PLAINTEXT"),
        ("kafkas://a:1", "pw", "SASL_SSL"),
    ],
)
def test_a_login_is_used_where_there_is_a_password_and_tls_where_the_address_says_so(
    server: str, password: str, protocol: str
) -> None:
    settings = settings_of([server, server], Login("me", password))
    assert settings["security.protocol"] == protocol
    assert settings["bootstrap.servers"] == "a:1,a:1"
    assert settings.get("sasl.username") == ("me" if password else None)


@dataclass
class TimesOnly:
    """What of a client the search for a moment uses: Kafka's imitation knows no times, so the answer is put in here."""

    answers: dict[int, int]
    asked: list[int] = field(default_factory=list)

    def offsets_for_times(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        self.asked += [one.offset for one in partitions]
        return [TopicPartition(one.topic, one.partition, self.answers[one.partition]) for one in partitions]


def test_a_reading_from_a_moment_begins_at_the_first_message_of_that_moment_or_at_the_end() -> None:
    client = TimesOnly({0: 5, 1: -1})
    spans: Any = begins_at(cast("Consumer", client), "t", {0: (0, 9), 1: (2, 7)}, 1_000)
    assert (spans, client.asked) == ({0: (5, 9), 1: (7, 7)}, [1_000, 1_000])
