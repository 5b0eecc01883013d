# SPDX-License-Identifier: Apache-2.0
"""The whole answer about one trace, put together from what both stores know of it. Pure."""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from ovpo.telemetry.query.events import Frames
from ovpo.telemetry.query.trace import Known
from ovpo.telemetry.rollups.completeness import with_completeness

_OF_THE_TRACE: Final = (
    "trace_id",
    "status",
    "reported_status",
    "parent_trace_id",
    "user_id_hash",
    "pipeline_config",
    "pipeline_config_ref",
    "input_context",
    "output_manifest",
    "cost_attribution",
    "failure",
    "retry_count",
    "tags",
    "legal_hold",
    "created_at",
    "started_at",
    "completed_at",
    "seen_at",
    "updated_at",
)
_LAST_COUNTED: Final = 10**12
_PARTS: Final = ("completeness", "record_part", "spans_part", "frames_part", "order_part")


@dataclass(frozen=True, slots=True)
class Counted:
    """A trace, and how complete it is, where all its events are of samples or where they are not."""

    known: Known
    only_sampled: bool
    counts: dict[str, Any]


def detail(counted: Counted, frames: Frames) -> dict[str, Any]:
    """Give the answer; what was counted holds unless the events turn out to be of samples alone."""
    known = counted.known
    if counted.only_sampled != frames.only_sampled:
        counted = count(known, only_sampled=frames.only_sampled)
    return {
        "trace": {name: known.trace[name] for name in _OF_THE_TRACE},
        "spans": known.spans,
        "spans_cut": known.spans_cut,
        "events": frames.events,
        "events_cut": frames.cut,
        "summary": summary(known),
        "completeness": completeness(counted, frames),
    }


def summary(known: Known) -> dict[str, Any] | None:
    """Say what the trace adds up to; None until it was settled for the first time."""
    found = known.summary
    if found is None:
        return None
    whole = sum(found["milliseconds"].values())
    return {
        "settled_at": found["settled_at"],
        "model": found["model"],
        "total_ms": found["total_ms"],
        "spans": found["spans"],
        "span_errors": found["span_errors"],
        "by_kind": [
            {
                "span_kind": kind,
                "milliseconds": milliseconds,
                "share": milliseconds / whole if whole else 0.0,
                "compute_units": found["units"].get(kind, 0.0),
            }
            for kind, milliseconds in sorted(found["milliseconds"].items(), key=lambda one: (-one[1], one[0]))
        ],
        "compute_units": found["compute_units"],
        "factors_version": found["factors_version"],
        "unknown_hardware": found["unknown_hardware"],
        "frames_observed": found["frames"],
        "frame_events": found["frame_events"],
        "frame_errors": found["frame_errors"],
        "observed_sampling_rate": _rate(found["frames"], found["last_frame"]),
        "media_ms": found["last_media_ms"],
        "peak_vram_mb": found["peak_vram_mb"],
        "mean_gpu_pct": found["mean_gpu_pct"],
    }


def count(known: Known, *, only_sampled: bool) -> Counted:
    """Count how much of the trace came, by the rules of the health table."""
    found = known.summary or {}
    last_frame = found.get("last_frame")
    row = {
        "orphan": known.trace["reported_status"] is None,
        "spans": found.get("spans", len(known.spans)),
        "unknown_spans": found.get("unknown_spans", 0),
        "frames": found.get("frames", 0),
        "frame_events": found.get("frame_events", 0),
        "last_frame": None if last_frame is None else min(last_frame, _LAST_COUNTED),
        "only_sampled": only_sampled,
        "dropped_events": known.dropped_events,
        "findings": known.trace["findings"],
    }
    [counts] = with_completeness(pl.DataFrame([row], schema_overrides={"last_frame": pl.Int64})).to_dicts()
    return Counted(known, only_sampled, counts)


def completeness(counted: Counted, frames: Frames) -> dict[str, Any]:
    """Say how much of the trace came, in the words of the health table."""
    known, row = counted.known, counted.counts
    gaps = [] if frames.only_sampled else frames.gaps
    return {
        **{name: row[name] for name in _PARTS},
        "expected_frames": row["expected_frames"],
        "seen_frames": row["frames"],
        "missing_frames": row["gaps"],
        "gaps": [{"first": first, "last": last} for first, last in gaps],
        "dropped_events": known.dropped_events,
        "orphan": row["orphan"],
        "unknown_spans": row["unknown_spans"],
        "violations": known.trace["findings"],
        "finding_sample": (known.summary or {}).get("finding_sample", []),
        "refused": known.refused,
    }


def _rate(frames: int, last_frame: int | None) -> float | None:
    return None if last_frame is None else min(1.0, frames / (last_frame + 1))
