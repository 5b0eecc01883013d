# SPDX-License-Identifier: Apache-2.0
"""The daily tables: compute units by whom they are put down to, and the mean of each quality metric.

A day is that on which a trace was first heard of, so the days hold exactly the traces of their hours. Both are counted
from the newest facts of settled traces, which make the hourly table too; `hours` lets that be checked.
"""

from datetime import datetime
from typing import Final

import polars as pl
from clickhouse_connect.driver.client import Client

from ovpo.telemetry.rollups.window import MOMENT, Columns, Window

COSTS: Final = """
SELECT toStartOfDay(seen_at, 'UTC') AS day, tenant_id, project, center, campaign, factors_version, span_kind, count(),
       sum(kind_units)
FROM (
    SELECT * FROM trace_facts WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
    ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id
) ARRAY JOIN mapKeys(units) AS span_kind, mapValues(units) AS kind_units
GROUP BY day, tenant_id, project, center, campaign, factors_version, span_kind
ORDER BY day, tenant_id, project, center, campaign, factors_version, span_kind
"""
COST_COLUMNS: Final[Columns] = {
    "day": MOMENT,
    "tenant_id": pl.String,
    "project": pl.String,
    "center": pl.String,
    "campaign": pl.String,
    "factors_version": pl.String,
    "span_kind": pl.String,
    "traces": pl.Int64,
    "units": pl.Float64,
    "counted_at": MOMENT,
}

QUALITY: Final = """
SELECT toStartOfDay(seen_at, 'UTC') AS day, tenant_id, model, metric, uniqExact(trace_id), sum(metric_count),
       sum(metric_sum) / sum(metric_count)
FROM (
    SELECT tenant_id, trace_id, seen_at, model, metric_sums, metric_counts FROM frame_hours
    WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
    ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id, hour
)
ARRAY JOIN mapKeys(metric_sums) AS metric, mapValues(metric_sums) AS metric_sum,
           mapValues(metric_counts) AS metric_count
GROUP BY day, tenant_id, model, metric ORDER BY day, tenant_id, model, metric
"""
QUALITY_COLUMNS: Final[Columns] = {
    "day": MOMENT,
    "tenant_id": pl.String,
    "model": pl.String,
    "metric": pl.String,
    "traces": pl.Int64,
    "values": pl.Int64,
    "mean": pl.Float64,
    "counted_at": MOMENT,
}

HOURS: Final = """
SELECT toStartOfHour(seen_at, 'UTC') AS of_hour, count(), sum(compute_units), sum(frame_events), max(settled_at)
FROM (
    SELECT tenant_id, trace_id, seen_at, compute_units, frame_events, settled_at FROM trace_facts
    WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
    ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id
) GROUP BY of_hour ORDER BY of_hour
"""
HOUR_COLUMNS: Final[Columns] = {
    "hour": MOMENT,
    "traces": pl.Int64,
    "compute_units": pl.Float64,
    "frame_events": pl.Int64,
    "grown_at": MOMENT,
}


def costs(client: Client, window: Window, now: datetime) -> pl.DataFrame:
    """Add up the compute units of a window's traces; what a trace is not put down to is empty."""
    rows = [(*row, now) for row in client.query(COSTS, window.utc).result_rows]
    return pl.DataFrame(rows, schema=COST_COLUMNS, orient="row")


def quality(client: Client, window: Window, now: datetime) -> pl.DataFrame:
    """Give the mean of each quality metric over the frame events of a window's traces."""
    rows = [(*row, now) for row in client.query(QUALITY, window.utc).result_rows]
    return pl.DataFrame(rows, schema=QUALITY_COLUMNS, orient="row")


def hours(client: Client, window: Window) -> pl.DataFrame:
    """Add the facts of a window up by hour, and say when they last changed."""
    return pl.DataFrame(client.query(HOURS, window.utc).result_rows, schema=HOUR_COLUMNS, orient="row")
