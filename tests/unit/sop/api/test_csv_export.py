# SPDX-License-Identifier: Apache-2.0
"""The table of scores: quoted where it must be, and never a formula."""

import csv
from io import StringIO

import pytest

from ovpo.sop.api.csv_export import COLUMNS, cell, head


def test_the_head_names_every_column_and_says_that_it_is_utf_8() -> None:
    assert head().startswith(b"\xef\xbb\xbf")
    assert next(csv.reader(StringIO(head().decode("utf-8-sig")))) == list(COLUMNS)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\n+1", "\u00a0=1", "|x", "%x", "\uff1d1"])
def test_a_text_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "inert"), [("a;=1", "a;'=1"), ("a;b; +1", "a;b; '+1"), ("a\n=1", "a\n'=1"), ("=1;@x", "'=1;'@x")]
)
def test_nor_would_one_that_takes_semicolons_or_lines_for_the_end_of_a_cell(text: str, inert: str) -> None:
    assert cell(text) == inert


@pytest.mark.parametrize("text", ["a;b", "monday", "1", "a=b", "ünïcode", "a,b", 'a"b', ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


def test_numbers_below_zero_are_numbers() -> None:
    assert cell(-1.5) == "-1.5"
