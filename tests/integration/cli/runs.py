# SPDX-License-Identifier: Apache-2.0
"""Runs of a pipeline for the tests of the command: a good one, one that failed, one whose frames are wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.collector.batches import Item, event, new_id, span, trace

NOW = datetime.now(UTC)


def moment(ago: timedelta, seconds: float = 0.0) -> str:
    return (NOW - ago + timedelta(seconds=seconds)).isoformat()


def run(ago: timedelta, *, frames: list[int] | None = None, model: str = "wan-2.1", **changes: Any) -> list[Item]:
    """Give a trace of so long ago: it loads for 2 s, samples for 8 s, and tells of ten frames unless told otherwise."""
    trace_id, loading, sampling = new_id(), new_id(), new_id()
    attributes = {"model.name": model, "gpu.model": "h100"}
    stages = (
        ("SPAN_KIND_LOAD", "load", loading, 0, 2, None),
        ("SPAN_KIND_SAMPLING", "denoise", sampling, 2, 10, loading),
    )
    return [
        trace(
            trace_id,
            created_at=moment(ago),
            started_at=moment(ago),
            completed_at=moment(ago, 10),
            pipeline_config={"model": model},
            **changes,
        ),
        *(
            span(
                trace_id,
                span_id=span_id,
                span_kind=kind,
                name=name,
                start_time=moment(ago, start),
                end_time=moment(ago, end),
                status="OK",
                attributes=attributes,
                **({"parent_span_id": parent} if parent else {}),
            )
            for kind, name, span_id, start, end, parent in stages
        ),
        *(
            event(trace_id, index)
            | {"span_id": sampling, "observed_at": moment(ago, 2 + index / 2)}
            | {"quality_metrics": {"aesthetic_score": 5.0 + index / 10}}
            | {"gpu_metrics": {"vram_used_mb": 14_000.0 + 100 * index, "gpu_utilization_pct": 90.0}}
            for index in (range(10) if frames is None else frames)
        ),
    ]
