# SPDX-License-Identifier: Apache-2.0
"""From what the caller's thread leaves in the inbox to JSON texts in lanes. Runs on the background thread.

The last frame of a span is held back until the span ends, because only then it is known to be the last: it is precious.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from ovpo_sdk.ids import new_id
from ovpo_sdk.kinds import EventType, SpanStatus
from ovpo_sdk.records import SCHEMA_VERSION, FrameRecord, SpanRecord, TraceRecord
from ovpo_sdk.shaping.attributes import MOST_CHARACTERS, shaped
from ovpo_sdk.shaping.texts import NAME_CHARACTERS, cut
from ovpo_sdk.transport.chunks import Lane

if TYPE_CHECKING:
    from ovpo_sdk.records import ArtifactRef, GpuMetrics, LatentStats, Provenance
    from ovpo_sdk.shaping.personal import Notice, PersonalData
    from ovpo_sdk.span import Span
    from ovpo_sdk.transport.lanes import Lanes

MOST_HELD: Final = 1024
"""Spans whose latest frame is held back; beyond it the one without news for longest is let go."""
MOST_LINE_BYTES: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Observed(Struct, frozen=True, gc=False):
    """A frame event as the caller's thread leaves it: without an id, and with the time as the clock gave it."""

    trace_id: str
    span_id: str
    event_type: EventType
    at_ns: int
    frame_index: int
    media_time_ms: float
    step_index: int | None
    quality: dict[str, float]
    latents: LatentStats | None
    gpu: GpuMetrics | None
    artifacts: tuple[ArtifactRef, ...]
    provenance: Provenance | None


def instant(nanoseconds: int) -> datetime:
    """Turn the system clock's nanoseconds into an instant, to the microsecond."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


class Encoder:
    """Items to lines. Whoever calls holds the pipe's lock."""

    def __init__(self, lanes: Lanes, personal: PersonalData, problem: Notice, notice: Notice) -> None:
        self._lanes = lanes
        self._personal = personal
        self._problem = problem
        self._notice = notice
        self._json = msgspec.json.Encoder()
        self._latest: dict[str, tuple[str, bytes]] = {}

    @property
    def held_back(self) -> int:
        """How many frames are held back."""
        return len(self._latest)

    def frame(self, seen: Observed) -> None:
        """Take a frame event in."""
        record = FrameRecord(
            new_id(),
            seen.trace_id,
            seen.span_id,
            seen.event_type,
            datetime.fromtimestamp(seen.at_ns / 1e9, UTC),
            seen.frame_index,
            seen.media_time_ms,
            SCHEMA_VERSION,
            seen.step_index,
            seen.latents,
            seen.quality,
            seen.gpu,
            seen.artifacts,
            seen.provenance,
        )
        self.frame_record(record)

    def frame_record(self, record: FrameRecord) -> None:
        """Take a frame event in that is a record already."""
        line = self._line(record)
        if line is None:
            return
        if record.event_type is EventType.ERROR or record.frame_index == 0:
            self._lanes.add(Lane.PRECIOUS, line, frame_of=record.trace_id)
            return
        before = self._latest.pop(record.span_id, None)
        self._latest[record.span_id] = (record.trace_id, line)
        if before is not None:
            self._lanes.add(Lane.ORDINARY, before[1], frame_of=before[0])
        elif len(self._latest) > MOST_HELD:
            trace_id, oldest = self._latest.pop(next(iter(self._latest)))
            self._lanes.add(Lane.ORDINARY, oldest, frame_of=trace_id)

    def span(self, span: Span) -> None:
        """Take a span in that has ended."""
        ended = span.started_ns + span.took_ns
        self.span_record(
            SpanRecord(
                span.id,
                span.trace.id,
                span.kind,
                span.trace.without_prompt(span.name),
                instant(span.started_ns),
                span.status or SpanStatus.OK,
                SCHEMA_VERSION,
                span.parent_id,
                instant(ended),
                span.took_ns / 1e6,
                {
                    name: span.trace.without_prompt(value) if type(value) is str else value
                    for name, value in span.attributes.items()
                },
            )
        )

    def span_record(self, record: SpanRecord) -> None:
        """Take a span in that is a record already; the last frame of it is known now."""
        cleaned = self._without_personal_data(record.attributes)
        name = self._personal.clean(record.name, "a span's name", self._notice)
        if cleaned is not record.attributes or name is not record.name:
            record = msgspec.structs.replace(record, attributes=cleaned, name=cut(name, NAME_CHARACTERS))
        line = self._line(record)
        last = self._latest.pop(record.span_id, None)
        if last is not None:
            self._lanes.add(Lane.PRECIOUS, last[1], frame_of=last[0])
        if line is not None:
            self._lanes.add(Lane.PRECIOUS, line, is_span=True)

    def trace(self, record: TraceRecord) -> None:
        """Take a trace record in; whose it is, is said when it is sent."""
        line = self._line(record if record.tenant_id is None else msgspec.structs.replace(record, tenant_id=None))
        if line is not None:
            self._lanes.add(Lane.PRECIOUS, line)

    def release(self, lane: Lane) -> None:
        """Let go of what is held back."""
        for trace_id, line in self._latest.values():
            self._lanes.add(lane, line, frame_of=trace_id)
        self._latest.clear()

    def _line(self, record: TraceRecord | SpanRecord | FrameRecord) -> bytes | None:
        try:
            line = self._json.encode(record)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            self._problem(f"a {type(record).__name__} cannot be written as JSON: {error}; hand in plain values")
            return None
        if len(line) > MOST_LINE_BYTES:
            self._problem(
                f"a {type(record).__name__} takes {len(line)} bytes, more than {MOST_LINE_BYTES}; "
                "refer to artifacts instead of handing them in"
            )
            return None
        return line

    def _without_personal_data(self, attributes: dict[str, Any]) -> dict[str, Any]:
        cleaned = attributes
        for name, value in attributes.items():
            if type(value) is str and (clean := self._personal.clean(value, name, self._notice)) is not value:
                cleaned = {**cleaned, name: cut(clean, MOST_CHARACTERS)}
        return cleaned if cleaned is attributes else shaped(cleaned, self._problem)
