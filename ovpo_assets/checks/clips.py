# SPDX-License-Identifier: Apache-2.0
"""What must hold of raw embeddings, measured on the files themselves."""

from collections.abc import Iterator

import dagster as dg

from io_managers.tables import ParquetTables
from ovpo.foundation.quality import validate
from ovpo.sop.catalogue.table import CLIPS_SUITE, not_as_described, not_unit, outside_of_video
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.clips import clips
from ovpo_assets.partitions import windows_to_check


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=clips, blocking=True, description="Columns, types and ranges hold."),
        dg.AssetCheckSpec("unit_length", asset=clips, blocking=True, description="Rows are finite and have length 1."),
        dg.AssetCheckSpec("as_described", asset=clips, blocking=True, description="Files are there, as they say."),
        dg.AssetCheckSpec("in_time", asset=clips, description="Clips follow one another inside of their video."),
    ]
)
def clip_checks(
    context: dg.AssetCheckExecutionContext, tables: dg.ResourceParam[ParquetTables]
) -> Iterator[dg.AssetCheckResult]:
    """Embeddings can be compared: finite, of unit length, of the size that their sidecar tells, in the video's time."""
    table = tables.scan(clips.key, windows_to_check(context, clips.key)).collect()
    yield verdict("schema", clips.key, validate(table, CLIPS_SUITE))
    yield verdict("unit_length", clips.key, not_unit(table))
    yield verdict("as_described", clips.key, not_as_described(table))
    yield verdict("in_time", clips.key, outside_of_video(table))
