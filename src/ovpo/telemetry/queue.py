# SPDX-License-Identifier: Apache-2.0
"""What travels from the collector to the processor: accepted items, grouped so that a trace keeps its order.

A message's id is a digest of its tenant and its items, so the same items sent again are the same messages: a broker
that remembers ids keeps one. How items are judged is the business of the contract, how messages travel the broker's.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Raw, Struct

from ovpo.foundation.broker.errors import UnreadableError
from ovpo.foundation.broker.message import Message, Queue
from ovpo.telemetry.contract.limits import ITEM_BYTES
from ovpo.telemetry.contract.outcome import Item
from ovpo.telemetry.contract.records import Record

QUEUE: Final = Queue("telemetry", remembers=timedelta(minutes=10))
"""The broker's memory of ids is a short cut for quick repeats; it is the stores that know every item for good."""


class MessageType(StrEnum):
    """What a message's payload is."""

    ITEMS = "items"


class Envelope(Struct, frozen=True):
    """A message of the queue; the payload is the JSON text of a list of items, all of one tenant and trace bucket."""

    tenant_id: str
    received_at: datetime
    message_type: MessageType
    content_hash: str
    attempt: int
    payload: Raw


_ENCODER: Final = msgspec.json.Encoder()
_ENVELOPES: Final = msgspec.json.Decoder(Envelope)
_RECORDS: Final = msgspec.json.Decoder(list[Record])


def pack(items: Iterable[Item], tenant_id: str, received_at: datetime) -> list[Message]:
    """Group items by the bucket of their trace, in the order in which they came, and split what is too large."""
    buckets: dict[str, int] = {}
    groups: dict[int, list[Item]] = {}
    for item in items:
        trace_id = item.record.trace_id
        if trace_id not in buckets:
            buckets[trace_id] = Message(trace_id, tenant_id, trace_id, b"").bucket
        groups.setdefault(buckets[trace_id], []).append(item)
    return [_message(part, tenant_id, received_at) for group in groups.values() for part in _split(group)]


def unpack(payload: bytes) -> Envelope:
    """Read a message's payload; raise UnreadableError where it is none of ours or was damaged."""
    try:
        envelope = _ENVELOPES.decode(payload)
    except msgspec.MsgspecError as error:
        raise UnreadableError(f"unreadable: no envelope of the telemetry queue: {error}") from None
    if _digest(bytes(envelope.payload)) != envelope.content_hash:
        raise UnreadableError("unreadable: the items do not match content_hash")
    return envelope


def records(envelope: Envelope) -> list[Record]:
    """Give the items of a message in their order."""
    try:
        return _RECORDS.decode(envelope.payload)
    except msgspec.MsgspecError as error:
        raise UnreadableError(f"unreadable: an item does not keep the contract: {error}") from None


def _split(group: Sequence[Item]) -> Iterator[list[Item]]:
    part: list[Item] = []
    size = 0
    for item in group:
        if part and size + len(item.raw) + 1 > ITEM_BYTES:
            yield part
            part, size = [], 0
        part.append(item)
        size += len(item.raw) + 1
    yield part


def _message(items: Sequence[Item], tenant_id: str, received_at: datetime) -> Message:
    content = b"[" + b",".join(item.raw for item in items) + b"]"
    content_hash = _digest(content)
    envelope = Envelope(tenant_id, received_at, MessageType.ITEMS, content_hash, 1, Raw(content))
    return Message(
        message_id=_digest(f"{tenant_id} {content_hash}".encode()),
        tenant=tenant_id,
        trace_key=items[0].record.trace_id,
        payload=_ENCODER.encode(envelope),
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
