# SPDX-License-Identifier: Apache-2.0
"""A small run of a video pipeline, as a sender would tell it: something to look at where nothing runs yet. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import sin
from typing import Any, Final
from uuid import UUID, uuid5

from ovpo.telemetry.contract.records import EventType, SpanKind, SpanStatus, TraceStatus

SCHEMA_VERSION: Final = "0.08"
FRAMES: Final = 48
FRAME_MS: Final = 1000 / 24
_STAGES: Final = (
    (SpanKind.LOAD, 1.6),
    (SpanKind.TEXT_ENCODE, 0.4),
    (SpanKind.SAMPLING, 7.2),
    (SpanKind.DECODE, 1.9),
    (SpanKind.OUTPUT_ENCODE, 0.7),
)


def batch(tenant_id: str, trace_id: UUID, ended_at: datetime) -> dict[str, Any]:
    """Give the batch of a run that has just ended."""
    return {
        "schema_version": SCHEMA_VERSION,
        "batch_id": _id(trace_id, "batch"),
        "sent_at": ended_at.isoformat(),
        "items": list(_items(tenant_id, trace_id, ended_at)),
    }


def _items(tenant_id: str, trace_id: UUID, ended_at: datetime) -> Iterator[dict[str, Any]]:
    begun_at = ended_at - timedelta(seconds=sum(seconds for _, seconds in _STAGES))
    yield {
        "type": "trace",
        "schema_version": SCHEMA_VERSION,
        "trace_id": str(trace_id),
        "tenant_id": tenant_id,
        "status": TraceStatus.COMPLETED,
        "pipeline_config": {"model": "example-video", "steps": 24, "width": 832, "height": 480},
        "input_context": {"prompt_hash": "0" * 64, "prompt_length": 31, "seed": 7},
        "tags": {"origin": "demo"},
        "created_at": begun_at.isoformat(),
        "started_at": begun_at.isoformat(),
        "completed_at": ended_at.isoformat(),
    }
    at = begun_at
    for kind, seconds in _STAGES:
        yield _span(trace_id, kind, at, at + timedelta(seconds=seconds))
        at += timedelta(seconds=seconds)
    for index in range(FRAMES):
        yield _frame(trace_id, index, begun_at + timedelta(seconds=2 + 7.2 * index / FRAMES))


def _span(trace_id: UUID, kind: SpanKind, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "type": "span",
        "schema_version": SCHEMA_VERSION,
        "span_id": _id(trace_id, kind),
        "trace_id": str(trace_id),
        "span_kind": kind,
        "name": kind.removeprefix("SPAN_KIND_").lower(),
        "start_time": start.isoformat(),
        "end_time": end.isoformat(),
        "status": SpanStatus.OK,
        "attributes": {"model.name": "example-video", "gpu.model": "rtx_4090"},
    }


def _frame(trace_id: UUID, index: int, at: datetime) -> dict[str, Any]:
    return {
        "type": "event",
        "schema_version": SCHEMA_VERSION,
        "event_id": _id(trace_id, f"frame {index}"),
        "trace_id": str(trace_id),
        "span_id": _id(trace_id, SpanKind.SAMPLING),
        "event_type": EventType.FRAME_GENERATED,
        "observed_at": at.isoformat(),
        "frame_index": index,
        "media_time_ms": index * FRAME_MS,
        "quality_metrics": {
            "motion_score": 3 + sin(index / 5),
            "temporal_consistency": 0.95 - 0.002 * index,
            "clip_text_similarity": 0.31 + 0.01 * sin(index / 9),
        },
        "gpu_metrics": {"vram_used_mb": 14_200.0 + 10 * index, "gpu_utilization_pct": 96.0},
    }


def _id(trace_id: UUID, name: str) -> str:
    """Make an id of the form that the contract asks for, the same for the same trace and name."""
    return str(UUID(int=uuid5(trace_id, name).int, version=4))
