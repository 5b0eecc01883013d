# SPDX-License-Identifier: Apache-2.0
"""What the command reads out of the API's answers about traces: the fields that it shows, and no others.

JSON is printed as it came, so a field that is missing here is missing in tables only. Objects that senders gave stay
JSON text until something of them is shown.
"""

from datetime import datetime

from msgspec import Raw, Struct


class TraceRow(Struct, frozen=True):
    """A trace in the list."""

    trace_id: str
    status: str | None
    failure_kind: str | None
    model: str
    project: str
    tags: dict[str, str] | None
    span_kinds: list[str]
    spans: int
    span_errors: int
    frames: int
    violations: int
    total_ms: float | None
    compute_units: float
    peak_vram_mb: float | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime


class Failure(Struct, frozen=True):
    """Why a trace failed, as its sender said."""

    kind: str
    message: str
    retryable: bool
    stage: str | None = None
    error_code: str | None = None


class PrimaryOutput(Struct, frozen=True):
    """The video that was made."""

    url: str
    format: str
    checksum: str
    codec: str | None = None
    resolution: str | None = None
    duration_sec: float | None = None
    file_size_bytes: int | None = None


class Intermediate(Struct, frozen=True):
    """Something that was made on the way."""

    type: str
    url: str
    checksum: str


class Manifest(Struct, frozen=True):
    """What a trace made."""

    primary_output: PrimaryOutput | None = None
    intermediate_artifacts: list[Intermediate] = []


class Attribution(Struct, frozen=True):
    """Whom the cost is put down to."""

    project: str | None = None


class Trace(Struct, frozen=True):
    """A trace's own record."""

    trace_id: str
    status: str | None
    reported_status: str | None
    parent_trace_id: str | None
    output_manifest: Manifest | None
    cost_attribution: Attribution | None
    failure: Failure | None
    retry_count: int | None
    tags: dict[str, str] | None
    legal_hold: bool
    created_at: datetime | None
    seen_at: datetime


class Span(Struct, frozen=True):
    """A stage."""

    span_id: str
    parent_span_id: str | None
    span_kind: str
    name: str
    status: str
    start_time: datetime
    end_time: datetime | None
    duration_ms: float | None
    attributes: Raw


class ArtifactRef(Struct, frozen=True):
    """Something that a frame refers to."""

    kind: str
    uri: str


class Event(Struct, frozen=True):
    """Something observed about a frame."""

    event_id: str
    span_id: str
    event_type: str
    observed_at: datetime
    frame_index: int
    media_time_ms: float
    quality_metrics: dict[str, float | None] = {}
    gpu_metrics: dict[str, float | None] = {}
    artifact_refs: list[ArtifactRef] = []


class Summary(Struct, frozen=True):
    """What a trace adds up to."""

    model: str | None
    total_ms: float | None
    compute_units: float
    factors_version: str
    unknown_hardware: int
    frames_observed: int
    frame_events: int
    frame_errors: int
    observed_sampling_rate: float | None
    media_ms: float | None
    peak_vram_mb: float | None
    mean_gpu_pct: float | None


class Gap(Struct, frozen=True):
    """Frames that never came."""

    first: int
    last: int


class Finding(Struct, frozen=True):
    """A broken frame invariant."""

    rule: str
    frame_index: int


class Refused(Struct, frozen=True):
    """An item that could not be taken."""

    item_type: str
    item_id: str
    code: str
    reason: str


class Completeness(Struct, frozen=True):
    """How much of a trace came."""

    completeness: float
    record_part: float | None
    spans_part: float | None
    frames_part: float | None
    order_part: float | None
    expected_frames: int
    seen_frames: int
    missing_frames: int
    gaps: list[Gap]
    dropped_events: int
    orphan: bool
    unknown_spans: int
    violations: int
    finding_sample: list[Finding]
    refused: list[Refused]


class TraceDetail(Struct, frozen=True):
    """A trace with all that is known of it."""

    trace: Trace
    spans: list[Span]
    spans_cut: bool
    events: list[Event]
    events_cut: bool
    summary: Summary | None
    completeness: Completeness


class Line(Struct, frozen=True):
    """A metric over the points of a timeline."""

    mean: list[float | None]
    min: list[float | None] | None = None
    max: list[float | None] | None = None


class Timeline(Struct, frozen=True):
    """Frames over media time, in columns of equal length."""

    resolution: str
    matched: int
    points: int
    frame_index: list[int]
    media_time_ms: list[float]
    observed_at: list[datetime]
    event_type: list[str] | None
    frames: list[int]
    errors: list[int]
    metrics: dict[str, Line]
