# SPDX-License-Identifier: Apache-2.0
"""The summary of a trace: from what its spans and frame events add up to, to the rows that the stores keep. Pure."""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from ovpo.telemetry.contract.frames import Finding, FrameRule
from ovpo.telemetry.contract.lifecycle import may_be_marked_partial
from ovpo.telemetry.contract.records import TraceStatus
from ovpo.telemetry.live import Change
from ovpo.telemetry.processor.hardware import Hardware
from ovpo.telemetry.processor.reading import TraceKey

FINDINGS_SHOWN: Final = 20
ROWS_PER_PAUSE_SECOND: Final = 20_000
SHORTEST_PAUSE_SECONDS: Final = 1.0
_KIND_COLUMNS: Final = ("kinds.kind", "kinds.spans", "kinds.errors", "kinds.ms", "kinds.durations")
FACTS: Final = (
    "tenant_id",
    "trace_id",
    "seen_at",
    "settled_at",
    "created_at",
    "status",
    "failure_kind",
    "model",
    "project",
    "center",
    "campaign",
    "spans",
    "span_errors",
    "total_ms",
    "compute_units",
    "units",
    "factors_version",
    "frame_events",
    "frames",
    "findings",
    *_KIND_COLUMNS,
    "tags",
)


class Unsettled(Struct, frozen=True):
    """A trace that is to be settled, as its row and its mark tell of it; `settled_at` is the database's clock."""

    tenant_id: str
    trace_id: str
    revision: int
    seen_at: datetime
    settled_at: datetime
    reported_status: str | None
    created_at: datetime | None
    failure_kind: str | None
    configured_model: str | None
    project: str | None
    center: str | None
    campaign: str | None
    reported_ms: Any
    tags: dict[str, str] | None

    @property
    def key(self) -> TraceKey:
        """Whose trace it is."""
        return self.tenant_id, self.trace_id


class SpanTotals(Struct, frozen=True):
    """What the spans of a trace add up to."""

    spans: int
    errors: int
    units: float
    unknown_hardware: int
    model: str | None
    extent_ms: Any
    milliseconds: dict[str, float]
    units_by_kind: dict[str, float]
    kinds: list[tuple[str, int, int, float, list[float]]]
    """Of each kind: its name, spans, errors, milliseconds, durations."""

    @classmethod
    def nothing(cls) -> "SpanTotals":
        """Give the totals of no span."""
        return cls(0, 0, 0.0, 0, None, None, {}, {}, [])


class FrameTotals(Struct, frozen=True):
    """What the frame events of a trace add up to; the three samples are of the three rules, in their order."""

    events: int
    frames: int
    errors: int
    first_frame: int
    last_frame: int
    last_media_ms: float
    peak_vram_mb: float | None
    mean_gpu_pct: float | None
    findings: int
    index_stays: list[tuple[str, int, str]]
    media_falls: list[tuple[str, int, str]]
    clock_back: list[tuple[str, int, str]]
    span_ids: list[str]

    def sample(self) -> list[Finding]:
        """Give some of the findings, by frame."""
        by_rule = zip(FrameRule, (self.index_stays, self.media_falls, self.clock_back), strict=True)
        found = [Finding(rule, *one) for rule, sample in by_rule for one in sample]
        return sorted(found, key=lambda finding: finding.frame_index)[:FINDINGS_SHOWN]


class Summary(Struct, frozen=True):
    """What follows from all that is known of a trace."""

    trace: Unsettled
    spans: SpanTotals
    frames: FrameTotals | None
    unknown_spans: int
    model: str | None
    status: str | None
    factors_version: str

    @property
    def tenant_id(self) -> str:
        """Whose trace it is."""
        return self.trace.tenant_id

    @property
    def trace_id(self) -> str:
        """Which trace it is."""
        return self.trace.trace_id

    @property
    def settled_at(self) -> datetime:
        """When, by the database's clock."""
        return self.trace.settled_at

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the trace is counted again, should it go on growing."""
        rows = self.spans.spans + (self.frames.events if self.frames else 0)
        return max(SHORTEST_PAUSE_SECONDS, rows / ROWS_PER_PAUSE_SECOND)

    @property
    def total_ms(self) -> float | None:
        """How long the trace took: as its record says, else from its first span's start to its last one's end."""
        known = self.trace.reported_ms if self.trace.reported_ms is not None else self.spans.extent_ms
        return None if known is None else float(known)

    def change(self) -> Change:
        """Give what those who look on are told."""
        frames = self.frames
        return Change(
            trace_id=self.trace_id,
            status=self.status,
            model=self.model,
            created_at=self.trace.created_at,
            total_ms=self.total_ms,
            spans=self.spans.spans,
            frames=frames.frames if frames else 0,
            violations=frames.findings if frames else 0,
            compute_units=self.spans.units,
            settled_at=self.settled_at,
        )

    def row(self) -> dict[str, Any]:
        """Give what PostgreSQL keeps."""
        frames = self.frames
        return {
            "tenant_id": self.tenant_id,
            "trace_id": self.trace_id,
            "settled_at": self.settled_at,
            "model": self.model,
            "spans": self.spans.spans,
            "span_errors": self.spans.errors,
            "milliseconds": self.spans.milliseconds,
            "total_ms": self.total_ms,
            "compute_units": self.spans.units,
            "units": self.spans.units_by_kind,
            "factors_version": self.factors_version,
            "unknown_hardware": self.spans.unknown_hardware,
            "frame_events": frames.events if frames else 0,
            "frames": frames.frames if frames else 0,
            "frame_errors": frames.errors if frames else 0,
            "first_frame": frames.first_frame if frames else None,
            "last_frame": frames.last_frame if frames else None,
            "last_media_ms": frames.last_media_ms if frames else None,
            "peak_vram_mb": frames.peak_vram_mb if frames else None,
            "mean_gpu_pct": frames.mean_gpu_pct if frames else None,
            "unknown_spans": self.unknown_spans,
            "finding_sample": frames.sample() if frames else [],
            "findings": frames.findings if frames else 0,
        }

    def fact(self) -> tuple[Any, ...]:
        """Give what ClickHouse keeps, in the order of `FACTS`."""
        trace, spans, frames = self.trace, self.spans, self.frames
        return (
            trace.tenant_id,
            trace.trace_id,
            trace.seen_at,
            trace.settled_at,
            trace.created_at,
            self.status,
            trace.failure_kind,
            self.model or "",
            trace.project or "",
            trace.center or "",
            trace.campaign or "",
            spans.spans,
            spans.errors,
            self.total_ms,
            spans.units,
            spans.units_by_kind,
            self.factors_version,
            frames.events if frames else 0,
            frames.frames if frames else 0,
            frames.findings if frames else 0,
            *([kind[column] for kind in spans.kinds] for column in range(len(_KIND_COLUMNS))),
            trace.tags or {},
        )


def summarise(
    trace: Unsettled, spans: SpanTotals, frames: FrameTotals | None, unknown_spans: int, hardware: Hardware
) -> Summary:
    """Put together what is known of a trace; the server marks it PARTIAL where a frame invariant is broken."""
    status = trace.reported_status
    if status is not None and frames and frames.findings and may_be_marked_partial(TraceStatus(status)):
        status = TraceStatus.PARTIAL.value
    model = spans.model or trace.configured_model
    return Summary(trace, spans, frames, unknown_spans, model, status, hardware.version)
