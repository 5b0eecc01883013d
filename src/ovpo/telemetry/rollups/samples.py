# SPDX-License-Identifier: Apache-2.0
"""What rows of these tables must look like, as suites, and the sample of raw frame events that one is held against."""

from typing import Final

import polars as pl
from clickhouse_connect.driver.client import Client

from ovpo.foundation.quality import Column, Suite
from ovpo.telemetry.contract.records import EventType, TraceStatus
from ovpo.telemetry.rollups.health import HEALTH
from ovpo.telemetry.rollups.window import MOMENT, Columns, Window

MOST_SAMPLED: Final = 5_000
FRAMES: Final = """
SELECT toString(event_id), toString(event_type), observed_at, received_at, seen_at, frame_index, media_time_ms,
       gpu_utilization_pct, temperature_c, vram_used_mb, motion_score, temporal_consistency, contrast_ratio,
       brightness_avg, edge_density, noise_estimate, clip_text_similarity, clip_image_similarity, aesthetic_score,
       artifact_score, nsfw_score
FROM frame_events WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
LIMIT 5 BY tenant_id, trace_id LIMIT {most:UInt32}
"""

_RANGES: Final[dict[str, tuple[float | None, float | None]]] = {
    "gpu_utilization_pct": (0, 100),
    "temperature_c": (0, 120),
    "vram_used_mb": (0, None),
    "motion_score": (0, None),
    "temporal_consistency": (0, 1),
    "contrast_ratio": (0, None),
    "brightness_avg": (0, 255),
    "edge_density": (0, 1),
    "noise_estimate": (0, None),
    "clip_text_similarity": (-1, 1),
    "clip_image_similarity": (-1, 1),
    "aesthetic_score": (0, 10),
    "artifact_score": (0, 1),
    "nsfw_score": (0, 1),
}
FRAME_SUITE: Final = Suite(
    "frame_events",
    (
        Column("event_id", pl.String),
        Column("event_type", pl.String, among=tuple(EventType)),
        Column("observed_at", MOMENT),
        Column("received_at", MOMENT),
        Column("seen_at", MOMENT),
        Column("frame_index", pl.Int64, least=0),
        Column("media_time_ms", pl.Float64, least=0),
        *(
            Column(name, pl.Float64, may_be_null=True, least=least, most=most)
            for name, (least, most) in _RANGES.items()
        ),
    ),
)
FRAME_COLUMNS: Final[Columns] = {column.name: column.type for column in FRAME_SUITE.columns}

_COUNTS: Final = (
    "spans",
    "unknown_spans",
    "frame_events",
    "frames",
    "expected_frames",
    "gaps",
    "dropped_events",
    "findings",
    "refused",
)
_MAY_BE_NULL: Final = frozenset(
    {"status", "model", "frames_part", "order_part", "newest_at", "settled_at", "lag_seconds"}
)


def _health_column(name: str, of_type: pl.DataType | type[pl.DataType]) -> Column:
    may_be_null = name in _MAY_BE_NULL
    if name == "status":
        return Column(name, of_type, may_be_null=may_be_null, among=tuple(TraceStatus))
    if name == "completeness" or name.endswith("_part"):
        return Column(name, of_type, may_be_null=may_be_null, least=0, most=100)
    least = 0.0 if name in _COUNTS or name == "lag_seconds" else None
    return Column(name, of_type, may_be_null=may_be_null, least=least)


HEALTH_SUITE: Final = Suite("traces_health", tuple(_health_column(name, of_type) for name, of_type in HEALTH.items()))


def frame_sample(client: Client, window: Window) -> pl.DataFrame:
    """Read some raw frame events of a window: at most five of a trace."""
    rows = client.query(FRAMES, {**window.utc, "most": MOST_SAMPLED}).result_rows
    return pl.DataFrame(rows, schema=FRAME_COLUMNS, orient="row")
