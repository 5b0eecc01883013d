# SPDX-License-Identifier: Apache-2.0
"""Embeddings that went through their tenant's champion adapter. Their checks are in `checks.embeddings`."""

import dagster as dg
import polars as pl

from io_managers.tables import WINDOW_COLUMN
from ovpo.sop.catalogue.adapting import adapt
from ovpo.sop.catalogue.table import adapted_table
from ovpo_assets import lanes
from ovpo_assets.adapters import champion
from ovpo_assets.groups import EMBEDDINGS
from ovpo_assets.partitions import hours, hours_of
from ovpo_assets.versions import version_of
from resources.sop import Sop


@dg.asset(
    key=[EMBEDDINGS, "adapted"],
    deps=[
        dg.AssetKey([EMBEDDINGS, "clips"]),
        dg.AssetDep(champion, partition_mapping=dg.LastPartitionMapping()),
    ],
    group_name=EMBEDDINGS,
    kinds={"numpy", "parquet"},
    partitions_def=hours,
    backfill_policy=lanes.BACKFILL,
    io_manager_key="tables",
    metadata={WINDOW_COLUMN: "window"},
)
def adapted(context: dg.AssetExecutionContext, sop: Sop) -> dg.MaterializeResult[pl.DataFrame]:
    """The embeddings of an hour's videos through the champion adapter of their tenant, where there is one."""
    place, window = sop.workplace(context.run.run_id), hours_of(context)
    done = adapt(place, window)
    table = adapted_table(place, window)
    return dg.MaterializeResult(
        value=table,
        data_version=version_of(context, table, "video_id", "maker", "adapter"),
        metadata={"adapted": done.adapted, "without_champion": done.waiting, "refused": done.refused},
    )
