# SPDX-License-Identifier: Apache-2.0
"""The answers of the trace routes as OpenAPI documents them. Built elsewhere; a test holds both together."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

_TRACE = "b1d7a3a2-5a0c-4b7e-9d35-0f6f0c1c2a11"


class ListedTrace(BaseModel):
    """A trace in one line."""

    trace_id: str = Field(examples=[_TRACE])
    status: str = Field(description="What its sender said last, or PARTIAL where frames break an invariant")
    failure_kind: str | None
    model: str = Field(description="Empty where no span and no configuration names one", examples=["wan-2.1"])
    project: str
    tags: dict[str, str] | None
    span_kinds: list[str]
    spans: int
    span_errors: int
    frames: int = Field(description="Distinct frames of which an event came")
    violations: int = Field(description="Broken frame invariants")
    total_ms: float | None
    compute_units: float
    peak_vram_mb: float | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime


class TracePage(BaseModel):
    """A page of the list of traces."""

    traces: list[ListedTrace]
    has_more: bool
    next_cursor: str | None = Field(description="Send it as `cursor`, with the same filters, for the next page")


class Trace(BaseModel):
    """The trace's own record, and what the server says of it."""

    trace_id: str = Field(examples=[_TRACE])
    status: str | None = Field(description="None while only spans or events of it came")
    reported_status: str | None
    parent_trace_id: str | None
    user_id_hash: str | None
    pipeline_config: dict[str, Any] | None
    pipeline_config_ref: str | None
    input_context: dict[str, Any] | None
    output_manifest: dict[str, Any] | None
    cost_attribution: dict[str, Any] | None
    failure: dict[str, Any] | None
    retry_count: int | None
    tags: dict[str, str] | None
    legal_hold: bool
    created_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    seen_at: datetime = Field(description="When the server first heard of it")
    updated_at: datetime


class Span(BaseModel):
    """One stage."""

    span_id: str
    parent_span_id: str | None
    span_kind: str
    name: str
    status: str
    start_time: datetime
    end_time: datetime | None
    duration_ms: float | None
    attributes: dict[str, Any]


class FrameEvent(BaseModel):
    """Something observed about a frame, as its sender spelled it; what was not sent is left out."""

    event_id: str
    span_id: str
    event_type: str
    observed_at: datetime
    frame_index: int
    media_time_ms: float
    step_index: int | None = None
    latent_stats: dict[str, float] | None = None
    quality_metrics: dict[str, float] | None = None
    gpu_metrics: dict[str, float] | None = None
    artifact_refs: list[dict[str, Any]] | None = None
    provenance: dict[str, Any] | None = None


class KindShare(BaseModel):
    """What the spans of a kind took."""

    span_kind: str
    milliseconds: float
    share: float = Field(description="Of the time of all spans, 0 to 1")
    compute_units: float


class Summary(BaseModel):
    """What a trace adds up to."""

    settled_at: datetime = Field(description="When it was counted")
    model: str | None
    total_ms: float | None
    spans: int
    span_errors: int
    by_kind: list[KindShare]
    compute_units: float
    factors_version: str
    unknown_hardware: int = Field(description="Spans whose hardware is not known; they count as `other`")
    frames_observed: int
    frame_events: int
    frame_errors: int
    observed_sampling_rate: float | None = Field(description="Distinct frames ÷ (last frame + 1)")
    media_ms: float | None = Field(description="The furthest media time that came")
    peak_vram_mb: float | None
    mean_gpu_pct: float | None


class Gap(BaseModel):
    """Frames of which no event came."""

    first: int
    last: int


class Completeness(BaseModel):
    """How much of the trace came, 0 to 100; the parts that do not apply are null."""

    completeness: float
    record_part: float | None
    spans_part: float | None
    frames_part: float | None
    order_part: float | None
    expected_frames: int
    seen_frames: int
    missing_frames: int
    gaps: list[Gap] = Field(description="The first hundred")
    dropped_events: int = Field(description="Events that senders say they dropped")
    orphan: bool = Field(description="Its own record never came")
    unknown_spans: int = Field(description="Spans that events name and that never came")
    violations: int
    finding_sample: list[dict[str, Any]]
    refused: list[dict[str, Any]] = Field(description="Items of it that came too late to be refused at the door")


class TraceDetail(BaseModel):
    """A trace with its spans by start_time and its events by frame_index, then observed_at."""

    trace: Trace
    spans: list[Span]
    spans_cut: bool = Field(description="There are more spans than are shown")
    events: list[FrameEvent]
    events_cut: bool = Field(description="There are more events: see /frames")
    summary: Summary | None = Field(description="None until it was settled, about a second after its first item")
    completeness: Completeness


class Line(BaseModel):
    """A metric over the points; `min` and `max` where a point stands for more than one frame."""

    mean: list[float | None]
    min: list[float | None] | None
    max: list[float | None] | None


class Timeline(BaseModel):
    """Frames over media time, in columns of equal length."""

    trace_id: str
    resolution: str = Field(description="`frames`: a point is a frame event. `buckets`: a stretch of media time")
    matched: int = Field(description="Frame events of the stretch that was asked for")
    points: int
    from_ms: float | None
    to_ms: float | None
    frame_index: list[int]
    media_time_ms: list[float]
    observed_at: list[datetime]
    event_type: list[str] | None
    frames: list[int] = Field(description="Frame events that each point stands for")
    errors: list[int]
    metrics: dict[str, Line]


class Delta(BaseModel):
    """A number of the one trace and of the other; `difference` is the other less the one."""

    one: float | None
    other: float | None
    difference: float | None


class KindDelta(BaseModel):
    """All spans of a kind."""

    kind: str
    spans: Delta
    duration_ms: Delta
    units: Delta


class SpanDelta(BaseModel):
    """Two spans that stand for the same stage."""

    kind: str
    name: str
    one: str = Field(description="The span of the one trace")
    other: str
    duration_ms: Delta
    units: Delta
    attributes: dict[str, list[Any]] = Field(description="Those that differ: what each has")


class FrameDeltas(BaseModel):
    """Frames of about the same media time, in columns of equal length; numbers are the other's less the one's."""

    media_time_ms: list[float]
    one: list[int]
    other: list[int]
    vram_used_mb: list[float | None]
    quality: dict[str, list[float | None]]


class OnlyIn(BaseModel):
    """What only one of both has."""

    spans: list[dict[str, Any]]
    span_count: int
    frame_ranges: list[list[int]]
    frame_count: int


class TraceComparison(BaseModel):
    """Two traces side by side."""

    one: str
    other: str
    spans_cut: bool = Field(description="One has more than 5 000 spans: `kinds` and `spans` are of the first of them")
    frames_cut: bool = Field(description="One has more than 20 000 frame events: what is compared ends there for both")
    compared_to_ms: float | None = Field(
        description="The media time up to which frames are compared where they are cut"
    )
    total_ms: Delta
    units: Delta
    peak_vram_mb: Delta
    quality: dict[str, Delta] = Field(description="Means over the frames that are compared")
    kinds: list[KindDelta]
    spans: list[SpanDelta] = Field(description="Of many pairs, those whose durations differ most")
    span_pairs: int
    frames: FrameDeltas
    frame_pairs: int
    only_one: OnlyIn
    only_other: OnlyIn
