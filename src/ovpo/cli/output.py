# SPDX-License-Identifier: Apache-2.0
"""How an answer is printed: as a table for people, as the JSON that the API gave, or as CSV. What is in it is not its.

A cell of a table is text, never markup. On a terminal a table is as wide as that; elsewhere as wide as its content.
"""

import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import IO, Any, Final, Generic, Literal, TypeVar, cast

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ovpo.cli.words import UNKNOWN, local, moment, number, printable, printable_json

WIDTH_OF_A_FILE: Final = 1_000_000
_FILLING: Final = re.compile(r" +$", re.MULTILINE)
LEAST_FOLDED: Final = 16
EVERY_COLUMN: Final = "-o csv has every column"
_FORMULA: Final = ("=", "+", "-", "@")
Row = TypeVar("Row")
Row_contra = TypeVar("Row_contra", contravariant=True)


class Output(StrEnum):
    """How something is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Column(Generic[Row_contra]):
    """A column: its name in CSV, where its value is, how a person reads it, and what becomes of it in a table.

    One that folds may take several lines; of those that may be spared, a narrow window spares the highest first.
    """

    name: str
    value: Callable[[Row_contra], Any]
    shown: Callable[[Any], str | Text] | None = None
    right: bool = False
    heading: str | None = None
    in_table: bool = True
    folds: bool = False
    spare: int = 0


class _Trimmed(io.TextIOBase):
    """Standard output without the blanks that fill a table's lines up."""

    def write(self, text: str) -> int:
        """Print text, which comes in whole lines."""
        return sys.stdout.write(_FILLING.sub("", text))

    def flush(self) -> None:
        """Let go of what was printed."""
        sys.stdout.flush()


def console() -> Console:
    """Print as wide as the terminal, and without cutting anything where there is none."""
    made = Console(highlight=False, markup=False, emoji=False)
    if made.is_terminal:
        return made
    return Console(file=cast("IO[str]", _Trimmed()), highlight=False, markup=False, emoji=False, width=WIDTH_OF_A_FILE)


def print_table(rows: Sequence[Row], columns: Sequence[Column[Row]], remedy: str = EVERY_COLUMN) -> None:
    """Print rows as a table; columns for which a terminal is too narrow are left out and named below, with a remedy."""
    screen = console()
    zone = _zone(rows, columns)
    cells = {
        column.name: [_cell(column.value(row), column, zone) for row in rows] for column in columns if column.in_table
    }
    kept = [column for column in columns if column.in_table]
    left = _left_out(kept, {name: _width(lines) for name, lines in cells.items()}, screen.width)
    made = Table(box=None, header_style="bold", pad_edge=False)
    shown = [column for column in kept if column.name not in left]
    for column in shown:
        justify: Literal["left", "right"] = "right" if column.right else "left"
        is_time = any(isinstance(column.value(row), datetime) for row in rows)
        heading = Text(f"{_heading(column)} ({zone})" if is_time and zone else _heading(column))
        made.add_column(heading, justify=justify, overflow="fold", no_wrap=not column.folds)
    for place in range(len(rows)):
        made.add_row(*(cells[column.name][place] for column in shown))
    screen.print(made)
    if left:
        names = ", ".join(_heading(column) for column in kept if column.name in left)
        screen.print(Text(f"Left out in this window: {names}. {remedy}.", "dim"))


def facts(pairs: Iterable[tuple[str, str | Text | None]]) -> Table:
    """Put names and what is known of each beside one another; what is not known is left out."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, said in pairs:
        if said is not None and str(said):
            made.add_row(Text(printable(name)), said if isinstance(said, Text) else Text(printable(said)))
    return made


def print_json(raw: bytes) -> None:
    """Print JSON as it came, laid out; only what no terminal should get is spelled as JSON spells it."""
    sys.stdout.write(printable_json(msgspec.json.format(raw, indent=2).decode()) + "\n")


def print_json_line(raw: bytes) -> None:
    """Print JSON on one line."""
    sys.stdout.write(printable_json(msgspec.json.format(raw, indent=-1).decode()) + "\n")


class Csv(Generic[Row]):
    """Rows as CSV on standard output: the names of the columns first, always all of them in the same order."""

    def __init__(self, columns: Sequence[Column[Row]]) -> None:
        self._columns = columns
        self._rows = csv.writer(sys.stdout, lineterminator="\n")
        self._rows.writerow([plain(column.name) for column in columns])

    def write(self, rows: Iterable[Row]) -> None:
        """Print rows."""
        self._rows.writerows([plain(column.value(row)) for column in self._columns] for row in rows)


def print_rows(rows: Sequence[Row], columns: Sequence[Column[Row]], output: Output, raw: bytes) -> None:
    """Print rows in any form; the table of none is left to the caller to word."""
    if output is Output.JSON:
        print_json(raw)
    elif output is Output.CSV:
        Csv(columns).write(rows)
    elif rows:
        print_table(rows, columns)


def plain(value: Any) -> str:
    """Give a value for CSV: nothing for none, a number or time as the API spells it, no formula, nothing invisible."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, msgspec.Raw):
        value = bytes(value).decode()
    elif isinstance(value, (dict, list)):
        value = msgspec.json.encode(value).decode()
    text = printable(str(value))
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _heading(column: Column[Any]) -> str:
    return printable(column.heading if column.heading is not None else column.name.replace("_", " "))


def _zone(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str | None:
    """Name the zone that all times of a table share, which its headings then say; None where they share none."""
    values = (column.value(row) for row in rows for column in columns if column.in_table)
    zones = {local(value).tzname() for value in values if isinstance(value, datetime)}
    return zones.pop() if len(zones) == 1 else None


def _width(cells: Iterable[Text]) -> int:
    return max((cell.cell_len for cell in cells), default=0)


def _left_out(columns: Sequence[Column[Any]], widths: Mapping[str, int], room: int) -> set[str]:
    """Choose columns to leave out, the least needed first, until the rest has room. Pure."""
    needed = {
        column.name: max(
            min(widths[column.name], LEAST_FOLDED) if column.folds else widths[column.name], len(_heading(column))
        )
        for column in columns
    }
    left: set[str] = set()
    for column in sorted((one for one in columns if one.spare), key=lambda one: -one.spare):
        if sum(needed.values()) - sum(needed[name] for name in left) + 2 * (len(needed) - len(left)) <= room:
            break
        left.add(column.name)
    return left


def _cell(value: Any, column: Column[Any], zone: str | None) -> Text:
    """Give one cell of a table."""
    if value is None:
        return Text(UNKNOWN, "dim")
    if column.shown is not None:
        said = column.shown(value)
    elif isinstance(value, datetime):
        said = moment(value, zone=zone is None)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        said = number(value)
    else:
        said = str(value)
    return said if isinstance(said, Text) else Text(printable(said))
