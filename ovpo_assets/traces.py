# SPDX-License-Identifier: Apache-2.0
"""What became of the telemetry that came in, by when a trace was first heard of. Their checks are in `checks.traces`.

The processor writes `landed` and `frame_metrics` all the time; Dagster only observes them, see `sensors.arrivals`.
"""

from datetime import UTC, datetime

import dagster as dg
import polars as pl

from io_managers.tables import WINDOW_COLUMN
from ovpo.telemetry.rollups.health import by_hour, old_orphans
from ovpo.telemetry.rollups.window import Window
from ovpo_assets import lanes, preview
from ovpo_assets.groups import SOURCES, TRACES
from ovpo_assets.partitions import days, hours
from resources.telemetry import Telemetry

collector = dg.AssetSpec(
    [SOURCES, "collector"],
    group_name=SOURCES,
    kinds={"http"},
    description="Traces, spans and frame events that senders give to the collector.",
)
landed = dg.AssetSpec(
    [TRACES, "landed"],
    deps=[collector],
    group_name=TRACES,
    kinds={"postgres"},
    description="Traces and spans as the processor keeps them, observed every minute.",
)
frame_metrics = dg.AssetSpec(
    [TRACES, "frame_metrics"],
    deps=[collector],
    group_name=TRACES,
    kinds={"clickhouse"},
    description="Frame events as the processor keeps them, observed every minute.",
)


@dg.asset(
    key=[TRACES, "health"],
    deps=[landed, frame_metrics],
    group_name=TRACES,
    kinds={"postgres", "clickhouse"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "hour"},
)
def health(context: dg.AssetExecutionContext, telemetry: Telemetry) -> dg.MaterializeResult[pl.DataFrame]:
    """How complete each trace is, 0 to 100 with its parts, by the hour in which it was first heard of.

    A trace that grew and that nobody is going to settle, because its mark was lost, is marked for settling again.
    """
    window, now = window_of(context), datetime.now(UTC)
    with telemetry.session() as session:
        table = session.health(window, now)
        settled_again = session.settle_again(table)
    return dg.MaterializeResult(
        value=table,
        metadata={
            "traces": table.height,
            **numbers(
                table, completeness=pl.mean("completeness"), lag_p95_seconds=pl.col("lag_seconds").quantile(0.95)
            ),
            "orphans": int(table["orphan"].sum()),
            "orphaned_for_an_hour": old_orphans(table, now).height,
            "settled_again": settled_again,
            "by_hour": preview.table(by_hour(table)),
        },
    )


@dg.asset(
    key=[TRACES, "hourly_rollups"],
    deps=[health],
    group_name=TRACES,
    kinds={"clickhouse", "parquet"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "hour"},
)
def hourly_rollups(context: dg.AssetExecutionContext, telemetry: Telemetry) -> dg.MaterializeResult[pl.DataFrame]:
    """What the traces of an hour add up to, by tenant and model: outcomes, spans, frames, durations, compute units."""
    with telemetry.session() as session:
        table = session.hourly(window_of(context), datetime.now(UTC))
    summed = ("traces", "failed", "orphans", "spans", "frame_events", "frame_errors", "compute_units")
    hourly = table.group_by("hour").agg(pl.col(summed).sum()).sort("hour", descending=True)
    return dg.MaterializeResult(
        value=table,
        metadata={**numbers(table, **{name: pl.col(name).sum() for name in summed}), "by_hour": preview.table(hourly)},
    )


@dg.asset(
    key=[TRACES, "daily_costs"],
    deps=[hourly_rollups],
    group_name=TRACES,
    kinds={"clickhouse", "parquet"},
    partitions_def=days,
    backfill_policy=lanes.BACKFILL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "day"},
)
def daily_costs(context: dg.AssetExecutionContext, telemetry: Telemetry) -> dg.MaterializeResult[pl.DataFrame]:
    """Compute units of a day's traces, by tenant, whom they are put down to, version of the factors, and span kind."""
    with telemetry.session() as session:
        table = session.costs(window_of(context), datetime.now(UTC))
    kinds = table.group_by("day", "span_kind").agg(pl.col("units").sum())
    return dg.MaterializeResult(
        value=table,
        metadata={
            **numbers(table, units=pl.col("units").sum()),
            "by_kind": preview.table(kinds.sort("day", "units", descending=True)),
        },
    )


@dg.asset(
    key=[TRACES, "daily_quality"],
    deps=[hourly_rollups],
    group_name=TRACES,
    kinds={"clickhouse", "parquet"},
    partitions_def=days,
    backfill_policy=lanes.BACKFILL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "day"},
)
def daily_quality(context: dg.AssetExecutionContext, telemetry: Telemetry) -> dg.MaterializeResult[pl.DataFrame]:
    """The mean of each quality metric over the frames of a day's traces, by tenant and model."""
    with telemetry.session() as session:
        table = session.quality(window_of(context), datetime.now(UTC))
    metrics = table.group_by("day", "metric").agg(
        pl.col("values").sum(), (pl.col("mean") * pl.col("values")).sum() / pl.col("values").sum()
    )
    return dg.MaterializeResult(
        value=table,
        metadata={
            **numbers(table, values=pl.col("values").sum()),
            "by_metric": preview.table(metrics.sort("day", "metric", descending=[True, False])),
        },
    )


def window_of(context: dg.AssetExecutionContext) -> Window:
    """Give the windows of a run as one."""
    window = context.partition_time_window
    return Window(window.start, window.end)


def numbers(table: pl.DataFrame, **expressions: pl.Expr) -> dict[str, float]:
    """Evaluate numbers over a table for its metadata, without those that an empty one does not have."""
    values = table.select(**expressions).row(0, named=True) if table.height else {}
    return {name: value for name, value in values.items() if value is not None}


roll_up_hours = dg.define_asset_job(
    "roll_up_hours",
    selection=dg.AssetSelection.assets(health, hourly_rollups)
    | dg.AssetSelection.checks_for_assets(landed.key, frame_metrics.key),
)
roll_up_days = dg.define_asset_job("roll_up_days", selection=dg.AssetSelection.assets(daily_costs, daily_quality))
