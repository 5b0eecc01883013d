# SPDX-License-Identifier: Apache-2.0
"""A list of the API on the terminal: one page of it, or all of it page after page, in each of the three forms."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar

import msgspec
import typer

from ovpo.cli.client import Answer, ApiRefusalError, Client, parsed
from ovpo.cli.output import Column, Csv, Output, print_json_line, print_rows, print_table

ROWS: Final = 20
ROWS_OF_A_WALK: Final = 1_000
LONGEST_WAIT: Final = 120
WAITS: Final = 20
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """A list: where it is, the field that holds its rows, what a row is, its columns, what is said of an empty one."""

    path: str
    field: str
    row: type[Row]
    columns: Sequence[Column[Row]]
    nothing: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A page as it came, its rows as they came and as they are read, and where the next begins."""

    answer: Answer
    raw: Sequence[msgspec.Raw]
    rows: Sequence[Row]
    next_cursor: str | None


def show_list(
    api: Client,
    listing: Listing[Row],
    query: Mapping[str, Any],
    output: Output,
    *,
    limit: int | None = None,
    every: bool = False,
    note: str = "",
) -> None:
    """Print a list; `note` is a line for people under its table."""
    if every:
        _all(api, listing, {**query, "limit": limit or ROWS_OF_A_WALK}, output)
        return
    page = _page(api, listing, {**query, "limit": limit or ROWS})
    print_rows(page.rows, listing.columns, output, page.answer.raw)
    if output is Output.TABLE:
        if not page.rows:
            typer.echo(listing.nothing)
        if page.next_cursor:
            typer.echo(f"There are more: --limit {ROWS_OF_A_WALK} shows more at once, --all every one.")
        if page.rows and note:
            typer.echo(note)


def show_whole(api: Client, listing: Listing[Row], output: Output) -> None:
    """Print a list that has no pages."""
    page = _page(api, listing, {})
    print_rows(page.rows, listing.columns, output, page.answer.raw)
    if output is Output.TABLE and not page.rows:
        typer.echo(listing.nothing)


def _all(api: Client, listing: Listing[Row], query: Mapping[str, Any], output: Output) -> None:
    rows = Csv(listing.columns) if output is Output.CSV else None
    count = 0
    for page in _walk(api, listing, query):
        count += len(page.rows)
        if output is Output.JSON:
            for raw in page.raw:
                print_json_line(bytes(raw))
        elif rows is not None:
            rows.write(page.rows)
        elif page.rows:
            print_table(page.rows, listing.columns)
    if output is Output.TABLE:
        typer.echo(f"{count:,} in all." if count else listing.nothing)


def _walk(api: Client, listing: Listing[Row], query: Mapping[str, Any]) -> Iterator[Page[Row]]:
    """Give every page; a walk that has begun waits where the API says that it asks too often."""
    page = _page(api, listing, query)
    yield page
    while page.next_cursor:
        page = _patient(api, listing, {**query, "cursor": page.next_cursor})
        yield page


def _patient(api: Client, listing: Listing[Row], query: Mapping[str, Any]) -> Page[Row]:
    for _ in range(WAITS):
        try:
            return _page(api, listing, query)
        except ApiRefusalError as error:
            wait = error.retry_after
            if error.status != HTTPStatus.TOO_MANY_REQUESTS or wait is None or wait > LONGEST_WAIT:
                raise
            typer.echo(f"ovpo: too many requests for now; going on in {wait} s", err=True)
            time.sleep(wait)
    return _page(api, listing, query)


def _page(api: Client, listing: Listing[Row], query: Mapping[str, Any]) -> Page[Row]:
    answer = api.get(listing.path, query)
    found = answer.read(dict[str, msgspec.Raw])
    raw = parsed(found.get(listing.field, msgspec.Raw(b"null")), list[msgspec.Raw])
    cursor = parsed(found.get("next_cursor", msgspec.Raw(b"null")), str | None)  # type: ignore[arg-type]
    return Page(answer, raw, [parsed(one, listing.row) for one in raw], cursor)
