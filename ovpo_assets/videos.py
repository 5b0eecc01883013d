# SPDX-License-Identifier: Apache-2.0
"""Videos of procedures, by the hour in which they were found. Their checks are in `checks.videos`."""

import dagster as dg
import polars as pl

from io_managers.tables import WINDOW_COLUMN
from ovpo.sop.intake.probing import VERSION, probe
from ovpo.sop.intake.registering import register
from ovpo.sop.intake.table import videos_table
from ovpo_assets import lanes, preview
from ovpo_assets.groups import SOURCES, VIDEOS
from ovpo_assets.partitions import hours, hours_of
from ovpo_assets.versions import version_of
from ovpo_assets.worked import counted
from resources.inbox import Inbox
from resources.sop import Sop

BOOKS = dg.AssetCheckKey(dg.AssetKey([VIDEOS, "registered"]), "books_agree")
"""Looks at all there is, so it is not asked after each run but once a night."""

inbox = dg.AssetSpec(
    [SOURCES, "inbox"],
    group_name=SOURCES,
    kinds={"file"},
    description="Videos that people and cameras drop into the watched folder or prefix, or upload.",
)


@dg.asset(
    key=[VIDEOS, "registered"],
    deps=[inbox],
    group_name=VIDEOS,
    kinds={"postgres"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    pool=lanes.DECODE_POOL,
)
def registered(context: dg.AssetExecutionContext, sop: Sop, inbox: Inbox) -> dg.MaterializeResult[None]:
    """Every file found in an hour: hashed while it was stored, and on record once, whatever its name."""
    worked = register(sop.workplace(context.run.run_id), inbox.open(), hours_of(context))
    return dg.MaterializeResult(metadata=counted(worked))


@dg.asset(
    key=[VIDEOS, "probed"],
    deps=[registered],
    group_name=VIDEOS,
    kinds={"ffmpeg", "parquet"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    pool=lanes.DECODE_POOL,
    code_version=VERSION,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "window_start"},
)
def probed(context: dg.AssetExecutionContext, sop: Sop, inbox: Inbox) -> dg.MaterializeResult[pl.DataFrame]:
    """What each video is, by its codec, size, frames and thumbnail; what cannot be used is quarantined."""
    place, window = sop.workplace(context.run.run_id), hours_of(context)
    worked = probe(place, inbox.open(), window)
    table = videos_table(place, window)
    by_task = table.group_by("task_id", "role", "state").agg(pl.len().alias("videos"), pl.col("seconds").sum())
    return dg.MaterializeResult(
        value=table,
        data_version=version_of(context, table, "video_id", "state", "masked"),
        metadata={**counted(worked), "by_task": preview.table(by_task.sort("task_id", "role", "state"))},
    )


take_in_videos = dg.define_asset_job(
    "take_in_videos",
    selection=dg.AssetSelection.assets(registered, probed) - dg.AssetSelection.checks(BOOKS),
    description="Take in what was found or uploaded.",
)
