# SPDX-License-Identifier: Apache-2.0
"""The messages between collector and processor: what is packed is what is unpacked, in order, in parts that fit."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovpo.foundation.broker.errors import UnreadableError
from ovpo.foundation.broker.message import MAX_PAYLOAD_BYTES
from ovpo.telemetry.contract.limits import ITEM_BYTES
from ovpo.telemetry.contract.outcome import Item
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.records import FrameEvent
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.queue import Envelope, pack, records, unpack

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TRACES = [f"00000000-0000-4000-8000-{number:012x}" for number in range(30)]


def items(traces: list[int]) -> list[Item]:
    sent = [
        {
            "type": "event",
            "schema_version": "0.08",
            "event_id": f"00000000-0000-4000-9000-{index:012x}",
            "trace_id": TRACES[trace],
            "span_id": TRACES[0],
            "event_type": "frame_generated",
            "observed_at": "2026-11-21T12:00:00Z",
            "frame_index": index,
            "media_time_ms": index,
        }
        for index, trace in enumerate(traces)
    ]
    envelope = {"schema_version": "0.08", "batch_id": TRACES[0], "sent_at": "2026-11-21T12:00:00Z", "items": sent}
    batch = read_batch(orjson.dumps(envelope), Reader("demo"))
    assert not batch.errors
    return list(batch.accepted)


@settings(deadline=None, max_examples=50)
@given(traces=st.lists(st.integers(0, 29), min_size=1, max_size=60))
def test_every_item_travels_once_and_each_trace_keeps_its_order(traces: list[int]) -> None:
    sent = items(traces)
    messages = pack(sent, "demo", NOW)
    assert len({message.bucket for message in messages}) == len(messages)
    arrived = [record for message in messages for record in records(unpack(message.payload))]
    assert sorted(map(repr, arrived)) == sorted(repr(item.record) for item in sent)
    for trace in TRACES:
        frames = [one.frame_index for one in arrived if isinstance(one, FrameEvent) and one.trace_id == trace]
        assert frames == sorted(frames)


def test_the_envelope_says_what_the_contract_asks() -> None:
    [message] = pack(items([0, 0]), "demo", NOW)
    envelope = unpack(message.payload)
    assert isinstance(envelope, Envelope)
    assert (envelope.tenant_id, envelope.received_at, envelope.attempt) == ("demo", NOW, 1)
    assert set(orjson.loads(message.payload)) == {
        "tenant_id", "received_at", "message_type", "payload", "content_hash", "attempt"
    }  # fmt: skip


def test_the_same_items_are_the_same_message_whenever_they_come_but_not_of_another_tenant() -> None:
    [first], [later] = pack(items([0]), "demo", NOW), pack(items([0]), "demo", datetime(2027, 1, 1, tzinfo=UTC))
    [other] = pack(items([0]), "other", NOW)
    assert first.message_id == later.message_id != other.message_id


@settings(deadline=None, max_examples=12)
@given(sizes=st.lists(st.sampled_from([1, ITEM_BYTES // 3, ITEM_BYTES // 2, ITEM_BYTES]), max_size=6))
def test_no_message_is_larger_than_a_broker_takes(sizes: list[int]) -> None:
    [model] = items([0])
    grown = [Item(i, model.type, model.record, b'"' + b"x" * max(size - 2, 0) + b'"') for i, size in enumerate(sizes)]
    messages = pack(grown, "t" * 128, NOW)
    assert all(len(message.payload) <= MAX_PAYLOAD_BYTES for message in messages)
    arrived = b"".join(bytes(unpack(message.payload).payload)[1:-1] for message in messages)
    assert len(arrived) >= sum(len(item.raw) for item in grown)


def test_a_damaged_or_foreign_message_is_unreadable() -> None:
    [message] = pack(items([0]), "demo", NOW)
    damaged = message.payload.replace(b'"frame_index":0', b'"frame_index":1')
    for payload in (b"", b"{}", b"\xff", damaged, message.payload[:-1]):
        with pytest.raises(UnreadableError):
            unpack(payload)
