# SPDX-License-Identifier: Apache-2.0
"""What must hold of videos: their table is sound, few are refused, and the books agree with what lies in the store."""

from collections.abc import Iterator

import dagster as dg

from io_managers.tables import ParquetTables
from ovpo.foundation.quality import validate
from ovpo.sop.accounting.faults import unaccounted
from ovpo.sop.intake.table import VIDEO_SUITE, not_receipted, refused
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.partitions import windows_to_check
from ovpo_assets.videos import BOOKS, probed, registered
from resources.sop import Sop

WARN = dg.AssetCheckSeverity.WARN
Tables = dg.ResourceParam[ParquetTables]


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=probed, blocking=True, description="Columns, types and ranges hold."),
        dg.AssetCheckSpec("none_refused", asset=probed, description="Every video could be used; else which, and why."),
        dg.AssetCheckSpec("receipted", asset=registered, description="What was taken in has left the inbox."),
    ]
)
def video_checks(context: dg.AssetCheckExecutionContext, tables: Tables) -> Iterator[dg.AssetCheckResult]:
    """The table of videos is sound, and says which could not be used."""
    table = tables.scan(probed.key, windows_to_check(context, probed.key)).collect()
    yield verdict("schema", probed.key, validate(table, VIDEO_SUITE))
    yield verdict("none_refused", probed.key, refused(table), WARN)
    yield verdict("receipted", registered.key, not_receipted(table), WARN)


@dg.asset_check(
    asset=registered,
    name=BOOKS.name,
    description="Every row has its objects, every object its row, and no work is forgotten.",
)
def books_check(context: dg.AssetCheckExecutionContext, sop: Sop) -> dg.AssetCheckResult:
    """Rows and objects of videos, embeddings, adapters and scores belong together; looks at all there is."""
    return verdict(BOOKS.name, registered.key, unaccounted(sop.workplace(context.run.run_id)))


check_books = dg.define_asset_job(
    "check_books",
    selection=dg.AssetSelection.checks(books_check),
    description="Hold what the rows say against what lies in the object store.",
)
