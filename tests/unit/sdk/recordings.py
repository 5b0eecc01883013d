# SPDX-License-Identifier: Apache-2.0
"""Records of small runs, for tests of what judges them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ovpo_sdk.ids import new_id
from ovpo_sdk.kinds import EventType, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import FrameRecord, SpanRecord, TraceRecord
from ovpo_sdk.testing.recording import Recording

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
TRACE = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
SPAN = "33333333-3333-4333-8333-333333333333"
NOBODY = "44444444-4444-4444-8444-444444444444"


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def trace(**changes: Any) -> TraceRecord:
    """A trace that took ten seconds."""
    said: dict[str, Any] = {
        "trace_id": TRACE,
        "status": TraceStatus.COMPLETED,
        "pipeline_config": {},
        "input_context": {"prompt_hash": "0" * 64},
        "created_at": START,
        "schema_version": "0.08",
        "tenant_id": "compliance",
        "started_at": START,
        "completed_at": after(10),
    }
    return TraceRecord(**said | changes)


def span(**changes: Any) -> SpanRecord:
    """A span of all of that time."""
    said: dict[str, Any] = {
        "span_id": SPAN,
        "trace_id": TRACE,
        "span_kind": SpanKind.SAMPLING,
        "name": "denoise",
        "start_time": START,
        "status": SpanStatus.OK,
        "schema_version": "0.08",
        "end_time": after(10),
    }
    return SpanRecord(**said | changes)


def frame(index: int, **changes: Any) -> FrameRecord:
    """A frame of a film with ten a second."""
    said: dict[str, Any] = {
        "event_id": new_id(),
        "trace_id": TRACE,
        "span_id": SPAN,
        "event_type": EventType.GENERATED,
        "observed_at": after(index / 10),
        "frame_index": index,
        "media_time_ms": index * 100.0,
        "schema_version": "0.08",
    }
    return FrameRecord(**said | changes)


def recording(*items: TraceRecord | SpanRecord | FrameRecord, refused: tuple[str, ...] = ()) -> Recording:
    """What came, in this order."""
    return Recording(
        traces=tuple(item for item in items if isinstance(item, TraceRecord)),
        spans=tuple(item for item in items if isinstance(item, SpanRecord)),
        frames=tuple(item for item in items if isinstance(item, FrameRecord)),
        refused=refused,
    )


def sound() -> Recording:
    """A run with nothing wrong."""
    return recording(
        trace(status=TraceStatus.GENERATING, completed_at=None), span(), frame(0), frame(1), frame(2), trace()
    )
