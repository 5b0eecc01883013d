# SPDX-License-Identifier: Apache-2.0
"""Raw embeddings of videos: the part of the SOP graph that wants an accelerator. Their checks are in `checks.clips`."""

from dataclasses import asdict

import dagster as dg
import polars as pl

from io_managers.tables import WINDOW_COLUMN
from ovpo.sop.catalogue.embedding import embed
from ovpo.sop.catalogue.faults import index_faults, mend
from ovpo.sop.catalogue.table import clips_table
from ovpo_assets import lanes, preview
from ovpo_assets.groups import EMBEDDINGS, VIDEOS
from ovpo_assets.partitions import hours, hours_of
from ovpo_assets.versions import version_of
from ovpo_assets.worked import counted
from resources.sop import Sop


@dg.asset(
    key=[EMBEDDINGS, "clips"],
    deps=[dg.AssetKey([VIDEOS, "probed"])],
    group_name=EMBEDDINGS,
    kinds={"pytorch", "numpy"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    op_tags=lanes.GPU,
    pool=lanes.GPU_POOL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "window"},
)
def clips(context: dg.AssetExecutionContext, sop: Sop) -> dg.MaterializeResult[pl.DataFrame]:
    """A row of numbers for each clip of each video, as the chosen embedder sees it, in files with their sidecars."""
    place, window = sop.workplace(context.run.run_id), hours_of(context)
    mended = mend(place, index_faults(place, window))
    worked = embed(place, window)
    table = clips_table(place, window)
    by_task = table.group_by("task_id", "role").agg(pl.len().alias("videos"), pl.col("clips").sum())
    return dg.MaterializeResult(
        value=table,
        data_version=version_of(context, table, "video_id", "maker"),
        metadata={
            **counted(worked),
            **{f"mended_{what}": count for what, count in asdict(mended).items()},
            "clips": int(table["clips"].sum()),
            "by_task": preview.table(by_task.sort("task_id", "role")),
        },
    )


embed_clips = dg.define_asset_job(
    "embed_clips",
    selection=dg.AssetSelection.assets(clips),
    description="Embed the videos that were probed.",
)
