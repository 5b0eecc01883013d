# SPDX-License-Identifier: Apache-2.0
"""Small runs of video pipelines, as senders would tell them: something to look at where nothing runs yet. Pure.

One goes well; the others break in the ways that people come to an observatory for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sin
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid5

from ovpo.telemetry.contract.records import EventType, FailureKind, SpanKind, SpanStatus, TraceStatus

SCHEMA_VERSION: Final = "0.08"
FRAMES: Final = 48
FRAME_MS: Final = 1000 / 24
_STAGES: Final = (
    (SpanKind.QUEUE, 0.8),
    (SpanKind.LOAD, 1.6),
    (SpanKind.TEXT_ENCODE, 0.4),
    (SpanKind.SAMPLING, 7.2),
    (SpanKind.DECODE, 1.9),
    (SpanKind.OUTPUT_ENCODE, 0.7),
)


@dataclass(frozen=True, slots=True)
class Story:
    """How a run goes."""

    title: str
    model: str = "wan-2.1"
    hardware: str = "rtx_4090"
    status: TraceStatus = TraceStatus.COMPLETED
    failure: FailureKind | None = None
    message: str = ""
    ends_in: SpanKind | None = None
    """The stage that fails: no later one begins."""
    pace: float = 1.0
    skipped: frozenset[int] = frozenset()
    """Frames that no event tells of."""
    turned_back: int | None = None
    """The frame whose media time lies before that of the frame before it."""

    @property
    def stages(self) -> list[tuple[SpanKind, float]]:
        """The stages that began, with their seconds."""
        timed = [(kind, seconds * self.pace) for kind, seconds in _STAGES]
        last = next((place for place, (kind, _) in enumerate(timed) if kind is self.ends_in), len(timed))
        return timed[: last + 1]

    @property
    def frames(self) -> list[int]:
        """The frames that events tell of."""
        made = FRAMES if self.ends_in is not SpanKind.SAMPLING else FRAMES // 3
        return [index for index in range(made) if index not in self.skipped]


CLEAN: Final = Story("a run that goes well", hardware="h100", pace=0.4)
STORIES: Final = (
    CLEAN,
    Story(
        "out of memory in the decoder",
        model="hunyuan-video",
        status=TraceStatus.FAILED,
        failure=FailureKind.OOM,
        message="CUDA out of memory: tried to allocate 2.30 GiB, 0.41 GiB free of 23.99 GiB",
        ends_in=SpanKind.DECODE,
    ),
    Story("frames whose media time runs back", turned_back=30, pace=0.9),
    Story("frames that were lost on the way", skipped=frozenset({*range(12, 18), 40}), hardware="a100_40gb", pace=0.6),
    Story(
        "a run that took too long",
        model="hunyuan-video",
        status=TraceStatus.TIMEOUT,
        ends_in=SpanKind.SAMPLING,
        pace=4.0,
    ),
)


def batch(
    tenant_id: str,
    trace_id: UUID,
    ended_at: datetime,
    story: Story = CLEAN,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Give the batch of a run that has just ended; its record has these tags beside its own."""
    return {
        "schema_version": SCHEMA_VERSION,
        "batch_id": _id(trace_id, "batch"),
        "sent_at": ended_at.isoformat(),
        "items": list(_items(tenant_id, trace_id, ended_at, story, tags)),
    }


def _items(
    tenant_id: str, trace_id: UUID, ended_at: datetime, story: Story, tags: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    begun_at = ended_at - timedelta(seconds=sum(seconds for _, seconds in story.stages))
    yield _record(tenant_id, trace_id, begun_at, ended_at, story) | {"tags": {"origin": "demo", **tags}}
    at = begun_at
    for kind, seconds in story.stages:
        end = at + timedelta(seconds=seconds)
        yield _span(trace_id, kind, at, end, story)
        if kind is SpanKind.SAMPLING:
            for index in story.frames:
                yield _frame(trace_id, index, at + (end - at) * (index + 1) / FRAMES, story)
        at = end


def _record(tenant_id: str, trace_id: UUID, begun_at: datetime, ended_at: datetime, story: Story) -> dict[str, Any]:
    failure = {
        "kind": story.failure,
        "message": story.message,
        "retryable": True,
        "stage": (story.ends_in or SpanKind.LOAD).removeprefix("SPAN_KIND_").lower(),
    }
    return {
        "type": "trace",
        "schema_version": SCHEMA_VERSION,
        "trace_id": str(trace_id),
        "tenant_id": tenant_id,
        "status": story.status,
        "pipeline_config": {"model": story.model, "steps": 24, "width": 832, "height": 480},
        "input_context": {"prompt_hash": "0" * 64, "prompt_length": 31, "seed": 7},
        "cost_attribution": {"project": "demo"},
        "created_at": begun_at.isoformat(),
        "started_at": begun_at.isoformat(),
        "completed_at": ended_at.isoformat(),
        **({"failure": failure} if story.failure else {}),
    }


def _span(trace_id: UUID, kind: SpanKind, start: datetime, end: datetime, story: Story) -> dict[str, Any]:
    return {
        "type": "span",
        "schema_version": SCHEMA_VERSION,
        "span_id": _id(trace_id, kind),
        "trace_id": str(trace_id),
        "span_kind": kind,
        "name": kind.removeprefix("SPAN_KIND_").lower(),
        "start_time": start.isoformat(),
        "end_time": end.isoformat(),
        "status": SpanStatus.ERROR if kind is story.ends_in else SpanStatus.OK,
        "attributes": {"model.name": story.model, "gpu.model": story.hardware},
    }


def _frame(trace_id: UUID, index: int, at: datetime, story: Story) -> dict[str, Any]:
    steps_back = 2 if index == story.turned_back else 0
    return {
        "type": "event",
        "schema_version": SCHEMA_VERSION,
        "event_id": _id(trace_id, f"frame {index}"),
        "trace_id": str(trace_id),
        "span_id": _id(trace_id, SpanKind.SAMPLING),
        "event_type": EventType.FRAME_GENERATED,
        "observed_at": at.isoformat(),
        "frame_index": index,
        "media_time_ms": (index - steps_back) * FRAME_MS,
        "quality_metrics": {
            "motion_score": 3 + sin(index / 5),
            "temporal_consistency": 0.95 - 0.002 * index,
            "clip_text_similarity": 0.31 + 0.01 * sin(index / 9),
        },
        "gpu_metrics": {"vram_used_mb": 14_200.0 + 10 * index, "gpu_utilization_pct": 90.0 + 6 * sin(index / 4)},
    }


def _id(trace_id: UUID, name: str) -> str:
    """Make an id of the form that the contract asks for, the same for the same trace and name."""
    return str(UUID(int=uuid5(trace_id, name).int, version=4))
