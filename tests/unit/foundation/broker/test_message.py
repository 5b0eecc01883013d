# SPDX-License-Identifier: Apache-2.0
"""The rules that a message obeys before any broker sees it."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from ovpo.foundation.broker.errors import MessageRefusedError, UnconfirmedError
from ovpo.foundation.broker.message import BUCKETS, MAX_PAYLOAD_BYTES, Message, Queue


def message(
    message_id: str = "id-1", tenant: str = "acme", trace_key: str = "t", headers: dict[str, str] | None = None
) -> Message:
    return Message(message_id, tenant, trace_key, b"", headers or {})


@pytest.mark.parametrize("tenant", ["", "Acme", "a.b", "a*", ">", "a b", "acme\n", "é", "a" * 129, "../x", "a\x00"])
def test_a_tenant_that_could_leave_its_subject_is_refused(tenant: str) -> None:
    with pytest.raises(MessageRefusedError, match="tenant"):
        message(tenant=tenant)


@pytest.mark.parametrize("tenant", ["a", "-", "acme-7", "a" * 128])
def test_a_tenant_of_the_contract_is_taken(tenant: str) -> None:
    assert message(tenant=tenant).tenant == tenant


@pytest.mark.parametrize("value", ["", "two words", "line\r\n", "é", "x" * 201])
def test_an_id_or_trace_that_no_header_can_hold_is_refused(value: str) -> None:
    with pytest.raises(MessageRefusedError, match="message_id"):
        message(message_id=value)
    with pytest.raises(MessageRefusedError, match="trace_key"):
        message(trace_key=value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"),
        ("a b", "x"),
        ("a:", "x"),
        ("Nats-Msg-Id", "x"),
        ("ovpo-id", "x"),
        ("A", " x"),
        ("A", "x\r\nB: y"),
        ("A", "é"),
        ("A", "x\n"),
    ],
)
def test_a_header_that_could_be_read_as_something_else_is_refused(name: str, value: str) -> None:
    with pytest.raises(MessageRefusedError, match="header"):
        message(headers={name: value})


def test_headers_have_a_size_limit_of_their_own() -> None:
    with pytest.raises(MessageRefusedError, match="at most 8192"):
        message(headers={f"H{n}": "x" * 1000 for n in range(9)})


def test_headers_cannot_be_changed_from_outside() -> None:
    mine = {"Kind": "span"}
    sent = message(headers=mine)
    mine["Kind"] = "event"
    assert sent.headers == {"Kind": "span"}
    with pytest.raises(TypeError):
        sent.headers["Kind"] = "event"  # type: ignore[index]


def test_the_payload_limit_is_a_limit_not_an_estimate() -> None:
    assert len(Message("i", "a", "t", bytes(MAX_PAYLOAD_BYTES)).payload) == MAX_PAYLOAD_BYTES
    with pytest.raises(MessageRefusedError, match="split the batch"):
        Message("i", "a", "t", bytes(MAX_PAYLOAD_BYTES + 1))


def test_a_trace_has_the_same_bucket_on_every_machine() -> None:
    assert message(trace_key="00000000-0000-4000-8000-000000000001").bucket == 1


def test_traces_spread_over_all_buckets() -> None:
    counted = Counter(message(trace_key=str(UUID(int=n * 7919))).bucket for n in range(BUCKETS * 100))
    assert set(counted) == set(range(BUCKETS))
    assert max(counted.values()) < 200


@pytest.mark.parametrize("name", ["", "Ingest", "in.gest", "in gest", "1st", "a" * 33, "a\n", "a*"])
def test_a_queue_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(MessageRefusedError, match="queue name"):
        Queue(name)


def test_a_queue_remembers_ids_for_a_day_unless_told_otherwise() -> None:
    assert Queue("ingest").remembers >= timedelta(hours=24)
    with pytest.raises(MessageRefusedError, match="remembers"):
        Queue("ingest", remembers=timedelta(0))


def test_the_unconfirmed_are_all_named_but_not_all_printed() -> None:
    error = UnconfirmedError("ingest", {f"id-{n}": "no answer" for n in range(8)})
    assert error.unconfirmed == tuple(f"id-{n}" for n in range(8))
    assert str(error).startswith("queue ingest: 8 messages not confirmed: id-0: no answer;")
    assert str(error).endswith("and 3 more")
