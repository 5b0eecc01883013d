# SPDX-License-Identifier: Apache-2.0
"""Whether the tables agree with what they were counted from: hourly roll-ups with raw rows, daily tables with hours.

Telemetry goes on coming while tables are made, so an hour is judged only where nothing of it moved since its count.
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl
import psycopg
from clickhouse_connect.driver.client import Client

from ovpo.telemetry.rollups.window import FRAMES_KEPT, MOMENT, Columns, Window

CLOCKS_APART: Final = timedelta(seconds=5)
ROLLED_UP_AFTER: Final = timedelta(hours=2)
"""From the start of an hour until its roll-up must be there: it is made five minutes after the hour is over."""
NEARLY: Final = 1e-6
"""Sums of doubles in another order differ by less, relative to themselves."""

RAW: Final = """
SELECT date_trunc('hour', t.seen_at, 'UTC'), t.tenant_id, count(*), sum(p.spans)::bigint,
       bool_or(u.trace_id IS NOT NULL OR t.updated_at > %(counted_at)s
               OR coalesce(s.settled_at > %(counted_at)s, false))
FROM traces AS t
LEFT JOIN trace_summaries AS s USING (tenant_id, trace_id)
LEFT JOIN unsettled_traces AS u USING (tenant_id, trace_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS spans FROM spans
    WHERE tenant_id = t.tenant_id AND trace_id = t.trace_id AND trace_seen_at = t.seen_at) AS p
WHERE t.seen_at >= %(first)s AND t.seen_at < %(end)s
GROUP BY 1, 2
"""
RAW_COLUMNS: Final[Columns] = {
    "hour": MOMENT,
    "tenant_id": pl.String,
    "traces": pl.Int64,
    "spans": pl.Int64,
    "moves": pl.Boolean,
}
RAW_FRAMES: Final = """
SELECT toStartOfHour(seen_at, 'UTC') AS of_hour, tenant_id, uniqExact(event_id) FROM frame_events
WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')} GROUP BY of_hour, tenant_id
"""
RAW_FRAME_COLUMNS: Final[Columns] = {"hour": MOMENT, "tenant_id": pl.String, "frame_events": pl.Int64}
FAULTS: Final[Columns] = {"hour": MOMENT, "what": pl.String, "raw": pl.Float64, "rolled_up": pl.Float64}
_COUNTS: Final = ("traces", "spans", "frame_events")


def raw(connection: psycopg.Connection, client: Client, window: Window, counted_at: datetime) -> pl.DataFrame:
    """Count the raw rows of a window by hour and tenant, each frame event once; `moves` says what grew since."""
    since = counted_at - CLOCKS_APART
    rows = connection.execute(RAW, {**window.bounds, "counted_at": since}).fetchall()
    counted = pl.DataFrame(rows, schema=RAW_COLUMNS, orient="row")
    frame_rows = [row for hour in window.hours() for row in client.query(RAW_FRAMES, hour.utc).result_rows]
    frames = pl.DataFrame(frame_rows, schema=RAW_FRAME_COLUMNS, orient="row")
    both = counted.join(frames, on=["hour", "tenant_id"], how="full", coalesce=True)
    return both.with_columns(pl.col(_COUNTS).fill_null(0), pl.col("moves").fill_null(value=False))


def differences(counted: pl.DataFrame, rolled_up: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Find the hours whose roll-up is not what the raw rows add up to. Frame events end before the facts of traces."""
    sums = rolled_up.group_by("hour", "tenant_id").agg(pl.col(_COUNTS).sum())
    both = counted.join(sums, on=["hour", "tenant_id"], how="full", coalesce=True, suffix="_rolled_up")
    judged = both.filter(~pl.col("moves").fill_null(value=False))
    found = [
        judged.filter(pl.col("hour") > now - FRAMES_KEPT if what == "frame_events" else pl.lit(value=True)).select(
            "hour",
            pl.lit(what).alias("what"),
            pl.col(what).fill_null(0).cast(pl.Float64).alias("raw"),
            pl.col(f"{what}_rolled_up").fill_null(0).cast(pl.Float64).alias("rolled_up"),
        )
        for what in _COUNTS
    ]
    return pl.concat(found).filter(pl.col("raw") != pl.col("rolled_up")).select(list(FAULTS)).sort("hour", "what")


def counted_at(table: pl.DataFrame) -> datetime | None:
    """Say as of when a table was counted, if it has rows."""
    oldest = table["counted_at"].min()
    return oldest if isinstance(oldest, datetime) else None


def stale_hours(facts: pl.DataFrame, rolled_up: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Find the hours whose roll-up is missing, or differs from the facts although these did not change since."""
    sums = rolled_up.group_by("hour").agg(pl.col("traces", "compute_units").sum(), pl.col("counted_at").min())
    both = facts.join(sums, on="hour", how="left", suffix="_rolled_up").with_columns(
        pl.col("traces_rolled_up", "compute_units_rolled_up").fill_null(0)
    )
    missing = pl.col("counted_at").is_null() & (pl.col("hour") + ROLLED_UP_AFTER <= now)
    return _faults(both.filter(missing | _settled_since()), ("traces", "compute_units"))


def units_lost(costs: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Find the days whose costs are not the compute units of their traces, although these did not change since."""
    of_day = pl.col("hour").dt.truncate("1d")
    by_day = facts.group_by(of_day).agg(pl.col("compute_units").sum(), pl.col("grown_at").max())
    charged = costs.group_by(pl.col("day").alias("hour")).agg(
        pl.col("units").sum().alias("compute_units"), pl.col("counted_at").min()
    )
    both = by_day.join(charged, on="hour", how="full", coalesce=True, suffix="_rolled_up").with_columns(
        pl.col("compute_units", "compute_units_rolled_up").fill_null(0.0)
    )
    judged = pl.col("grown_at").is_null() | pl.col("counted_at").is_null() | _settled_since()
    return _faults(both.filter(judged), ("compute_units",))


def counted_too_often(quality: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Find the metrics of which a day holds more values than it holds frame events."""
    by_day = facts.group_by(pl.col("hour").dt.truncate("1d")).agg(pl.col("frame_events").sum())
    values = quality.group_by(pl.col("day").alias("hour"), "metric").agg(pl.col("values").sum())
    both = values.join(by_day, on="hour", how="left").with_columns(pl.col("frame_events").fill_null(0))
    return both.filter(pl.col("values") > pl.col("frame_events")).sort("hour", "metric")


def _settled_since() -> pl.Expr:
    return pl.col("grown_at") <= pl.col("counted_at") - CLOCKS_APART


def _faults(both: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    rows = [
        both.select(
            "hour",
            pl.lit(name).alias("what"),
            pl.col(name).cast(pl.Float64).alias("raw"),
            pl.col(f"{name}_rolled_up").cast(pl.Float64).alias("rolled_up"),
        )
        for name in names
    ]
    apart = (pl.col("raw") - pl.col("rolled_up")).abs() > NEARLY * pl.max_horizontal("raw", "rolled_up", pl.lit(1.0))
    return pl.concat(rows).filter(apart).select(list(FAULTS)).sort("hour", "what")
