# SPDX-License-Identifier: Apache-2.0
"""What both stores hold of each trace that was first heard of in a window, counted from the rows themselves.

PostgreSQL knows records, spans and summaries, ClickHouse knows frame events. What follows from it is said elsewhere.
"""

from typing import Final

import polars as pl
import psycopg
from clickhouse_connect.driver.client import Client

from ovpo.telemetry.rollups.window import MOMENT, Columns, Window

# Laterals walk the key (tenant, trace, …) of each table; the equality on `trace_seen_at` leaves one partition.
TRACES: Final = """
SELECT t.tenant_id, t.trace_id::text, t.seen_at, t.status, s.model, t.reported_status IS NULL, t.findings,
       coalesce(s.unknown_spans, 0), p.spans, p.dropped::bigint, r.refused,
       u.trace_id IS NOT NULL, s.settled_at, s.spans, s.frame_events, greatest(p.newest, d.newest)
FROM traces AS t
LEFT JOIN trace_summaries AS s USING (tenant_id, trace_id)
LEFT JOIN unsettled_traces AS u USING (tenant_id, trace_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS spans, max(received_at) AS newest, coalesce(sum(
               CASE WHEN jsonb_typeof(attributes -> 'otel.dropped_events_count') = 'number'
                    THEN least(1e9, greatest(0, (attributes ->> 'otel.dropped_events_count')::numeric)) END), 0)
               AS dropped
    FROM spans WHERE tenant_id = t.tenant_id AND trace_id = t.trace_id AND trace_seen_at = t.seen_at) AS p
CROSS JOIN LATERAL (
    SELECT max(received_at) AS newest FROM trace_records
    WHERE tenant_id = t.tenant_id AND trace_id = t.trace_id AND trace_seen_at = t.seen_at) AS d
CROSS JOIN LATERAL (
    SELECT count(*) AS refused FROM refused_items WHERE tenant_id = t.tenant_id AND trace_id = t.trace_id) AS r
WHERE t.seen_at >= %(first)s AND t.seen_at < %(end)s
ORDER BY t.seen_at, t.tenant_id, t.trace_id
"""
TRACE_COLUMNS: Final[Columns] = {
    "tenant_id": pl.String,
    "trace_id": pl.String,
    "seen_at": MOMENT,
    "status": pl.String,
    "model": pl.String,
    "orphan": pl.Boolean,
    "findings": pl.Int64,
    "unknown_spans": pl.Int64,
    "spans": pl.Int64,
    "dropped_events": pl.Int64,
    "refused": pl.Int64,
    "unsettled": pl.Boolean,
    "settled_at": MOMENT,
    "settled_spans": pl.Int64,
    "settled_events": pl.Int64,
    "newest_at": MOMENT,
}

# A redelivered event may lie there twice until ClickHouse merges; distinct ids and indices count it once. The last
# index is bounded, so that no sender's number overflows a sum.
FRAMES: Final = """
SELECT tenant_id, toString(trace_id), uniqExact(event_id), uniqExact(frame_index),
       least(max(frame_index), 1000000000000),
       countIf(event_type != 'frame_sampled') = 0, max(received_at)
FROM frame_events WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
GROUP BY tenant_id, trace_id
"""
FRAME_COLUMNS: Final[Columns] = {
    "tenant_id": pl.String,
    "trace_id": pl.String,
    "frame_events": pl.Int64,
    "frames": pl.Int64,
    "last_frame": pl.Int64,
    "only_sampled": pl.Boolean,
    "newest_frame_at": MOMENT,
}


def seen(connection: psycopg.Connection, client: Client, window: Window) -> pl.DataFrame:
    """Read the traces of a window, and what there is of each, hour by hour."""
    return pl.concat([_seen_in_hour(connection, client, hour) for hour in window.hours()])


def _seen_in_hour(connection: psycopg.Connection, client: Client, hour: Window) -> pl.DataFrame:
    traces = pl.DataFrame(connection.execute(TRACES, hour.bounds).fetchall(), schema=TRACE_COLUMNS, orient="row")
    frames = pl.DataFrame(client.query(FRAMES, hour.utc).result_rows, schema=FRAME_COLUMNS, orient="row")
    return (
        traces.join(frames, on=["tenant_id", "trace_id"], how="left", maintain_order="left")
        .with_columns(pl.col("frame_events", "frames").fill_null(0), pl.col("only_sampled").fill_null(value=False))
        .with_columns(pl.max_horizontal("newest_at", "newest_frame_at").alias("newest_at"))
        .drop("newest_frame_at")
    )
