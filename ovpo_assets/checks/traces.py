# SPDX-License-Identifier: Apache-2.0
"""What must hold for telemetry and what is made of it.

What senders did is a warning: the contract keeps such data and says so. What only OVPO can have done is an error.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl

from io_managers.tables import ParquetTables, TableError
from ovpo.foundation.quality import validate
from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.rollups import adding_up, daily, hourly
from ovpo.telemetry.rollups.health import old_orphans, without_spans
from ovpo.telemetry.rollups.samples import FRAME_SUITE, HEALTH_SUITE
from ovpo.telemetry.rollups.window import Window
from ovpo_assets.checks.columns import schema_faults
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.partitions import days, hours, key_of, windows_to_check
from ovpo_assets.traces import daily_costs, daily_quality, frame_metrics, health, hourly_rollups, landed
from resources.telemetry import Telemetry

WARN = dg.AssetCheckSeverity.WARN
Tables = dg.ResourceParam[ParquetTables]


def span_of(windows: dg.TimeWindowPartitionsDefinition, keys: Sequence[str]) -> Window:
    """Give windows, named by their keys, as one."""
    spans = [windows.time_window_for_partition_key(key) for key in keys]
    return Window(min(span.start for span in spans), max(span.end for span in spans))


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec("settling_keeps_up", asset=landed.key, description="No trace waits long to be settled.")]
)
def landed_checks(settings: dg.ResourceParam[Settings], telemetry: Telemetry) -> Iterator[dg.AssetCheckResult]:
    """No trace is overdue (at most 1,000 are counted): what is queryable of it is not yet in any number."""
    now = datetime.now(UTC)
    with telemetry.session() as session:
        overdue = session.overdue(now, now - timedelta(minutes=settings.platform.stuck_after_minutes))
    yield verdict("settling_keeps_up", landed.key, overdue)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            "schema", asset=frame_metrics.key, description="Values have the contract's types and ranges."
        ),
        dg.AssetCheckSpec("frames_in_order", asset=frame_metrics.key, description="The frame invariants hold."),
    ]
)
def frame_checks(context: dg.AssetCheckExecutionContext, telemetry: Telemetry) -> Iterator[dg.AssetCheckResult]:
    """A sample of raw frame events is sound, and index, media time and clock only go on, by the contract's measure."""
    window = span_of(hours, windows_to_check(context, health.key))
    with telemetry.session() as session:
        sample, out_of_order = session.frame_sample(window), session.out_of_order(window)
    yield verdict("schema", frame_metrics.key, validate(sample, FRAME_SUITE))
    yield verdict("frames_in_order", frame_metrics.key, out_of_order, WARN)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=health, description="Columns, completeness 0 to 100, no negative counts."),
        dg.AssetCheckSpec("no_old_orphans", asset=health, description="A trace's own record comes within an hour."),
        dg.AssetCheckSpec("every_trace_has_spans", asset=health, description="Older than an hour, it has a span."),
    ]
)
def health_checks(context: dg.AssetCheckExecutionContext, tables: Tables) -> Iterator[dg.AssetCheckResult]:
    """The table is sound, and its traces have their own record and spans by the time they are an hour old."""
    now, table = datetime.now(UTC), tables.scan(health.key, windows_to_check(context, health.key)).collect()
    yield verdict("schema", health.key, validate(table, HEALTH_SUITE))
    yield verdict("no_old_orphans", health.key, old_orphans(table, now), WARN)
    yield verdict("every_trace_has_spans", health.key, without_spans(table, now), WARN)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=hourly_rollups, description="Columns keep their names and types."),
        dg.AssetCheckSpec("adds_up", asset=hourly_rollups, description="Counts are those of the raw rows."),
    ]
)
def hourly_checks(
    context: dg.AssetCheckExecutionContext, telemetry: Telemetry, tables: Tables
) -> Iterator[dg.AssetCheckResult]:
    """Traces, spans and frame events are as many as the raw rows, each counted once; what still moves is not judged."""
    now, windows = datetime.now(UTC), windows_to_check(context, hourly_rollups.key)
    yield verdict("schema", hourly_rollups.key, schema_faults(tables, hourly_rollups.key, windows, hourly.COLUMNS))
    table = tables.scan(hourly_rollups.key, windows).collect()
    with telemetry.session() as session:
        raw = session.raw(span_of(hours, windows), adding_up.counted_at(table) or now)
    yield verdict("adds_up", hourly_rollups.key, adding_up.differences(raw, table, now))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=daily_costs, description="Columns keep their names and types."),
        dg.AssetCheckSpec("adds_up", asset=daily_costs, description="Units are those of the settled traces."),
        dg.AssetCheckSpec("hours_agree", asset=daily_costs, description="The hourly roll-ups add up to the same."),
    ]
)
def cost_checks(
    context: dg.AssetCheckExecutionContext, telemetry: Telemetry, tables: Tables
) -> Iterator[dg.AssetCheckResult]:
    """A day charges what its traces used, and its hourly roll-ups say the same."""
    now, windows = datetime.now(UTC), windows_to_check(context, daily_costs.key)
    yield verdict("schema", daily_costs.key, schema_faults(tables, daily_costs.key, windows, daily.COST_COLUMNS))
    with telemetry.session() as session:
        facts = session.hours(span_of(days, windows))
    costs = tables.scan(daily_costs.key, windows).collect()
    yield verdict("adds_up", daily_costs.key, adding_up.units_lost(costs, facts))
    yield verdict("hours_agree", daily_costs.key, adding_up.stale_hours(facts, rolled_up(tables, facts), now))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=daily_quality, description="Columns keep their names and types."),
        dg.AssetCheckSpec("counted_once", asset=daily_quality, description="No metric has more values than frames."),
    ]
)
def quality_checks(
    context: dg.AssetCheckExecutionContext, telemetry: Telemetry, tables: Tables
) -> Iterator[dg.AssetCheckResult]:
    """No metric has more values than there are frame events."""
    windows = windows_to_check(context, daily_quality.key)
    faults = schema_faults(tables, daily_quality.key, windows, daily.QUALITY_COLUMNS)
    yield verdict("schema", daily_quality.key, faults)
    with telemetry.session() as session:
        facts = session.hours(span_of(days, windows))
    quality = tables.scan(daily_quality.key, windows).collect()
    yield verdict("counted_once", daily_quality.key, adding_up.counted_too_often(quality, facts))


def rolled_up(tables: ParquetTables, facts: pl.DataFrame) -> pl.DataFrame:
    """Read the hourly roll-ups of the hours that have facts; one that was never made is missing from the answer."""
    found = [pl.DataFrame(schema=hourly.COLUMNS)]
    for hour in facts["hour"]:
        with suppress(TableError):
            found.append(tables.scan(hourly_rollups.key, [key_of(hours, hour)]).collect())
    return pl.concat(found)
