# SPDX-License-Identifier: Apache-2.0
"""The table of traces' health: one row a trace, with nothing of its user in it, and the rules for its rows. Pure.

A trace is first heard of once, so a row belongs to one hour and sums over hours count nothing twice.
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from ovpo.telemetry.rollups.completeness import with_completeness
from ovpo.telemetry.rollups.window import HOUR, MOMENT, Columns

ORPHANED_AFTER: Final = HOUR
"""The record of a trace may come this much later than its spans and events before its absence is worth a word."""

HEALTH: Final[Columns] = {
    "hour": MOMENT,
    "tenant_id": pl.String,
    "trace_id": pl.String,
    "seen_at": MOMENT,
    "status": pl.String,
    "model": pl.String,
    "completeness": pl.Float64,
    "record_part": pl.Float64,
    "spans_part": pl.Float64,
    "frames_part": pl.Float64,
    "order_part": pl.Float64,
    "orphan": pl.Boolean,
    "spans": pl.Int64,
    "unknown_spans": pl.Int64,
    "frame_events": pl.Int64,
    "frames": pl.Int64,
    "expected_frames": pl.Int64,
    "gaps": pl.Int64,
    "dropped_events": pl.Int64,
    "findings": pl.Int64,
    "refused": pl.Int64,
    "newest_at": MOMENT,
    "settled_at": MOMENT,
    "lag_seconds": pl.Float64,
    "unsettled": pl.Boolean,
    "forgotten": pl.Boolean,
}

BY_HOUR: Final = ("traces", "completeness", "orphans", "without_spans", "gaps", "findings", "forgotten")


def health(seen: pl.DataFrame) -> pl.DataFrame:
    """Make the table from what was seen of each trace.

    `lag_seconds` is the time from the newest receipt to the settling that counted it. `forgotten` is a trace that
    nobody is going to settle although it grew since it was last settled, or never was: its mark was lost. One of which
    less is there than was settled is not forgotten, because raw rows end before summaries do.
    """
    grew = (
        pl.col("settled_at").is_null()
        | (pl.col("newest_at") > pl.col("settled_at"))
        | (pl.col("spans") > pl.col("settled_spans"))
        | (pl.col("frame_events") > pl.col("settled_events"))
    )
    lag = (pl.col("settled_at") - pl.col("newest_at")).dt.total_microseconds() / 1e6
    return (
        with_completeness(seen)
        .with_columns(
            pl.col("seen_at").dt.truncate("1h").alias("hour"),
            pl.when(lag >= 0).then(lag).alias("lag_seconds"),
            (grew & ~pl.col("unsettled")).alias("forgotten"),
        )
        .select(list(HEALTH))
        .cast(pl.Schema(HEALTH))
    )


def by_hour(table: pl.DataFrame) -> pl.DataFrame:
    """Sum the table up, an hour a row, the newest first."""
    return (
        table.group_by("hour")
        .agg(
            pl.len().alias("traces"),
            pl.col("completeness").mean(),
            pl.col("orphan").sum().alias("orphans"),
            (pl.col("spans") == 0).sum().alias("without_spans"),
            pl.col("gaps").sum(),
            pl.col("findings").sum(),
            pl.col("forgotten").sum(),
        )
        .select("hour", *BY_HOUR)
        .sort("hour", descending=True)
    )


def old_orphans(table: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Find the traces whose own record is missing for more than an hour."""
    return _older(table.filter("orphan"), now, ORPHANED_AFTER).select("hour", "trace_id", "spans", "frame_events")


def without_spans(table: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Find the traces that are older than an hour and have no span at all."""
    found = _older(table.filter(pl.col("spans") == 0), now, ORPHANED_AFTER)
    return found.select("hour", "trace_id", "status", "frame_events")


def _older(table: pl.DataFrame, now: datetime, age: timedelta) -> pl.DataFrame:
    return table.filter(pl.col("seen_at") <= now - age)
