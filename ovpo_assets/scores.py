# SPDX-License-Identifier: Apache-2.0
"""Scores of trainees' videos against gold ones, and the reports of them. Their checks are in `checks.scores`."""

from base64 import b64encode

import dagster as dg
import polars as pl

from io_managers.tables import WINDOW_COLUMN
from ovpo.sop.procedures.reporting import report
from ovpo.sop.procedures.scoring import score
from ovpo.sop.procedures.showing import similarity_picture, verdicts
from ovpo.sop.procedures.table import reports_table, scores_table
from ovpo_assets import lanes, preview
from ovpo_assets.embeddings import adapted
from ovpo_assets.groups import SCORES, SOURCES
from ovpo_assets.partitions import hours, hours_of
from ovpo_assets.versions import version_of
from ovpo_assets.worked import counted
from resources.sop import Sop

definitions = dg.AssetSpec(
    [SOURCES, "definitions"],
    group_name=SOURCES,
    kinds={"postgres"},
    description="What people say of procedures: their steps by name, and how a run of them is judged.",
)


@dg.asset(
    key=[SCORES, "procedures"],
    deps=[adapted, definitions],
    group_name=SCORES,
    kinds={"numba", "parquet"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    pool=lanes.SCORING_POOL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "window"},
)
def procedures(context: dg.AssetExecutionContext, sop: Sop) -> dg.MaterializeResult[pl.DataFrame]:
    """What each trainee's video comes to beside its task's gold: verdict, points, steps and deviations."""
    place, window = sop.workplace(context.run.run_id), hours_of(context)
    worked = score(place, window)
    table = scores_table(place, window)
    picture = similarity_picture(place, window)
    return dg.MaterializeResult(
        value=table,
        data_version=version_of(
            context, table, "score_id", "gold_id", "maker", "adapter", "definition_version", "points"
        ),
        metadata={
            **counted(worked),
            "verdicts": preview.table(verdicts(table)),
            **({"worst": shown(picture)} if picture else {}),
        },
    )


@dg.asset(
    key=[SCORES, "reports"],
    deps=[procedures],
    group_name=SCORES,
    kinds={"pdf", "parquet"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    pool=lanes.SCORING_POOL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "window"},
)
def reports(context: dg.AssetExecutionContext, sop: Sop) -> dg.MaterializeResult[pl.DataFrame]:
    """A PDF of each score, with the pictures it is drawn from and their data beside it."""
    place, window = sop.workplace(context.run.run_id), hours_of(context)
    worked = report(place, window)
    table = reports_table(place, window)
    return dg.MaterializeResult(value=table, metadata={**counted(worked), "bytes": int(table["bytes"].sum())})


def shown(picture: bytes) -> dg.MarkdownMetadataValue:
    """Show a small picture; Dagster keeps it for ever."""
    return dg.MetadataValue.md(
        f"![similarity of gold and trainee](data:image/png;base64,{b64encode(picture).decode()})"
    )


score_procedures = dg.define_asset_job(
    "score_procedures",
    selection=dg.AssetSelection.assets(adapted, procedures, reports),
    description="Adapt, score and report what has its embeddings.",
)
