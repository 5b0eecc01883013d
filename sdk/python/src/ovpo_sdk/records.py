# SPDX-License-Identifier: Apache-2.0
"""What goes over the wire, as frozen types with the contract's limits in their annotations.

Making one checks nothing, which keeps the caller's thread fast; decoding one checks everything, which is what the
compliance suite's receiver does. How they are filled is the business of `trace`, `span` and `shaping`.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from ovpo_sdk.kinds import EventType, FailureKind, SpanKind, SpanStatus, TraceStatus

SCHEMA_VERSION: Final = "0.08"

Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Checksum = Annotated[str, Meta(pattern=r"^(sha256|md5):[a-f0-9]{32,64}\Z")]
Version = Annotated[str, Meta(pattern=r"^0\.08\Z")]
Uri = Annotated[str, Meta(max_length=2048, pattern=r"^(s3|gs|azure|https|ovpo|file)://")]
Word = Annotated[str, Meta(max_length=64)]
Name = Annotated[str, Meta(max_length=128)]
Count = Annotated[int, Meta(ge=0)]
Amount = Annotated[float, Meta(ge=0)]
Hours = Annotated[int, Meta(ge=1)]
Instant = Annotated[datetime, Meta(tz=True)]


class LatentStats(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """What a tensor of latents holds."""

    mean: float | None = None
    std_dev: Amount | None = None
    min_val: float | None = None
    max_val: float | None = None
    nan_count: Count | None = None
    inf_count: Count | None = None


class GpuMetrics(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """How a GPU was when a frame was observed."""

    vram_used_mb: Amount | None = None
    gpu_utilization_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    temperature_c: Annotated[float, Meta(ge=0, le=120)] | None = None


class ArtifactRef(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Something about a frame that is stored elsewhere."""

    kind: Word
    uri: Uri
    sha256: Sha256 | None = None
    content_type: Name | None = None
    size_bytes: Count | None = None
    ttl_hours: Hours | None = None


class Provenance(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Who computed the numbers of an event, and how."""

    source: Annotated[str, Meta(pattern=r"^(sdk|processor)\Z")]
    source_version: Word
    algorithm_id: Name | None = None
    computed_at: Instant | None = None


class PrimaryOutput(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The video that a run was for."""

    url: Uri
    format: Annotated[str, Meta(max_length=32)]
    checksum: Checksum
    codec: Word | None = None
    resolution: Annotated[str, Meta(pattern=r"^[0-9]+x[0-9]+\Z")] | None = None
    duration_sec: Amount | None = None
    file_size_bytes: Count | None = None


class IntermediateArtifact(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Something else that was written on the way."""

    type: Word
    url: Uri
    checksum: Checksum
    ttl_hours: Hours | None = None


class Manifest(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """What a run produced, by reference."""

    primary_output: PrimaryOutput
    intermediate_artifacts: tuple[IntermediateArtifact, ...] = ()


class Costs(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Whom the cost of a run is put down to."""

    project: Name | None = None
    center: Name | None = None
    campaign: Name | None = None
    tags: dict[str, str] = {}


class Failure(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Why a run failed."""

    kind: FailureKind
    message: Annotated[str, Meta(max_length=2048)]
    retryable: bool
    stage: Word | None = None
    error_code: Word | None = None
    details: dict[str, Any] = {}


class TraceRecord(
    Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="trace"
):
    """One run; a later record completes an earlier one. The tenant is put in when it is sent, as the key tells it."""

    trace_id: Id
    status: TraceStatus
    pipeline_config: dict[str, Any]
    input_context: dict[str, Any]
    created_at: Instant
    schema_version: Version
    tenant_id: Annotated[str, Meta(max_length=128, pattern=r"^[a-z0-9-]+\Z")] | None = None
    parent_trace_id: Id | None = None
    user_id_hash: Sha256 | None = None
    pipeline_config_ref: Annotated[str, Meta(max_length=2048)] | None = None
    output_manifest: Manifest | None = None
    cost_attribution: Costs | None = None
    failure: Failure | None = None
    retry_count: Count = 0
    tags: dict[str, str] = {}
    started_at: Instant | None = None
    completed_at: Instant | None = None


class SpanRecord(
    Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="span"
):
    """One stage of a run, sent when it ends."""

    span_id: Id
    trace_id: Id
    span_kind: SpanKind
    name: Name
    start_time: Instant
    status: SpanStatus
    schema_version: Version
    parent_span_id: Id | None = None
    end_time: Instant | None = None
    duration_ms: Amount | None = None
    attributes: dict[str, str | int | float | bool] = {}


class FrameRecord(
    Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="event"
):
    """Something observed about one frame during a stage."""

    event_id: Id
    trace_id: Id
    span_id: Id
    event_type: EventType
    observed_at: Instant
    frame_index: Count
    media_time_ms: Amount
    schema_version: Version
    step_index: Count | None = None
    latent_stats: LatentStats | None = None
    quality_metrics: dict[str, float] = {}
    gpu_metrics: GpuMetrics | None = None
    artifact_refs: tuple[ArtifactRef, ...] = ()
    provenance: Provenance | None = None


Item = TraceRecord | SpanRecord | FrameRecord


class Envelope(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The body of a request."""

    schema_version: Version
    batch_id: Id
    sent_at: Instant
    items: Annotated[list[Item], Meta(min_length=1, max_length=5000)]
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
