# SPDX-License-Identifier: Apache-2.0
"""What must hold for the platform's own assets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl

from io_managers.tables import ParquetTables
from ovpo.foundation.inspection.observations import HOURLY
from ovpo.foundation.settings.tree import Settings
from ovpo_assets.checks.columns import schema_faults
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.partitions import windows_to_check
from ovpo_assets.platform import HEALTH, ledger_health, oldest_to_keep, run_history_pruned, stores_observed
from resources import runs
from resources.ledger import Ledger
from resources.stores import Stores

MOST_STUCK = 1_000
SILENT = {"store": pl.String, "why": pl.String, "looked_at": pl.String}
STUCK = {
    "item_id": pl.String,
    "lane": pl.String,
    "state": pl.String,
    "attempt": pl.Int64,
    "untouched_minutes": pl.Int64,
}
OLD = {"run_id": pl.String, "job": pl.String, "status": pl.String, "created_at": pl.String}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("every_store_answers", asset=stores_observed, description="In the newest look."),
        dg.AssetCheckSpec("schema", asset=stores_observed, description="Columns keep their names and types."),
    ]
)
def stores_checks(
    context: dg.AssetCheckExecutionContext, stores: Stores, tables: dg.ResourceParam[ParquetTables]
) -> Iterator[dg.AssetCheckResult]:
    """Every store answered when it was last asked, and the hourly table has the columns that readers rely on."""
    seen = stores.newest_look()
    silent = [(row.store, row.detail, f"{row.observed_at:%Y-%m-%d %H:%M}") for row in seen if not row.ready]
    never = [] if seen else [("all", "nobody has looked yet", "never")]
    faults = pl.DataFrame([*silent, *never], schema=SILENT, orient="row")
    yield verdict("every_store_answers", stores_observed.key, faults)
    windows = windows_to_check(context, stores_observed.key)
    yield verdict("schema", stores_observed.key, schema_faults(tables, stores_observed.key, windows, HOURLY))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("no_stuck_items", asset=ledger_health, description="No unfinished item is left untouched."),
        dg.AssetCheckSpec("schema", asset=ledger_health, description="Columns keep their names and types."),
    ]
)
def ledger_checks(
    context: dg.AssetCheckExecutionContext,
    ledger: Ledger,
    settings: dg.ResourceParam[Settings],
    tables: dg.ResourceParam[ParquetTables],
) -> Iterator[dg.AssetCheckResult]:
    """Work keeps moving (at most 1,000 stuck items are counted), and the daily table has its columns."""
    now = datetime.now(UTC)
    with ledger.session() as session:
        stuck = session.stuck(now - timedelta(minutes=settings.platform.stuck_after_minutes), MOST_STUCK)
    faults = [
        (str(item.item_id), item.lane, item.state, item.attempt, (now - item.updated_at) // timedelta(minutes=1))
        for item in stuck
    ]
    stuck_items = pl.DataFrame(faults, schema=STUCK, orient="row")
    yield verdict("no_stuck_items", ledger_health.key, stuck_items, dg.AssetCheckSeverity.WARN)
    windows = windows_to_check(context, ledger_health.key)
    yield verdict("schema", ledger_health.key, schema_faults(tables, ledger_health.key, windows, HEALTH))


@dg.multi_asset_check(specs=[dg.AssetCheckSpec("nothing_older_remains", asset=run_history_pruned)])
def history_checks(
    context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.AssetCheckResult]:
    """No finished run has outlived its keep; a count, of 1,000 at most, that cannot be taken fails the step."""
    old = runs.finished_before(context.instance, oldest_to_keep(settings))
    faults = [(run.run_id, run.job, run.status.value, f"{run.created_at:%Y-%m-%d %H:%M}") for run in old]
    yield verdict("nothing_older_remains", run_history_pruned.key, pl.DataFrame(faults, schema=OLD, orient="row"))
