# SPDX-License-Identifier: Apache-2.0
"""Declared expectations of a table, and the one function that holds a table against them with Great Expectations.

What a suite demands is said beside the table that it is about. Rules that look across rows are polars or SQL elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

FAULTS: Final = {"column": pl.String, "expectation": pl.String, "rows": pl.Int64, "sample": pl.String}
MOST_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Column:
    """What is expected of a column: its type, whether it may be empty, which values it may hold, bounds included."""

    name: str
    type: pl.DataType | type[pl.DataType]
    may_be_null: bool = False
    least: float | None = None
    most: float | None = None
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """What is expected of a table: these columns and no others."""

    name: str
    columns: tuple[Column, ...]


def validate(frame: pl.DataFrame, suite: Suite) -> pl.DataFrame:
    """Hold a table against a suite; give a row for each broken expectation, none where all hold.

    Types are those of the table itself, since pandas, which Great Expectations works on, has others; a column of the
    wrong type is not looked at further. Great Expectations is imported here, because that takes 7 s and 230 MB.
    """
    wrong = {column.name for column in suite.columns if frame.schema.get(column.name) != column.type}
    types = [fault for column in suite.columns if (fault := _type_fault(frame, column)) is not None]
    strays = [(name, "is not expected", None, "") for name in frame.columns if name not in _names(suite)]
    sound = [column for column in suite.columns if column.name not in wrong]
    values = list(_broken(frame, suite.name, sound)) if frame.height and sound else []
    return pl.DataFrame([*types, *strays, *values], schema=FAULTS, orient="row")


def _names(suite: Suite) -> set[str]:
    return {column.name for column in suite.columns}


def _type_fault(frame: pl.DataFrame, column: Column) -> tuple[str, str, None, str] | None:
    found = frame.schema.get(column.name)
    return None if found == column.type else (column.name, f"is {column.type}", None, str(found))


def _broken(frame: pl.DataFrame, name: str, columns: list[Column]) -> Iterator[tuple[str, str, int, str]]:
    import great_expectations as gx
    import pandas as pd  # type: ignore[import-untyped]
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    context.enable_analytics(enable=False)
    # Objects keep whole numbers whole where some are missing, and need no arrow.
    values = pd.DataFrame({column.name: pd.Series(frame[column.name].to_list(), dtype=object) for column in columns})
    source = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = source.add_batch_definition_whole_dataframe(name).get_batch(batch_parameters={"dataframe": values})
    wanted = [expectation for column in columns for expectation in _expectations(gx, column)]
    for result in batch.validate(gx.ExpectationSuite(name=name, expectations=wanted)).results:
        if not result.success:
            yield _fault(result)


def _expectations(gx_: Any, column: Column) -> Iterator[Any]:
    """Say what is expected in the words of Great Expectations."""
    expect = gx_.expectations
    if not column.may_be_null:
        yield expect.ExpectColumnValuesToNotBeNull(column=column.name)
    if column.least is not None or column.most is not None:
        yield expect.ExpectColumnValuesToBeBetween(column=column.name, min_value=column.least, max_value=column.most)
    if column.among:
        yield expect.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.among))


def _fault(result: Any) -> tuple[str, str, int, str]:
    given = result.expectation_config.kwargs
    words = result.expectation_config.type.removeprefix("expect_column_values_to_").replace("_", " ")
    bounds = [f"{name.removesuffix('_value')} {given[name]}" for name in ("min_value", "max_value") if name in given]
    shown = result.result.get("partial_unexpected_list", [])[:MOST_SHOWN]
    return (
        str(given["column"]),
        " ".join([words, *bounds]),
        int(result.result.get("unexpected_count", 0)),
        ", ".join(str(value) for value in shown if value is not None),
    )
