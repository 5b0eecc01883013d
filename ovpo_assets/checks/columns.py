# SPDX-License-Identifier: Apache-2.0
"""The rule that all tables share: in every window the columns keep their names and types."""

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from io_managers.tables import ParquetTables

Types = Mapping[str, pl.DataType | type[pl.DataType]]
FAULT = {"window": pl.String, "column": pl.String, "expected": pl.String, "found": pl.String}


def schema_faults(tables: ParquetTables, asset: dg.AssetKey, windows: Sequence[str], expected: Types) -> pl.DataFrame:
    """Look at each window of a table by itself: read together, only the first would show its columns."""
    faults = [
        (window, *fault)
        for window in windows
        for fault in column_faults(tables.scan(asset, [window]).collect_schema(), expected)
    ]
    return pl.DataFrame(faults, schema=FAULT, orient="row")


def column_faults(found: Types, expected: Types) -> list[tuple[str, str, str]]:
    """Name the columns that are missing, of another type, or not expected at all."""
    named = [(name, str(expected.get(name)), str(found.get(name))) for name in dict.fromkeys([*expected, *found])]
    return [(name, wanted, is_there) for name, wanted, is_there in named if wanted != is_there]
