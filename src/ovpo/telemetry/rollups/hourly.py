# SPDX-License-Identifier: Apache-2.0
"""The hourly table: what the traces that were first heard of in an hour add up to, by tenant and model.

Counted from the facts of settled traces, of which only the newest counts, so an event that came twice counts once.
"""

from datetime import datetime
from typing import Final

import polars as pl
from clickhouse_connect.driver.client import Client

from ovpo.telemetry.rollups.window import MOMENT, Columns, Window

STATUSES: Final = ("pending", "generating", "completed", "failed", "cancelled", "timeout", "partial")
HOURLY: Final = """
WITH
    facts AS (
        SELECT * FROM trace_facts WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
        ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id
    ),
    errors AS (
        SELECT tenant_id, trace_id, sum(frame_errors) AS frame_errors FROM (
            SELECT tenant_id, trace_id, frame_errors FROM frame_hours
            WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
            ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id, hour)
        GROUP BY tenant_id, trace_id
    )
SELECT toStartOfHour(f.seen_at, 'UTC') AS of_hour, f.tenant_id, f.model, count(),
       countIf(f.status = 'PENDING'), countIf(f.status = 'GENERATING'), countIf(f.status = 'COMPLETED'),
       countIf(f.status = 'FAILED'), countIf(f.status = 'CANCELLED'), countIf(f.status = 'TIMEOUT'),
       countIf(f.status = 'PARTIAL'), countIf(f.status IS NULL),
       sum(f.spans), sum(f.span_errors), sum(f.frame_events), sum(f.frames), sum(e.frame_errors), sum(f.findings),
       quantileExactOrNull(0.5)(f.total_ms), quantileExactOrNull(0.95)(f.total_ms), sum(f.compute_units)
FROM facts AS f LEFT JOIN errors AS e ON e.tenant_id = f.tenant_id AND e.trace_id = f.trace_id
GROUP BY of_hour, f.tenant_id, f.model ORDER BY of_hour, f.tenant_id, f.model
"""
COLUMNS: Final[Columns] = {
    "hour": MOMENT,
    "tenant_id": pl.String,
    "model": pl.String,
    "traces": pl.Int64,
    **dict.fromkeys(STATUSES, pl.Int64),
    "orphans": pl.Int64,
    "spans": pl.Int64,
    "span_errors": pl.Int64,
    "frame_events": pl.Int64,
    "frames": pl.Int64,
    "frame_errors": pl.Int64,
    "findings": pl.Int64,
    "p50_total_ms": pl.Float64,
    "p95_total_ms": pl.Float64,
    "compute_units": pl.Float64,
    "counted_at": MOMENT,
}


def hourly(client: Client, window: Window, now: datetime) -> pl.DataFrame:
    """Add the traces of a window up; `counted_at` says as of when. The model is empty where none is known."""
    rows = [(*row, now) for row in client.query(HOURLY, window.utc).result_rows]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")
