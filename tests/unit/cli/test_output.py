# SPDX-License-Identifier: Apache-2.0
"""Rows as CSV, as JSON and as tables: what is guarded, what stays as it is, what a narrow window leaves out."""

import csv
import io
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import msgspec
import pytest
from rich.text import Text

from ovpo.cli.output import Column, Csv, Output, plain, print_json, print_rows, print_table


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-DROP", "'-DROP"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\\x09=1"),
        ("-12.5", "-12.5"),
        ("-1_0", "'-1_0"),
        (-12.5, "-12.5"),
        (True, "true"),
        (None, ""),
        ("a\x1b[31m\u202eb", "a\\x1b[31m\\u202eb"),
        (datetime(2026, 11, 21, 12, 0, 0, 5, UTC), "2026-11-21T12:00:00.000005Z"),
        (msgspec.Raw(b'{"a":1e400}'), '{"a":1e400}'),
        ({"a": "b"}, '{"a":"b"}'),
    ],
)
def test_a_value_of_csv_is_no_formula_and_nothing_invisible(value: Any, written: str) -> None:
    assert plain(value) == written


def test_csv_has_all_columns_in_their_order_however_wide(capsys: pytest.CaptureFixture[str]) -> None:
    columns: list[Column[tuple[str, ...]]] = [
        Column(name, itemgetter(place), in_table=place == 0) for place, name in enumerate("abc")
    ]
    print_rows([("1,2", "x\ny", '"')], columns, Output.CSV, b"")
    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == [["a", "b", "c"], ["1,2", "x\\x0ay", '"']]


def test_json_keeps_numbers_as_they_came(capsys: pytest.CaptureFixture[str]) -> None:
    print_json('{"n":1e400,"long":12345678901234567890123,"z":1.10,"name":"\x9b31m"}'.encode())
    said = capsys.readouterr().out
    assert '"n": 1e400' in said
    assert '"long": 12345678901234567890123' in said
    assert '"z": 1.10' in said
    assert "\\u009b31m" in said


def test_a_table_outside_a_terminal_is_never_cut_and_has_no_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 2_000
    columns: list[Column[str]] = [Column("text", str), Column("more", lambda _: None)]
    print_table([long, "y"], columns)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(long)
    assert [line for line in lines if line.endswith(" ")] == []


def test_markup_in_a_cell_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["[red]x[/red] :smile:"], [Column("text", str)])
    assert "[red]x[/red] :smile:" in capsys.readouterr().out


def test_a_narrow_terminal_spares_the_least_needed_columns_and_names_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "30")
    columns: list[Column[str]] = [
        Column("name", str),
        Column("second", lambda _: "s" * 15, spare=1),
        Column("third", lambda _: "t" * 15, spare=2),
    ]
    print_table(["n" * 10], columns)
    said = " ".join(Text.from_ansi(capsys.readouterr().out).plain.split())
    assert "s" * 15 in said
    assert "t" * 15 not in said
    assert "Left out in this window: third. -o csv has every column." in said


def test_rows_may_come_in_parts_under_one_head(capsys: pytest.CaptureFixture[str]) -> None:
    rows = Csv[int]([Column("n", int)])
    rows.write([1, 2])
    rows.write([3])
    assert capsys.readouterr().out == "n\n1\n2\n3\n"
