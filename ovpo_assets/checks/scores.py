# SPDX-License-Identifier: Apache-2.0
"""What must hold of scores and their reports."""

from collections.abc import Iterator

import dagster as dg

from io_managers.tables import ParquetTables
from ovpo.foundation.quality import validate
from ovpo.sop.procedures import rules
from ovpo.sop.procedures.table import REPORT_SUITE, SCORE_SUITE
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.partitions import windows_to_check
from ovpo_assets.scores import procedures, reports

Tables = dg.ResourceParam[ParquetTables]


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=procedures, blocking=True, description="Columns, types and ranges hold."),
        dg.AssetCheckSpec("adds_up", asset=procedures, blocking=True, description="Points are 100 less the losses."),
        dg.AssetCheckSpec("confidence", asset=procedures, description="Confidences are from 0 to 1."),
        dg.AssetCheckSpec("in_time", asset=procedures, description="Times rise and are inside of their video."),
        dg.AssetCheckSpec("has_its_files", asset=procedures, description="Results are there, and no others."),
    ]
)
def score_checks(context: dg.AssetCheckExecutionContext, tables: Tables) -> Iterator[dg.AssetCheckResult]:
    """A score can be trusted: its points follow from its losses, its findings lie inside of the videos."""
    table = tables.scan(procedures.key, windows_to_check(context, procedures.key)).collect()
    yield verdict("schema", procedures.key, validate(table, SCORE_SUITE))
    yield verdict("adds_up", procedures.key, rules.points_faults(table))
    yield verdict("confidence", procedures.key, rules.confidence_faults(table))
    yield verdict("in_time", procedures.key, rules.time_faults(table))
    yield verdict("has_its_files", procedures.key, rules.object_faults(table))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=reports, description="Columns, types and ranges hold."),
        dg.AssetCheckSpec("complete", asset=reports, description="No report is empty or lacks a picture."),
    ]
)
def report_checks(context: dg.AssetCheckExecutionContext, tables: Tables) -> Iterator[dg.AssetCheckResult]:
    """A report is there, with a picture for each deviation."""
    table = tables.scan(reports.key, windows_to_check(context, reports.key)).collect()
    yield verdict("schema", reports.key, validate(table, REPORT_SUITE))
    yield verdict("complete", reports.key, rules.report_faults(table), dg.AssetCheckSeverity.WARN)
