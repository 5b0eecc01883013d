# SPDX-License-Identifier: Apache-2.0
"""The bodies of the analytics' answers, as OpenAPI shows them, and how they are made from what was found."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from ovpo.telemetry.analytics import costs, facts, quality
from ovpo.telemetry.analytics.questions import Bucket, GroupBy, QualityMetric, Window
from ovpo.telemetry.contract.records import FailureKind, SpanKind, TraceStatus
from ovpo.telemetry.processor.hardware import Hardware

_KIND = SpanKind.SAMPLING.value
_TRACE = "5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"


class Answer(BaseModel):
    """What every answer over a window says."""

    start_date: datetime = Field(description="First moment of the window")
    end_date: datetime = Field(description="End of the window, which is not in it")
    as_of: datetime = Field(description="When it was counted; what came within the last seconds may not be settled yet")
    traces: int = Field(description="How many traces it covers", examples=[1200])


class KindOfSpan(BaseModel):
    """What the spans of one kind took, in milliseconds."""

    span_kind: str = Field(examples=[_KIND])
    model: str | None = Field(
        description="The model, with group_by=model; empty where none is known", examples=["wan-2.1"]
    )
    traces: int = Field(description="Traces with such a span", examples=[1180])
    count: int = Field(description="Spans", examples=[1200])
    errors: int = Field(description="Of them with the status ERROR", examples=[3])
    share: float = Field(description="Part of the time of all spans of the window, 0 to 1", examples=[0.71])
    total_ms: float = Field(examples=[9_840_000.0])
    avg_ms: float = Field(examples=[8200.0])
    p50_ms: float = Field(description="Percentiles are interpolated between values", examples=[8100.0])
    p95_ms: float = Field(examples=[9950.0])
    p99_ms: float = Field(examples=[12_400.0])
    max_ms: float = Field(examples=[15_020.5])


class BottlenecksAnswer(Answer):
    """Where the time goes: the kinds of spans, those that took most first."""

    traces_without_spans: int = Field(
        description="Of the traces: without a span, or not settled since OVPO keeps this", examples=[20]
    )
    group_by: GroupBy | None
    kinds: list[KindOfSpan]
    more: bool = Field(description="There are further rows, each of which took less time")

    @classmethod
    def of(cls, found: facts.Bottlenecks, group_by: GroupBy | None, window: Window, as_of: datetime) -> Self:
        """Make the answer."""
        return cls(
            start_date=window.start,
            end_date=window.end,
            as_of=as_of,
            traces=found.traces,
            traces_without_spans=found.traces_without_spans,
            group_by=group_by,
            kinds=[
                KindOfSpan(
                    span_kind=row.kind,
                    model=row.model,
                    traces=row.traces,
                    count=row.spans,
                    errors=row.errors,
                    share=row.share,
                    total_ms=row.total_ms,
                    avg_ms=row.mean_ms,
                    p50_ms=row.p50_ms,
                    p95_ms=row.p95_ms,
                    p99_ms=row.p99_ms,
                    max_ms=row.max_ms,
                )
                for row in found.kinds
            ],
            more=found.more,
        )


class SpanCost(BaseModel):
    """What one span costs."""

    span_id: str = Field(examples=["1c0a6a52-8a3e-4a0c-9a54-0d6f9f3c2b11"])
    name: str = Field(examples=["denoise"])
    span_kind: str = Field(examples=[_KIND])
    duration_ms: float = Field(examples=[8200.0])
    devices: float = Field(description="Its `gpu.count`, at least 1", examples=[1.0])
    hardware: str | None = Field(description="Its `gpu.model`, else its tenant's hardware", examples=["h100"])
    hardware_known: bool = Field(description="False where the profile does not name the hardware, and takes `other`")
    units: float = Field(examples=[32.8])


class KindCost(BaseModel):
    """What the spans of one kind of a trace cost."""

    span_kind: str = Field(examples=[_KIND])
    spans: int = Field(examples=[1])
    duration_ms: float = Field(examples=[8200.0])
    units: float = Field(examples=[32.8])


class UnknownHardware(BaseModel):
    """A span on hardware that the profile does not name."""

    span_id: str = Field(examples=["1c0a6a52-8a3e-4a0c-9a54-0d6f9f3c2b11"])
    hardware: str = Field(description="At most 64 characters of it", examples=["b200"])


class TraceCost(BaseModel):
    """What one trace costs; the sums are of all of its spans, however many are listed."""

    trace_id: str = Field(examples=[_TRACE])
    units: float = Field(examples=[34.1])
    span_count: int = Field(examples=[4])
    kinds: list[KindCost]
    spans: list[SpanCost] = Field(description="The most expensive first")
    spans_omitted: int = Field(description="Spans that are counted and not listed", examples=[0])
    unknown_hardware_spans: int = Field(description="Spans on hardware that the profile does not name", examples=[0])
    unknown_hardware: list[UnknownHardware] = Field(description="The 20 most expensive of them")


class CostsAnswer(BaseModel):
    """What traces cost in compute units: seconds times devices times the factor of their hardware."""

    as_of: datetime
    currency: None = Field(None, description="Always null: a unit has no price in money")
    pricing_profile: str = Field(examples=["default"])
    factors_version: str = Field(description="Version of the profile's factors", examples=["2026-11"])
    total_units: float = Field(description="Of all traces that were found", examples=[34.1])
    traces_found: int = Field(description="How many traces it covers", examples=[1])
    spans_listed_per_trace: int = Field(
        description="Most spans listed of a trace: 1000, or an equal part of 20 000 where that is less", examples=[1000]
    )
    not_found: list[str] = Field(description="Ids of which your tenant has no trace", examples=[[]])
    traces: list[TraceCost] = Field(description="In the order in which they were named")

    @classmethod
    def of(cls, found: costs.Costs, name: str, profile: Hardware, as_of: datetime) -> Self:
        """Make the answer."""
        return cls(
            as_of=as_of,
            pricing_profile=name,
            factors_version=profile.version,
            total_units=sum(trace.units for trace in found.traces),
            traces_found=len(found.traces),
            spans_listed_per_trace=costs.listed(len(found.traces) + len(found.not_found)),
            not_found=list(found.not_found),
            traces=[_cost(trace) for trace in found.traces],
        )


class QualityBucket(BaseModel):
    """The metric in one hour or day."""

    start: datetime
    traces: int = Field(examples=[40])
    values: int = Field(description="Frame events that have the metric", examples=[1920])
    mean: float | None = Field(description="Null where the values are too large to be added up", examples=[6.2])


class ChangePoint(BaseModel):
    """Where the level of the metric changed for good."""

    at: datetime = Field(description="Start of the first bucket of the new level")
    before: float = Field(description="Mean from the change before it, or the start", examples=[6.2])
    after: float = Field(description="Mean up to the change after it, or the end", examples=[4.9])
    difference: float = Field(description="After less before", examples=[-1.3])


class QualityAnswer(Answer):
    """A quality metric over time. The window is widened to whole hours, by which frames are kept."""

    metric: QualityMetric
    bucket: Bucket
    values: int = Field(description="Frame events that have the metric", examples=[57_600])
    mean: float | None = Field(description="Over all values; null where there is none", examples=[5.6])
    buckets: list[QualityBucket] = Field(description="In order of time; one without a value is left out")
    change_points: list[ChangePoint] = Field(description="In order of time; found in windows of 10 buckets and more")

    @classmethod
    def of(cls, found: quality.Trend, metric: QualityMetric, bucket: Bucket, window: Window, as_of: datetime) -> Self:
        """Make the answer."""
        return cls(
            start_date=window.start,
            end_date=window.end,
            as_of=as_of,
            traces=found.traces,
            metric=metric,
            bucket=bucket,
            values=found.values,
            mean=found.mean,
            buckets=[
                QualityBucket(start=row.start, traces=row.traces, values=row.values, mean=row.mean)
                for row in found.buckets
            ],
            change_points=[
                ChangePoint(at=row.at, before=row.before, after=row.after, difference=row.difference)
                for row in found.shifts
            ],
        )


class Flow(BaseModel):
    """How many traces there were, how they ended, and what they made and took."""

    traces: int = Field(examples=[40])
    by_status: dict[TraceStatus, int] = Field(examples=[{"COMPLETED": 38, "FAILED": 2}])
    orphans: int = Field(description="Traces whose own record did not come yet", examples=[0])
    by_failure: dict[FailureKind, int] = Field(examples=[{"oom": 2}])
    spans: int = Field(examples=[160])
    frames: int = Field(description="Distinct frames that were observed", examples=[1920])
    frame_events: int = Field(examples=[1920])
    units: float = Field(description="Compute units", examples=[1312.0])
    p50_total_ms: float | None = Field(description="Of the traces whose duration is known", examples=[9100.0])
    p95_total_ms: float | None = Field(examples=[12_400.0])


class FlowBucket(Flow):
    """The traces of one hour or day."""

    start: datetime


class ThroughputAnswer(Answer):
    """The traces of a window by the hour or day of their creation; an orphan's is that of its first sight."""

    bucket: Bucket
    total: Flow
    buckets: list[FlowBucket] = Field(description="In order of time; one without a trace is left out")

    @classmethod
    def of(
        cls, whole: facts.Flow, buckets: Sequence[facts.Flow], bucket: Bucket, window: Window, as_of: datetime
    ) -> Self:
        """Make the answer."""
        return cls(
            start_date=window.start,
            end_date=window.end,
            as_of=as_of,
            traces=whole.traces,
            bucket=bucket,
            total=_flow(whole),
            buckets=[FlowBucket(start=flow.start, **_flow(flow).model_dump()) for flow in buckets],
        )


