# SPDX-License-Identifier: Apache-2.0
"""How fast a batch is read: parse, schemas, rules and typed records, by kind and size, and what a span's parts cost.

Each number is the median of several rounds, the rows taken in turn so that a busy moment hits all of them alike.
"""

import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
from rich.console import Console
from rich.table import Table

from ovpo.telemetry.contract.canonical import canonical
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.records import Span
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.contract.validators import validators

ROUNDS = 41
SIZES = (100, 1_000)
READER = Reader(tenant_id="demo")
Row = tuple[str, int, Callable[[], object]]


def main() -> None:
    """Measure and print one table."""
    rows = [*_batches(), *_parts(500)]
    taken: dict[str, list[float]] = {name: [] for name, _, _ in rows}
    for _ in range(ROUNDS):
        for name, count, work in rows:
            begun = time.perf_counter()
            work()
            taken[name].append((time.perf_counter() - begun) / count * 1e6)
    table = Table(title="Reading a batch", box=None, header_style="bold")
    for heading in ("what", "median µs per item", "best", "items per second"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name, times in taken.items():
        median = statistics.median(times)
        table.add_row(name, f"{median:.2f}", f"{min(times):.2f}", f"{1e6 / median:,.0f}")
    Console().print(table)


def _batches() -> list[Row]:
    kinds = {"spans": _span, "full frame events": _event, "traces": _trace}
    rows: list[Row] = []
    for size in SIZES:
        for name, make in kinds.items():
            rows.append((f"{size} {name}", size, _reading(_body([make() for _ in range(size)]))))
    faulty = [{**_span(), "trace_id": "x"} for _ in range(100)]
    rows.append(("100 spans, all refused", 100, _reading(_body(faulty))))
    return rows


def _reading(body: bytes) -> Callable[[], object]:
    return lambda: read_batch(body, READER)


def _parts(count: int) -> list[Row]:
    spans = [_span() for _ in range(count)]
    body, validator = _body(spans), validators().items["span"]
    return [
        ("  of a span: JSON to values", count, lambda: orjson.loads(body)),
        ("  of a span: schema", count, lambda: [validator.is_valid(span) for span in spans]),
        ("  of a span: canonical bytes", count, lambda: [canonical(span) for span in spans]),
        ("  of a span: typed record", count, lambda: [msgspec.convert(span, Span) for span in spans]),
    ]


def _body(items: list[dict[str, Any]]) -> bytes:
    head = {"schema_version": "0.08", "batch_id": str(uuid.uuid4()), "sent_at": "2026-11-21T10:00:10Z"}
    return orjson.dumps({**head, "items": items})


def _span() -> dict[str, Any]:
    return {
        "type": "span",
        "schema_version": "0.08",
        "span_id": str(uuid.uuid4()),
        "trace_id": str(uuid.uuid4()),
        "parent_span_id": str(uuid.uuid4()),
        "span_kind": "SPAN_KIND_SAMPLING",
        "name": "sampling",
        "start_time": "2026-11-21T10:00:01.123456Z",
        "end_time": "2026-11-21T10:00:05.5Z",
        "duration_ms": 4376.544,
        "status": "OK",
        "attributes": {
            "gpu.device": "h100",
            "gpu.vram_mb": 40231,
            "model.name": "example-video-1",
            "ovpo.steps": 30,
            "custom.cfg": 7.5,
        },
    }


def _event() -> dict[str, Any]:
    return {
        "type": "event",
        "schema_version": "0.08",
        "event_id": str(uuid.uuid4()),
        "trace_id": str(uuid.uuid4()),
        "span_id": str(uuid.uuid4()),
        "event_type": "frame_generated",
        "observed_at": "2026-11-21T10:00:02.25Z",
        "frame_index": 12,
        "media_time_ms": 500.5,
        "step_index": 30,
        "latent_stats": {"mean": -0.02, "std_dev": 0.98, "nan_count": 0},
        "quality_metrics": {"motion_score": 0.4, "temporal_consistency": 0.93, "clip_text_similarity": 0.31},
        "gpu_metrics": {"vram_used_mb": 40231, "gpu_utilization_pct": 97.5, "temperature_c": 71},
        "provenance": {"source": "sdk", "source_version": "0.1.0"},
    }


def _trace() -> dict[str, Any]:
    return {
        "type": "trace",
        "schema_version": "0.08",
        "trace_id": str(uuid.uuid4()),
        "tenant_id": "demo",
        "status": "GENERATING",
        "pipeline_config": {"model": "example-video-1", "steps": 30, "sampler": {"name": "euler", "cfg": 7.5}},
        "input_context": {"prompt_hash": "ab" * 32, "prompt_length": 30, "seed": 7},
        "tags": {"env": "staging"},
        "created_at": "2026-11-21T10:00:00Z",
    }


if __name__ == "__main__":
    main()
