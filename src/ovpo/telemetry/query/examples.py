# SPDX-License-Identifier: Apache-2.0
"""Answers of the trace routes as OpenAPI shows them: one example of each, which a test holds against its schema."""

from typing import Any, Final

from pydantic import BaseModel

_ONE: Final = "1243f7dc-6290-4b1d-bf6f-d5231213dfe7"
_OTHER: Final = "4e252a71-fc7b-43d1-a14a-a66864728f25"
_LOAD: Final = "f4dc9b64-3c83-4fa4-9025-a09eeefefc04"
_SAMPLING: Final = "70f31b2a-7c2d-42e0-9d78-c24ef05dc759"
_OTHERS_SAMPLING: Final = "a2ba54cb-57a0-4f1e-88f7-57b2f422191d"
_EVENT: Final = "22e3f46c-9d47-4fad-81db-518c2ec44e4c"
_NOON: Final = "2026-11-21T12:00:00Z"
_SETTLED: Final = "2026-11-21T12:00:11.865850Z"
_ON_CARD: Final = {"gpu.model": "h100", "model.name": "wan-2.1"}
_OUTPUT: Final = {
    "url": "s3://renders/acme/clip.mp4",
    "format": "mp4",
    "checksum": f"sha256:{'ab' * 32}",
    "resolution": "1280x720",
    "duration_sec": 4.0,
}


def _delta(one: float, other: float) -> dict[str, float]:
    return {"one": one, "other": other, "difference": other - one}


