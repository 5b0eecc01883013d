# SPDX-License-Identifier: Apache-2.0
"""Tables held against a suite by Great Expectations: what passes, what is named, and that nobody is told of it."""

import socket
import subprocess
import sys

import polars as pl
import pytest

from ovpo.foundation.quality import FAULTS, Column, Suite, validate

SUITE = Suite(
    "frames",
    (
        Column("index", pl.Int64, least=0),
        Column("score", pl.Float64, may_be_null=True, least=0, most=1),
        Column("kind", pl.String, among=("a", "b")),
    ),
)
SOUND = pl.DataFrame(
    {"index": [0, 2**53 + 1], "score": [None, 1.0], "kind": ["a", "b"]},
    schema={"index": pl.Int64, "score": pl.Float64, "kind": pl.String},
)


def faults(frame: pl.DataFrame) -> list[tuple[str, str, int | None, str]]:
    found = validate(frame, SUITE)
    assert found.schema == pl.Schema(FAULTS)
    return found.rows()


def test_a_sound_table_has_no_fault() -> None:
    assert faults(SOUND) == []


def test_a_table_without_rows_is_held_against_its_columns_alone() -> None:
    assert faults(SOUND.clear()) == []
    assert faults(SOUND.clear().drop("kind")) == [("kind", "is String", None, "None")]


def test_a_column_of_nothing_but_nulls_is_sound_where_nulls_are() -> None:
    assert faults(SOUND.with_columns(pl.lit(None, dtype=pl.Float64).alias("score"))) == []


@pytest.mark.parametrize(
    ("column", "values", "fault"),
    [
        ("index", [0, -1], ("index", "be between min 0.0", 1, "-1")),
        ("index", [None, 0], ("index", "not be null", 1, "")),
        ("score", [1.5, -0.5], ("score", "be between min 0.0 max 1.0", 2, "1.5, -0.5")),
        ("kind", ["a", "c"], ("kind", "be in set", 1, "c")),
    ],
)
def test_a_value_that_is_not_expected_is_counted_and_shown(
    column: str, values: list[object], fault: tuple[str, str, int, str]
) -> None:
    changed = SOUND.with_columns(pl.Series(column, values, dtype=SOUND.schema[column]))
    assert faults(changed) == [fault]


def test_a_column_of_another_type_and_one_too_many_are_named_and_the_others_still_looked_at() -> None:
    changed = SOUND.with_columns(pl.lit("x").alias("kind"), pl.col("score").cast(pl.String), pl.lit(1).alias("more"))
    assert faults(changed) == [
        ("score", "is Float64", None, "String"),
        ("more", "is not expected", None, ""),
        ("kind", "be in set", 2, "x, x"),
    ]


def test_nothing_leaves_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert faults(SOUND) == []


def test_great_expectations_is_imported_when_a_table_with_rows_is_looked_at_and_not_before() -> None:
    program = (
        "import sys, polars as pl; from ovpo.foundation.quality import *;"
        "suite = Suite('s', (Column('a', pl.Int64),)); validate(pl.DataFrame(schema={'a': pl.Int64}), suite);"
        "assert not {'great_expectations', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
