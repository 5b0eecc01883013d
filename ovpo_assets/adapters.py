# SPDX-License-Identifier: Apache-2.0
"""Feature adapters of a day: what they are learnt from, the candidates, how they do, who wins.

A training is decided on under its tenant's lock, in the step that makes the candidate: two at once cannot both win.
What follows tells of it. The checks are in `checks.adapters`.
"""

import dagster as dg
import polars as pl

from io_managers.tables import WINDOW_COLUMN
from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.training import table
from ovpo.sop.training import training_set as sets
from ovpo.sop.training.training import train
from ovpo.sop.training.winners import winners
from ovpo_assets import lanes, preview
from ovpo_assets.groups import ADAPTERS, EMBEDDINGS
from ovpo_assets.partitions import day_of, days, hours_of
from ovpo_assets.worked import counted
from resources.sop import Sop


@dg.asset(
    key=[ADAPTERS, "training_set"],
    deps=[dg.AssetKey([EMBEDDINGS, "clips"])],
    group_name=ADAPTERS,
    kinds={"postgres", "parquet"},
    partitions_def=days,
    backfill_policy=lanes.ONE_DAY,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "day"},
)
def training_set(context: dg.AssetExecutionContext, sop: Sop) -> dg.MaterializeResult[pl.DataFrame]:
    """The gold videos that a day's training learns from, gold ones only, and which of them are new to it."""
    golds = sets.training_set(sop.workplace(context.run.run_id), day_of(context))
    by_task = golds.group_by("tenant_id", "task_id").agg(pl.len().alias("golds"), pl.col("new").sum())
    return dg.MaterializeResult(
        value=golds,
        metadata={
            "golds": golds.height,
            "new": int(golds["new"].sum()),
            "by_task": preview.table(by_task.sort("tenant_id", "task_id")),
        },
    )


@dg.asset(
    key=[ADAPTERS, "candidate"],
    deps=[training_set],
    group_name=ADAPTERS,
    kinds={"numpy", "parquet"},
    partitions_def=days,
    backfill_policy=lanes.ONE_DAY,
    pool=lanes.TRAINING_POOL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "day"},
)
def candidate(context: dg.AssetExecutionContext, sop: Sop) -> dg.MaterializeResult[pl.DataFrame]:
    """What the day's trainings learnt: a mean and a spread of each number of a clip, and from how many videos."""
    place, window = sop.workplace(context.run.run_id), hours_of(context)
    worked = train(place, window)
    learnt = table.candidates_table(place, window)
    return dg.MaterializeResult(
        value=learnt,
        metadata={
            **counted(worked),
            "candidates": learnt.height,
            "learnt_from": preview.table(learnt.drop("day", "maker")),
        },
    )


@dg.asset(
    key=[ADAPTERS, "evaluation"],
    deps=[candidate],
    group_name=ADAPTERS,
    kinds={"numba", "parquet"},
    partitions_def=days,
    backfill_policy=lanes.ONE_DAY,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "day"},
)
def evaluation(context: dg.AssetExecutionContext, sop: Sop) -> dg.MaterializeResult[pl.DataFrame]:
    """How well each candidate tells golds of a task from others, beside the champion and beside no adapter at all."""
    measured = table.evaluations_table(sop.workplace(context.run.run_id), hours_of(context))
    best = measured["auc"].max()
    return dg.MaterializeResult(
        value=measured,
        metadata={
            "candidates": measured.height,
            **({"best_auc": best} if isinstance(best, float) else {}),
            "separation": preview.table(measured.drop("day")),
        },
    )


@dg.asset(
    key=[ADAPTERS, "champion"],
    deps=[evaluation],
    group_name=ADAPTERS,
    kinds={"numpy"},
    partitions_def=days,
    backfill_policy=lanes.ONE_DAY,
    io_manager_key="adapters",
)
def champion(context: dg.AssetExecutionContext, sop: Sop) -> dg.MaterializeResult[list[tuple[str, Adapter]]]:
    """The adapters of a day that were no worse than the champion before them, and took its place."""
    place, window = sop.workplace(context.run.run_id), hours_of(context)
    won, decisions = winners(place, window), table.decisions_table(place, window)
    return dg.MaterializeResult(
        value=won,
        data_version=dg.DataVersion(",".join(sorted(adapter.record.name for _, adapter in won)) or "none"),
        metadata={
            "champions": len(won),
            "decisions": preview.table(decisions.select("tenant_id", "adapter", "state", "reason")),
        },
    )


train_adapters = dg.define_asset_job(
    "train_adapters",
    selection=dg.AssetSelection.assets(training_set, candidate, evaluation, champion),
    description="Learn adapters from all gold videos, and keep those that are no worse.",
    run_tags=lanes.ONE_TRAINING,
)
