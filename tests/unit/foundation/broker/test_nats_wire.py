# SPDX-License-Identifier: Apache-2.0
"""What is written on NATS is read back the same, and what cannot be read says so."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovpo.foundation.broker.envelope import printable
from ovpo.foundation.broker.errors import BrokerError, UnreadableError
from ovpo.foundation.broker.message import Message, Queue
from ovpo.foundation.broker.nats_wire import (
    Receipt,
    burial_headers,
    dead_subject_of,
    headers_of,
    letter_of,
    receipt_of,
    revival_headers,
    stored_of,
    subject_of,
    subjects_of,
)

QUEUE = Queue("ingest")
RECEIPT = Receipt(attempt=3, sequence=17, nanoseconds=1_700_000_000_123_456_789, pending=4)
TOKENS = some.text(string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=200)
TENANTS = some.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=128)
HEADERS = some.dictionaries(
    some.from_regex(r"X-[A-Za-z0-9-]{1,20}", fullmatch=True),
    some.from_regex(r"([!-~]([ -~]{0,20}[!-~])?)?", fullmatch=True),
    max_size=5,
)


@given(TOKENS, TENANTS, TOKENS, some.binary(max_size=50), HEADERS)
def test_every_message_is_read_back_as_it_was_written(
    message_id: str, tenant: str, trace: str, payload: bytes, headers: dict[str, str]
) -> None:
    message = Message(message_id, tenant, trace, payload, headers)
    stored = stored_of(subject_of(QUEUE, message), headers_of(QUEUE, message), payload, RECEIPT)
    assert stored.message == message
    assert (stored.sequence, stored.published_at) == (17, datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC))


@given(TENANTS, TOKENS)
def test_a_subject_has_four_tokens_whatever_the_tenant_and_the_trace(tenant: str, trace: str) -> None:
    subject = subject_of(QUEUE, Message("i", tenant, trace, b""))
    assert subject.split(".")[:3] == ["ovpo", "ingest", tenant]
    assert subject.count(".") == subjects_of(QUEUE).count(".") == 3
    assert dead_subject_of(QUEUE).count(".") == 2


@pytest.mark.parametrize(
    ("subject", "headers"),
    [
        ("ovpo.ingest.acme.1", None),
        ("ovpo.ingest.acme.1", {"Ovpo-Id": "i"}),
        ("ovpo.ingest.Acme.1", {"Ovpo-Id": "i", "Ovpo-Trace": "t"}),
        ("ovpo.ingest.acme.1", {"Ovpo-Id": "i", "Ovpo-Trace": "t", "bad name": "x"}),
        ("ovpo", {"Ovpo-Id": "i", "Ovpo-Trace": "t"}),
    ],
)
def test_a_foreign_message_is_unreadable_and_nothing_worse(subject: str, headers: dict[str, str] | None) -> None:
    with pytest.raises(UnreadableError, match="unreadable"):
        stored_of(subject, headers, b"", RECEIPT)
    letter_of("1", burial_headers(subject, headers, RECEIPT, "reader", "why"), RECEIPT.published_at, 0)


def test_both_forms_of_a_delivery_address_are_read() -> None:
    tail = "OVPO_INGEST.reader.3.17.5.1700000000123456789.4"
    assert receipt_of(f"$JS.ACK.{tail}") == RECEIPT
    assert receipt_of(f"$JS.ACK._.account.{tail}") == RECEIPT
    assert receipt_of(f"$JS.ACK.hub.account.{tail}.token") == RECEIPT


@pytest.mark.parametrize("reply", ["", "_INBOX.a.b", "$JS.ACK.a.b.1.2.3.4.5.6"])
def test_another_address_is_no_delivery(reply: str) -> None:
    with pytest.raises(BrokerError, match="no address of a JetStream delivery"):
        receipt_of(reply)


def test_a_message_that_is_buried_and_revived_is_the_same_with_another_deduplication_id() -> None:
    message = Message("id-1", "acme", "trace", b"x", {"Kind": "span"})
    buried = burial_headers(subject_of(QUEUE, message), headers_of(QUEUE, message), RECEIPT, "reader", "no\nway")
    assert (buried["Nats-Msg-Id"], buried["Ovpo-Dead-Reason"]) == ("reader.17.1700000000123456789", "no way")
    assert "Nats-Expected-Stream" not in buried
    revived = revival_headers(QUEUE, buried, "5", "2023-11-14T22:13:20Z")
    assert revived["Nats-Msg-Id"] == "id-1.replay.5.2023-11-14T22:13:20Z"
    assert stored_of(subject_of(QUEUE, message), revived, b"x", RECEIPT).message == message
    assert not [name for name in revived if name.startswith("Ovpo-Dead")]


@given(some.text())
def test_any_reason_fits_into_a_header(reason: str) -> None:
    line = printable(reason)
    assert line
    assert line.isascii()
    assert line.isprintable()