TRACE_PAGE: Final = {
    "traces": [
        {
            "trace_id": _ONE,
            "status": "COMPLETED",
            "failure_kind": None,
            "model": "wan-2.1",
            "project": "trailer",
            "tags": {"team": "studio", "shot": "12"},
            "span_kinds": ["SPAN_KIND_LOAD", "SPAN_KIND_SAMPLING"],
            "spans": 2,
            "span_errors": 0,
            "frames": 96,
            "violations": 0,
            "total_ms": 10_000.0,
            "compute_units": 40.0,
            "peak_vram_mb": 21_503.0,
            "created_at": _NOON,
            "started_at": _NOON,
            "completed_at": "2026-11-21T12:00:10Z",
            "updated_at": _SETTLED,
        }
    ],
    "has_more": True,
    "next_cursor": "eyJsYXN0X3RpbWVzdGFtcCI6IjIwMjYtMTEtMjFUMTI6MDA6MDBaIiwi…",
}
TRACE: Final = {
    "trace": {
        "trace_id": _ONE,
        "status": "COMPLETED",
        "reported_status": "COMPLETED",
        "parent_trace_id": None,
        "user_id_hash": None,
        "pipeline_config": {"model": "wan-2.1", "steps": 30},
        "pipeline_config_ref": None,
        "input_context": {"prompt_hash": "9f" * 32, "prompt_length": 212, "seed": 7},
        "output_manifest": {"primary_output": _OUTPUT},
        "cost_attribution": {"project": "trailer", "center": "R-204"},
        "failure": None,
        "retry_count": 0,
        "tags": {"team": "studio", "shot": "12"},
        "legal_hold": False,
        "created_at": _NOON,
        "started_at": _NOON,
        "completed_at": "2026-11-21T12:00:10Z",
        "seen_at": "2026-11-21T12:00:01.052333Z",
        "updated_at": _SETTLED,
    },
    "spans": [
        {
            "span_id": _LOAD,
            "parent_span_id": None,
            "span_kind": "SPAN_KIND_LOAD",
            "name": "load weights",
            "status": "OK",
            "start_time": _NOON,
            "end_time": "2026-11-21T12:00:02Z",
            "duration_ms": 2_000.0,
            "attributes": _ON_CARD,
        },
        {
            "span_id": _SAMPLING,
            "parent_span_id": _LOAD,
            "span_kind": "SPAN_KIND_SAMPLING",
            "name": "denoise",
            "status": "OK",
            "start_time": "2026-11-21T12:00:02Z",
            "end_time": "2026-11-21T12:00:10Z",
            "duration_ms": 8_000.0,
            "attributes": _ON_CARD,
        },
    ],
    "spans_cut": False,
    "events": [
        {
            "event_id": _EVENT,
            "span_id": _SAMPLING,
            "event_type": "frame_generated",
            "observed_at": "2026-11-21T12:00:03.000000Z",
            "frame_index": 0,
            "media_time_ms": 0.0,
            "quality_metrics": {"temporal_consistency": 0.97, "aesthetic_score": 6.1},
            "gpu_metrics": {"vram_used_mb": 21_400.0, "gpu_utilization_pct": 98.0},
        }
    ],
    "events_cut": True,
    "summary": {
        "settled_at": _SETTLED,
        "model": "wan-2.1",
        "total_ms": 10_000.0,
        "spans": 2,
        "span_errors": 0,
        "by_kind": [
            {"span_kind": "SPAN_KIND_SAMPLING", "milliseconds": 8_000.0, "share": 0.8, "compute_units": 32.0},
            {"span_kind": "SPAN_KIND_LOAD", "milliseconds": 2_000.0, "share": 0.2, "compute_units": 8.0},
        ],
        "compute_units": 40.0,
        "factors_version": "2026-11",
        "unknown_hardware": 0,
        "frames_observed": 96,
        "frame_events": 96,
        "frame_errors": 0,
        "observed_sampling_rate": 0.96,
        "media_ms": 3_960.0,
        "peak_vram_mb": 21_503.0,
        "mean_gpu_pct": 97.2,
    },
    "completeness": {
        "completeness": 99.0,
        "record_part": 100.0,
        "spans_part": 100.0,
        "frames_part": 96.0,
        "order_part": 100.0,
        "expected_frames": 100,
        "seen_frames": 96,
        "missing_frames": 4,
        "gaps": [{"first": 40, "last": 43}],
        "dropped_events": 4,
        "orphan": False,
        "unknown_spans": 0,
        "violations": 0,
        "finding_sample": [],
        "refused": [],
    },
}
TIMELINE: Final = {
    "trace_id": _ONE,
    "matched": 4,
    "from_ms": 0.0,
    "to_ms": 120.0,
    "points": 2,
    "resolution": "buckets",
    "frame_index": [0, 2],
    "media_time_ms": [0.0, 80.0],
    "observed_at": ["2026-11-21T12:00:03.000000Z", "2026-11-21T12:00:03.200000Z"],
    "event_type": None,
    "frames": [2, 2],
    "errors": [0, 0],
    "metrics": {"temporal_consistency": {"mean": [0.97, 0.955], "min": [0.96, 0.95], "max": [0.98, 0.96]}},
}
COMPARISON: Final = {
    "one": _ONE,
    "other": _OTHER,
    "spans_cut": False,
    "frames_cut": False,
    "compared_to_ms": None,
    "total_ms": _delta(10_000.0, 9_000.0),
    "units": _delta(40.0, 36.0),
    "peak_vram_mb": _delta(21_503.0, 20_100.0),
    "quality": {"aesthetic_score": _delta(6.0, 5.5)},
    "kinds": [
        {
            "kind": "SPAN_KIND_SAMPLING",
            "spans": _delta(1, 1),
            "duration_ms": _delta(8_000.0, 7_000.0),
            "units": _delta(32.0, 28.0),
        }
    ],
    "spans": [
        {
            "kind": "SPAN_KIND_SAMPLING",
            "name": "denoise",
            "one": _SAMPLING,
            "other": _OTHERS_SAMPLING,
            "duration_ms": _delta(8_000.0, 7_000.0),
            "units": _delta(32.0, 28.0),
            "attributes": {"model.name": ["wan-2.1", "wan-2.2"]},
        }
    ],
    "span_pairs": 1,
    "frames": {
        "media_time_ms": [0.0, 40.0],
        "one": [0, 1],
        "other": [0, 1],
        "vram_used_mb": [-1_400.0, -1_403.0],
        "quality": {"aesthetic_score": [-0.5, None]},
    },
    "frame_pairs": 2,
    "only_one": {"spans": [], "span_count": 0, "frame_ranges": [[2, 95]], "frame_count": 94},
    "only_other": {"spans": [], "span_count": 0, "frame_ranges": [], "frame_count": 0},
}


def shown(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """Describe an answer by its model, with an example of the whole."""
    return {"model": model, "content": {"application/json": {"example": example}}}
