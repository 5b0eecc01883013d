# SPDX-License-Identifier: Apache-2.0
"""What landed lately: cheap numbers for a look every minute, from summaries and newest receipts more than raw rows."""

from datetime import datetime
from typing import Any, Final

import polars as pl
import psycopg
from clickhouse_connect.driver.client import Client
from msgspec import Struct

from ovpo.telemetry.rollups.window import MOMENT, Columns, Window

MOST_TIMED: Final = 1_000

LANDED: Final = """
SELECT count(*), count(*) FILTER (WHERE t.reported_status IS NULL), coalesce(sum(s.spans), 0)::bigint,
       coalesce(sum(s.frame_events), 0)::bigint, max(t.seen_at)
FROM traces AS t LEFT JOIN trace_summaries AS s USING (tenant_id, trace_id)
WHERE t.seen_at >= %(first)s AND t.seen_at < %(end)s
"""
WAITING: Final = "SELECT count(*), min(due_at) FROM unsettled_traces"
REFUSED: Final = "SELECT count(*) FROM refused_items WHERE received_at >= %(first)s AND received_at < %(end)s"
TIMED: Final = """
SELECT t.tenant_id, t.trace_id::text, s.settled_at,
       greatest((SELECT max(received_at) FROM spans AS p WHERE p.tenant_id = t.tenant_id
                    AND p.trace_id = t.trace_id AND p.trace_seen_at = t.seen_at),
                (SELECT max(received_at) FROM trace_records AS r WHERE r.tenant_id = t.tenant_id
                    AND r.trace_id = t.trace_id AND r.trace_seen_at = t.seen_at))
FROM (SELECT tenant_id, trace_id, seen_at FROM traces WHERE seen_at >= %(first)s AND seen_at < %(end)s
      ORDER BY seen_at DESC LIMIT %(most)s) AS t
JOIN trace_summaries AS s USING (tenant_id, trace_id)
"""
TIMED_COLUMNS: Final[Columns] = {
    "tenant_id": pl.String,
    "trace_id": pl.String,
    "settled_at": MOMENT,
    "newest_at": MOMENT,
}
OVERDUE: Final = """
SELECT date_trunc('minute', due_at), revision, extract(epoch FROM %(now)s - due_at)::bigint / 60
FROM unsettled_traces WHERE due_at < %(before)s ORDER BY due_at LIMIT 1000
"""
OVERDUE_COLUMNS: Final[Columns] = {"due_at": MOMENT, "revision": pl.Int64, "waits_minutes": pl.Int64}

RECEIPTS: Final = """
SELECT tenant_id, toString(trace_id), max(received_at) FROM frame_events
WHERE tenant_id IN {tenants:Array(String)} AND trace_id IN {traces:Array(UUID)} GROUP BY tenant_id, trace_id
"""
RECEIPT_COLUMNS: Final[Columns] = {"tenant_id": pl.String, "trace_id": pl.String, "newest_frame_at": MOMENT}
# Parts know the span of their `seen_at`, so that only those of the last hour are opened.
ARRIVED: Final = """
SELECT count(), maxOrNull(received_at)
FROM frame_events WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
"""
SETTLED: Final = """
SELECT countIf(frame_events > 0), sum(frame_events), sum(frames), sum(findings) FROM (
    SELECT frame_events, frames, findings FROM trace_facts
    WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
    ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id)
"""


class Landed(Struct, frozen=True):
    """Traces that were first heard of in a window, what was counted of them, and what still waits, of whatever age.

    The lag runs from a trace's newest receipt to its settling, over the newest 1,000 traces of the window.
    """

    traces: int
    orphans: int
    spans: int
    frame_events: int
    newest_at: datetime | None
    unsettled: int
    oldest_due_at: datetime | None
    refused: int
    lag_p50_seconds: float | None
    lag_p95_seconds: float | None


class FramesLanded(Struct, frozen=True):
    """Frame events of the traces of a window: rows as stored, repeats included, and as settled, each event once."""

    rows: int
    newest_at: datetime | None
    traces: int
    frame_events: int
    frames: int
    findings: int


def landed(connection: psycopg.Connection, client: Client, window: Window) -> Landed:
    """Look at the traces and spans of a window."""
    traces, orphans, spans, frame_events, newest_at = _one(connection, LANDED, window.bounds)
    unsettled, oldest = _one(connection, WAITING, {})
    (refused,) = _one(connection, REFUSED, window.bounds)
    lags = _lags(connection, client, window)
    p50, p95 = (lags.quantile(share, "linear") for share in (0.5, 0.95))
    return Landed(traces, orphans, spans, frame_events, newest_at, unsettled, oldest, refused, p50, p95)


def frames_landed(client: Client, window: Window) -> FramesLanded:
    """Look at the frame events of a window."""
    arrived = client.query(ARRIVED, window.utc, tz_mode="aware").result_rows[0]
    settled = client.query(SETTLED, window.utc).result_rows[0]
    return FramesLanded(*arrived, *settled)


def overdue(connection: psycopg.Connection, now: datetime, before: datetime) -> pl.DataFrame:
    """List the marks that should have been settled before a moment, the oldest first, at most 1,000."""
    rows = connection.execute(OVERDUE, {"now": now, "before": before}).fetchall()
    return pl.DataFrame(rows, schema=OVERDUE_COLUMNS, orient="row")


def _lags(connection: psycopg.Connection, client: Client, window: Window) -> pl.Series:
    rows = connection.execute(TIMED, {**window.bounds, "most": MOST_TIMED}).fetchall()
    timed = pl.DataFrame(rows, schema=TIMED_COLUMNS, orient="row")
    given = {"tenants": timed["tenant_id"].unique().to_list(), "traces": timed["trace_id"].to_list()}
    receipts = pl.DataFrame(client.query(RECEIPTS, given).result_rows, schema=RECEIPT_COLUMNS, orient="row")
    both = timed.join(receipts, on=["tenant_id", "trace_id"], how="left")
    newest = pl.max_horizontal("newest_at", "newest_frame_at")
    lag = (pl.col("settled_at") - newest).dt.total_microseconds() / 1e6
    return both.select(lag.alias("lag")).filter(pl.col("lag") >= 0)["lag"]


def _one(connection: psycopg.Connection, statement: Any, given: dict[str, datetime]) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(statement, given).fetchone()
    return row or ()
