# SPDX-License-Identifier: Apache-2.0
"""What must hold of adapted embeddings, measured on the files themselves."""

from collections.abc import Iterator

import dagster as dg

from io_managers.tables import ParquetTables
from ovpo.foundation.quality import validate
from ovpo.sop.catalogue.faults import index_faults
from ovpo.sop.catalogue.table import ADAPTED_SUITE, not_as_described, not_by_champion, not_unit
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.embeddings import adapted
from ovpo_assets.partitions import hours, span_of, windows_to_check
from resources.sop import Sop


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=adapted, blocking=True, description="Columns, types and ranges hold."),
        dg.AssetCheckSpec("unit_length", asset=adapted, blocking=True, description="Rows are finite, of length 1."),
        dg.AssetCheckSpec("as_described", asset=adapted, blocking=True, description="Files are there, as they say."),
        dg.AssetCheckSpec("by_champion", asset=adapted, description="The adapter is the tenant's champion."),
        dg.AssetCheckSpec("index_is_files", asset=adapted, description="The clip index and its files agree."),
    ]
)
def adapted_checks(
    context: dg.AssetCheckExecutionContext, tables: dg.ResourceParam[ParquetTables], sop: Sop
) -> Iterator[dg.AssetCheckResult]:
    """Adapted embeddings can be compared, and what the index of clips lists is what lies in the store."""
    windows = windows_to_check(context, adapted.key)
    table = tables.scan(adapted.key, windows).collect()
    yield verdict("schema", adapted.key, validate(table, ADAPTED_SUITE))
    yield verdict("unit_length", adapted.key, not_unit(table))
    yield verdict("as_described", adapted.key, not_as_described(table))
    yield verdict("by_champion", adapted.key, not_by_champion(table), dg.AssetCheckSeverity.WARN)
    faults = index_faults(sop.workplace(context.run.run_id), span_of(hours, windows))
    yield verdict("index_is_files", adapted.key, faults)
