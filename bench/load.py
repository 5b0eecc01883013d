# SPDX-License-Identifier: Apache-2.0
"""A load of telemetry as video pipelines give it, encoded beforehand so that making it costs nothing while it is sent.

A trace has two records, seven spans and 91 frame events with metrics, GPU and latent statistics: 100 items.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

ITEMS_OF_A_TRACE = 100
SPANS = ("LOAD", "TEXT_ENCODE", "SAMPLING", "DECODE", "POSTPROCESS", "OUTPUT_ENCODE", "GUARD")
FRAMES = ITEMS_OF_A_TRACE - len(SPANS) - 2


def bodies(count: int, traces_of_each: int, tenant: str) -> Iterator[bytes]:
    """Give bodies of batches, each of some whole traces."""
    numbers = random.Random(count)
    for _ in range(count):
        items = [item for _ in range(traces_of_each) for item in _trace(numbers, tenant)]
        envelope = {"schema_version": "0.08", "batch_id": _id(numbers), "sent_at": _text(datetime.now(UTC))}
        yield orjson.dumps(envelope | {"items": items})


def _trace(numbers: random.Random, tenant: str) -> Iterator[dict[str, Any]]:
    trace_id, begun = _id(numbers), datetime.now(UTC)
    record: dict[str, Any] = {
        "type": "trace",
        "schema_version": "0.08",
        "trace_id": trace_id,
        "tenant_id": tenant,
        "pipeline_config": {"model": "wan-2.1", "steps": 30, "guidance": 7.5, "width": 1280, "height": 720},
        "input_context": {"prompt_hash": f"{numbers.getrandbits(256):064x}", "seed": numbers.getrandbits(32)},
        "created_at": _text(begun),
        "tags": {"team": "bench", "stage": "load"},
    }
    yield record | {"status": "GENERATING"}
    spans = [_id(numbers) for _ in SPANS]
    for position, (span_id, kind) in enumerate(zip(spans, SPANS, strict=True)):
        yield {
            "type": "span",
            "schema_version": "0.08",
            "span_id": span_id,
            "trace_id": trace_id,
            "span_kind": f"SPAN_KIND_{kind}",
            "name": kind.lower(),
            "start_time": _text(begun + timedelta(seconds=position)),
            "end_time": _text(begun + timedelta(seconds=position + 1)),
            "duration_ms": 1000.0,
            "status": "OK",
            "attributes": {"gpu.model": "h100", "model.name": "wan-2.1", "custom.batch": 1, "ovpo.cached": False},
        }
    for index in range(FRAMES):
        yield {
            "type": "event",
            "schema_version": "0.08",
            "event_id": _id(numbers),
            "trace_id": trace_id,
            "span_id": spans[2],
            "event_type": "frame_generated",
            "observed_at": _text(begun + timedelta(milliseconds=40 * index)),
            "frame_index": index,
            "media_time_ms": index * 41.666,
            "latent_stats": {"mean": numbers.gauss(0, 1), "std_dev": numbers.random()},
            "quality_metrics": {
                "motion_score": numbers.random(),
                "temporal_consistency": numbers.random(),
                "clip_text_similarity": numbers.random(),
                "brightness_avg": numbers.random() * 255,
            },
            "gpu_metrics": {"vram_used_mb": 20_000.0 + index, "gpu_utilization_pct": 97.0},
        }
    yield record | {"status": "COMPLETED", "completed_at": _text(begun + timedelta(seconds=8))}


def _id(numbers: random.Random) -> str:
    return str(UUID(int=numbers.getrandbits(128), version=4))


def _text(moment: datetime) -> str:
    return moment.isoformat()
