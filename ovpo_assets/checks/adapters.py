# SPDX-License-Identifier: Apache-2.0
"""What must hold of adapters: learnt from gold videos only, sound, and no worse than the champion before."""

from collections.abc import Iterator

import dagster as dg

from io_managers.tables import ParquetTables
from ovpo.foundation.quality import validate
from ovpo.sop.training import table
from ovpo.sop.training.training_set import TRAINING_SET
from ovpo_assets.adapters import candidate, champion, evaluation, training_set
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.partitions import days, span_of, windows_to_check
from resources.sop import Sop

Tables = dg.ResourceParam[ParquetTables]


@dg.asset_check(
    asset=training_set, name="gold_only", blocking=True, description="It holds gold videos and no others, each once."
)
def gold_check(context: dg.AssetCheckExecutionContext, tables: Tables) -> dg.AssetCheckResult:
    """No adapter is learnt from what a trainee did."""
    golds = tables.scan(training_set.key, windows_to_check(context, training_set.key)).collect()
    return verdict("gold_only", training_set.key, validate(golds, TRAINING_SET))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("schema", asset=candidate, description="Columns, types and ranges hold."),
        dg.AssetCheckSpec("schema", asset=evaluation, description="Columns, types and ranges hold."),
        dg.AssetCheckSpec("sound", asset=champion, description="Spread above 0 everywhere, learnt from gold only."),
    ]
)
def adapter_checks(context: dg.AssetCheckExecutionContext, tables: Tables, sop: Sop) -> Iterator[dg.AssetCheckResult]:
    """What was learnt and measured is in its tables, and a champion's files can be used."""
    windows = windows_to_check(context, candidate.key)
    learnt, measured = (tables.scan(of.key, windows).collect() for of in (candidate, evaluation))
    yield verdict("schema", candidate.key, validate(learnt, table.CANDIDATES))
    yield verdict("schema", evaluation.key, validate(measured, table.EVALUATIONS))
    faults = table.unsound(sop.workplace(context.run.run_id), span_of(days, windows))
    yield verdict("sound", champion.key, faults)
