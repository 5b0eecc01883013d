# SPDX-License-Identifier: Apache-2.0
"""What OVPO knows about itself: its stores, its ledger, its run history. Their checks are in `checks.platform`."""

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import polars as pl

from io_managers.tables import WINDOW_COLUMN
from ovpo.foundation.inspection.requests import LANE
from ovpo.foundation.ledger.items import State
from ovpo.foundation.settings.tree import Settings
from ovpo_assets import lanes, preview
from ovpo_assets.groups import PLATFORM
from ovpo_assets.partitions import HOUR, days, hours
from resources import runs
from resources.ledger import Ledger
from resources.stores import Stores

HEALTH: dict[str, pl.DataType | type[pl.DataType]] = {
    "day": pl.Datetime("us", "UTC"),
    "lane": pl.String,
    "state": pl.String,
    "items": pl.Int64,
    "most_attempts": pl.Int64,
    "oldest_change": pl.Datetime("us", "UTC"),
}


@dg.asset(
    key=[PLATFORM, "stores_observed"],
    group_name=PLATFORM,
    kinds={"clickhouse", "parquet"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "hour"},
)
def stores_observed(
    context: dg.AssetExecutionContext, ledger: Ledger, stores: Stores
) -> dg.MaterializeResult[pl.DataFrame]:
    """How often and how fast each store answered, hour by hour.

    A run looks at the stores now when its windows hold the current hour or requests for a look, and hands that look to
    those who asked; the hourly rows are rebuilt either way. A request made at 10:59 is thus served by a run of the
    window 10:00 at 11:01; the look itself counts for 11:00.
    """
    window, now = context.partition_time_window, datetime.now(UTC)
    with ledger.session() as session:
        asked = session.claim(LANE, window.start, window.end - HOUR, context.run.run_id, now)
    look = uuid4() if asked or window.start <= now < window.end else None
    seen = stores.observe(look, now) if look else []
    with ledger.session() as session:
        ids = [item.item_id for item in asked]
        served = session.settle(ids, context.run.run_id, State.FINISHED, datetime.now(UTC), result=str(look))
    hourly = stores.by_hour(window.start, window.end)
    return dg.MaterializeResult(
        value=hourly,
        metadata={
            "stores_seen": len(seen),
            "stores_silent": sum(not store.ready for store in seen),
            "requests_served": served,
            "hourly": preview.table(hourly.drop("version").reverse()),
        },
    )


@dg.asset(
    key=[PLATFORM, "ledger_health"],
    group_name=PLATFORM,
    kinds={"postgres", "parquet"},
    partitions_def=days,
    backfill_policy=lanes.BACKFILL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "day"},
)
def ledger_health(context: dg.AssetExecutionContext, ledger: Ledger) -> dg.MaterializeResult[pl.DataFrame]:
    """How many items of each lane, registered on a day, are in which state."""
    window = context.partition_time_window
    with ledger.session() as session:
        tallies = session.tally(window.start, window.end)
    health = pl.DataFrame([astuple(tally) for tally in tallies], schema=HEALTH, orient="row")
    return dg.MaterializeResult(
        value=health,
        metadata={
            "items": int(health["items"].sum()),
            "unfinished": int(health.filter(pl.col("state").is_in([State.QUEUED, State.STARTED]))["items"].sum()),
            "failed": int(health.filter(pl.col("state") == State.FAILED)["items"].sum()),
            "by_day_and_lane": preview.table(health.reverse()),
        },
    )


@dg.asset(key=[PLATFORM, "run_history_pruned"], group_name=PLATFORM, kinds={"dagster"})
def run_history_pruned(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult[None]:
    """Dagster's run history without the finished runs that have outlived their keep."""
    pruned = runs.prune(context.instance, oldest_to_keep(settings))
    oldest = {"oldest_kept": dg.MetadataValue.timestamp(pruned.oldest_kept)} if pruned.oldest_kept else {}
    return dg.MaterializeResult(metadata={"deleted": pruned.deleted, "left_over": pruned.left_over, **oldest})


def oldest_to_keep(settings: Settings) -> datetime:
    """Tell before which moment a finished run has outlived its keep."""
    return datetime.now(UTC) - timedelta(days=settings.platform.run_history_days)


observe_stores = dg.define_asset_job(
    "observe_stores", selection=dg.AssetSelection.assets(stores_observed), run_tags=lanes.SHORT
)
report_ledger_health = dg.define_asset_job(
    "report_ledger_health", selection=dg.AssetSelection.assets(ledger_health), run_tags=lanes.SHORT
)
prune_run_history = dg.define_asset_job("prune_run_history", selection=dg.AssetSelection.assets(run_history_pruned))