def _flow(flow: facts.Flow) -> Flow:
    return Flow(
        traces=flow.traces,
        by_status={TraceStatus(name): count for name, count in flow.by_status.items()},
        orphans=flow.orphans,
        by_failure={FailureKind(name): count for name, count in flow.by_failure.items()},
        spans=flow.spans,
        frames=flow.frames,
        frame_events=flow.frame_events,
        units=flow.compute_units,
        p50_total_ms=flow.p50_ms,
        p95_total_ms=flow.p95_ms,
    )


def _cost(trace: costs.TraceCost) -> TraceCost:
    return TraceCost(
        trace_id=trace.trace_id,
        units=trace.units,
        span_count=trace.span_count,
        kinds=[
            KindCost(span_kind=kind.kind, spans=kind.spans, duration_ms=kind.ms, units=kind.units)
            for kind in trace.kinds
        ],
        spans=[
            SpanCost(
                span_id=span.span_id,
                name=span.name,
                span_kind=span.kind,
                duration_ms=span.ms,
                devices=span.devices,
                hardware=span.hardware,
                hardware_known=span.hardware_known,
                units=span.units,
            )
            for span in trace.spans
        ],
        spans_omitted=trace.span_count - len(trace.spans),
        unknown_hardware_spans=trace.unknown_spans,
        unknown_hardware=[UnknownHardware(span_id=one.span_id, hardware=one.hardware) for one in trace.unknown],
    )
