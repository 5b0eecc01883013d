# SPDX-License-Identifier: Apache-2.0
"""What every check reports through. The rules that are checked stand elsewhere."""

import dagster as dg
import polars as pl

SAMPLE = 20


def verdict(
    name: str,
    asset: dg.AssetKey,
    faults: pl.DataFrame,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """Pass when no row offends; otherwise report the count and at most 20 rows."""
    rows = [
        dg.TableRecord({column: str(value) for column, value in row.items()}) for row in faults.head(SAMPLE).to_dicts()
    ]
    sample = {"sample": dg.MetadataValue.table(rows)} if rows else {}
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=not faults.height,
        severity=severity,
        metadata={"faults": faults.height, **sample},
    )
