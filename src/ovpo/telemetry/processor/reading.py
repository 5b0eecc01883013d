# SPDX-License-Identifier: Apache-2.0
"""What a message of the queue holds for the stores: records of traces, spans, and lines of frame events. Pure.

Frame events are by far the most, and ClickHouse reads their JSON itself, so they stay text: only what decides where
they go is read of them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, TypeAlias

import msgspec
import orjson
from msgspec import Raw, Struct

from ovpo.foundation.broker.errors import UnreadableError
from ovpo.telemetry.contract.canonical import canonical
from ovpo.telemetry.contract.records import Span, VideoTrace
from ovpo.telemetry.queue import unpack

TraceKey: TypeAlias = tuple[str, str]
"""A tenant and one of its traces."""

DIGEST_BYTES: Final = 16
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2106, 1, 1, tzinfo=UTC)
"""Between them, ClickHouse can hold in 32 bits when a trace was first heard of."""


class FramePlace(Struct, frozen=True, gc=False, tag_field="type", tag="event"):
    """Of a frame event, what decides where it goes."""

    trace_id: str
    observed_at: str


class TraceRecord(Struct, frozen=True, gc=False):
    """What a sender said of a trace, when it came, and where it stood among what came with it."""

    tenant_id: str
    trace: VideoTrace
    received_at: datetime
    position: int
    digest: bytes
    text: bytes

    @property
    def key(self) -> TraceKey:
        """Whose trace it is about."""
        return self.tenant_id, self.trace.trace_id


class SpanRecord(Struct, frozen=True, gc=False):
    """A span as it came."""

    tenant_id: str
    span: Span
    received_at: datetime
    digest: bytes
    text: bytes

    @property
    def key(self) -> TraceKey:
        """Whose trace it is of."""
        return self.tenant_id, self.span.trace_id


class FrameLine(Struct, frozen=True, gc=False):
    """A frame event as it came, as the text of a JSON object."""

    key: TraceKey
    received_at: datetime
    text: bytes


class Portion(Struct, frozen=True):
    """What is written together."""

    traces: list[TraceRecord]
    spans: list[SpanRecord]
    frames: list[FrameLine]

    def __len__(self) -> int:
        """Count the items."""
        return len(self.traces) + len(self.spans) + len(self.frames)


_TEXTS: Final = msgspec.json.Decoder(list[Raw])
_ITEMS: Final = msgspec.json.Decoder(VideoTrace | Span | FramePlace)


def read(payload: bytes) -> Portion:
    """Read a message; raise UnreadableError where it is none of ours or was damaged."""
    envelope = unpack(payload)
    tenant_id, received_at = envelope.tenant_id, envelope.received_at
    if not EARLIEST <= received_at < LATEST:
        raise UnreadableError(f"unreadable: received_at is not from {EARLIEST.year} to {LATEST.year - 1}")
    portion = Portion([], [], [])
    try:
        for position, raw in enumerate(_TEXTS.decode(envelope.payload)):
            text = bytes(raw)
            item = _ITEMS.decode(text)
            if isinstance(item, FramePlace):
                portion.frames.append(FrameLine((tenant_id, item.trace_id), received_at, _spelled(item, text)))
            elif isinstance(item, Span):
                portion.spans.append(SpanRecord(tenant_id, item, received_at, _digest(text), text))
            else:
                portion.traces.append(TraceRecord(tenant_id, item, received_at, position, _digest(text), text))
    except msgspec.MsgspecError as error:
        raise UnreadableError(f"unreadable: an item does not keep the contract: {error}") from None
    return portion


def together(portions: Iterable[Portion]) -> Portion:
    """Join portions in their order."""
    whole = Portion([], [], [])
    for portion in portions:
        whole.traces.extend(portion.traces)
        whole.spans.extend(portion.spans)
        whole.frames.extend(portion.frames)
    return whole


def _spelled(place: FramePlace, text: bytes) -> bytes:
    """Spell the instant in the capitals that ClickHouse reads; RFC 3339 takes small letters too."""
    spelled = place.observed_at.upper()
    if spelled == place.observed_at:
        return text
    return canonical(orjson.loads(text) | {"observed_at": spelled})


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=DIGEST_BYTES).digest()
