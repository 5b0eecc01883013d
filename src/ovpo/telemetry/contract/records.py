# SPDX-License-Identifier: Apache-2.0
"""What the contract speaks of, as frozen types: traces, spans, frame events and what they hold.

They are made from bytes that passed their schema (`read`), so they check nothing themselves. Ids are strings in the one
form that the contract allows. Where the contract leaves an object open, the field holds its JSON text (`msgspec.Raw`).
A record is a tree, so the collector of cycles need not look at it (`gc=False`).
"""

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from msgspec import Raw, Struct


class ItemType(StrEnum):
    """What an item of a batch may be."""

    TRACE = "trace"
    SPAN = "span"
    EVENT = "event"


class TraceStatus(StrEnum):
    """Where a trace stands; which may follow which is the business of `lifecycle`."""

    PENDING = "PENDING"
    GENERATING = "GENERATING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    PARTIAL = "PARTIAL"


class FailureKind(StrEnum):
    """Why a trace failed."""

    OOM = "oom"
    TIMEOUT = "timeout"
    CRASH = "crash"
    CANCELLED = "cancelled"
    HARDWARE_ERROR = "hardware_error"
    VALIDATION_ERROR = "validation_error"
    UNKNOWN = "unknown"


class SpanKind(StrEnum):
    """What a stage does."""

    LOAD = "SPAN_KIND_LOAD"
    TEXT_ENCODE = "SPAN_KIND_TEXT_ENCODE"
    SAMPLING = "SPAN_KIND_SAMPLING"
    DECODE = "SPAN_KIND_DECODE"
    POSTPROCESS = "SPAN_KIND_POSTPROCESS"
    OUTPUT_ENCODE = "SPAN_KIND_OUTPUT_ENCODE"
    GUARD = "SPAN_KIND_GUARD"
    QUEUE = "SPAN_KIND_QUEUE"


class SpanStatus(StrEnum):
    """How a stage ended."""

    OK = "OK"
    ERROR = "ERROR"


class EventType(StrEnum):
    """What was observed about a frame."""

    FRAME_GENERATED = "frame_generated"
    FRAME_ERROR = "frame_error"
    FRAME_SAMPLED = "frame_sampled"


class ProvenanceSource(StrEnum):
    """Who computed the numbers of an event."""

    SDK = "sdk"
    PROCESSOR = "processor"


class PrimaryOutput(Struct, frozen=True, gc=False, omit_defaults=True):
    """The video that a trace was for."""

    url: str
    format: str
    checksum: str
    codec: str | None = None
    resolution: str | None = None
    duration_sec: float | None = None
    file_size_bytes: int | None = None


class IntermediateArtifact(Struct, frozen=True, gc=False, omit_defaults=True):
    """Something else that was written on the way."""

    type: str
    url: str
    checksum: str
    ttl_hours: int | None = None


class ArtifactManifest(Struct, frozen=True, gc=False, omit_defaults=True):
    """What a pipeline produced, by reference."""

    primary_output: PrimaryOutput
    intermediate_artifacts: tuple[IntermediateArtifact, ...] = ()


class CostAttribution(Struct, frozen=True, gc=False, omit_defaults=True):
    """Whom the cost of a trace is put down to."""

    project: str | None = None
    center: str | None = None
    campaign: str | None = None
    tags: dict[str, str] = {}


class Failure(Struct, frozen=True, gc=False, omit_defaults=True):
    """Why a trace failed; `details` is the JSON text of an open object, empty where there is none."""

    kind: FailureKind
    message: str
    retryable: bool
    stage: str | None = None
    error_code: str | None = None
    details: Raw = Raw()


class VideoTrace(Struct, frozen=True, gc=False, tag_field="type", tag="trace"):
    """One run of a video pipeline; `pipeline_config` and `input_context` are the JSON texts of open objects."""

    schema_version: str
    trace_id: str
    tenant_id: str
    status: TraceStatus
    pipeline_config: Raw
    input_context: Raw
    created_at: datetime
    parent_trace_id: str | None = None
    user_id_hash: str | None = None
    pipeline_config_ref: str | None = None
    output_manifest: ArtifactManifest | None = None
    cost_attribution: CostAttribution | None = None
    failure: Failure | None = None
    retry_count: int = 0
    tags: dict[str, str] = {}
    started_at: datetime | None = None
    completed_at: datetime | None = None


class Span(Struct, frozen=True, gc=False, tag_field="type", tag="span"):
    """One stage of a trace."""

    schema_version: str
    span_id: str
    trace_id: str
    span_kind: SpanKind
    name: str
    start_time: datetime
    status: SpanStatus
    parent_span_id: str | None = None
    end_time: datetime | None = None
    duration_ms: float | None = None
    attributes: dict[str, str | int | float | bool] = {}


class LatentStats(Struct, frozen=True, gc=False):
    """Statistics of the latent that a frame came from."""

    mean: float | None = None
    std_dev: float | None = None
    min_val: float | None = None
    max_val: float | None = None
    nan_count: int | None = None
    inf_count: int | None = None


class GpuMetrics(Struct, frozen=True, gc=False):
    """The accelerator at the moment of a frame."""

    vram_used_mb: float | None = None
    gpu_utilization_pct: float | None = None
    temperature_c: float | None = None


class ArtifactRef(Struct, frozen=True, gc=False):
    """Something that was written for a frame, by reference."""

    kind: str
    uri: str
    sha256: str | None = None
    content_type: str | None = None
    size_bytes: int | None = None
    ttl_hours: int | None = None


class Provenance(Struct, frozen=True, gc=False):
    """Who computed the numbers of an event, and how."""

    source: ProvenanceSource
    source_version: str
    algorithm_id: str | None = None
    computed_at: datetime | None = None


class FrameEvent(Struct, frozen=True, gc=False, tag_field="type", tag="event"):
    """Something observed about one frame; `quality_metrics` holds the metrics of the contract and any further ones."""

    schema_version: str
    event_id: str
    trace_id: str
    span_id: str
    event_type: EventType
    observed_at: datetime
    frame_index: int
    media_time_ms: float
    step_index: int | None = None
    latent_stats: LatentStats | None = None
    quality_metrics: dict[str, float] = {}
    gpu_metrics: GpuMetrics | None = None
    artifact_refs: tuple[ArtifactRef, ...] = ()
    provenance: Provenance | None = None


Record: TypeAlias = VideoTrace | Span | FrameEvent
