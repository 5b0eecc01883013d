# SPDX-License-Identifier: Apache-2.0
"""`ovpo schema`: whether payloads keep the telemetry contract, judged as the collector judges them."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from ovpo.cli import show
from ovpo.telemetry.contract.limits import BODY_BYTES
from ovpo.telemetry.contract.outcome import EnvelopeError, Item, ItemError
from ovpo.telemetry.contract.read import read_document
from ovpo.telemetry.contract.rules import Reader

INVALID = 1
USAGE = 2
ROWS_OF_A_FILE: Final = 20
SUFFIXES: Final = (".json", ".json.gz")

Paths = Annotated[
    list[Path],
    typer.Argument(exists=True, readable=True, help="Files, or folders whose .json and .json.gz files are read."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Embedded = Annotated[bool, typer.Option("--embedded", help="Take `file:` references, as the embedded stack does.")]

app = typer.Typer(help="Work with the schemas of the telemetry contract.", no_args_is_help=True)


class Problem(msgspec.Struct, frozen=True):
    """One breach in a file; no item index means that the whole body is refused."""

    file: str
    item_index: int | None
    item_type: str | None
    item_id: str | None
    code: str
    field: str
    message: str


class Verdict(msgspec.Struct, frozen=True):
    """What came of all files."""

    files: int
    items_accepted: int
    items_refused: int
    bodies_refused: int
    errors: list[Problem]


@app.callback()
def schema() -> None:
    """Work with the schemas of the telemetry contract."""


@app.command()
def validate(paths: Paths, as_json: AsJson = False, embedded: Embedded = False) -> None:
    """Validate batches and single items, each as the collector would; exit with 1 when something is invalid.

    A file holds a batch (the body of POST /v1/ingest/batch), or one trace, span or event. Folders are searched through.
    """
    files = sorted({file for path in paths for file in _files(path)})
    if not files:
        typer.echo("ovpo: no .json or .json.gz file there; name a file or a folder that holds some", err=True)
        raise typer.Exit(USAGE)
    verdict = _judge(files, Reader(embedded=embedded))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(verdict), indent=2))
    else:
        _print(verdict)
    if verdict.errors:
        raise typer.Exit(INVALID)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from (file for file in path.rglob("*") if file.is_file() and file.name.endswith(SUFFIXES))


def _judge(files: list[Path], reader: Reader) -> Verdict:
    accepted = bodies = 0
    problems: list[Problem] = []
    for file in files:
        try:
            outcome = read_document(_body(file), reader)
        except EnvelopeError as error:
            bodies += 1
            problems.append(Problem(str(file), None, None, None, error.code, error.field, error.message))
            continue
        if isinstance(outcome, Item):
            accepted += 1
        elif isinstance(outcome, ItemError):
            problems.append(_problem(file, outcome))
        else:
            accepted += len(outcome.accepted)
            problems.extend(_problem(file, error) for error in outcome.errors)
    return Verdict(len(files), accepted, len(problems) - bodies, bodies, problems)


def _body(file: Path) -> bytes:
    """Read a file, unpacked, up to the first byte that is too many."""
    try:
        with gzip.open(file) if file.name.endswith(".gz") else file.open("rb") as opened:
            return opened.read(BODY_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        typer.echo(f"ovpo: {file} cannot be read: {error}", err=True)
        raise typer.Exit(USAGE) from None


def _problem(file: Path, error: ItemError) -> Problem:
    return Problem(str(file), error.item_index, error.item_type, error.item_id, error.code, error.field, error.message)


def _print(verdict: Verdict) -> None:
    console = show.console()
    if verdict.errors:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("file", "item", "type", "code", "field", "what to change"):
            table.add_column(heading, overflow="fold")
        shown: dict[str, int] = {}
        for problem in verdict.errors:
            shown[problem.file] = shown.get(problem.file, 0) + 1
            if shown[problem.file] <= ROWS_OF_A_FILE:
                item = "all" if problem.item_index is None else str(problem.item_index)
                row = (problem.file, item, problem.item_type or "", problem.code, problem.field, problem.message)
                table.add_row(*map(escape, row))
        console.print(table)
        for file, count in shown.items():
            if count > ROWS_OF_A_FILE:
                console.print(f"{escape(file)}: and {count - ROWS_OF_A_FILE} more; --json lists them all")
    colour = "red" if verdict.errors else "green"
    console.print(
        f"[{colour}]{verdict.files} files: {verdict.items_accepted} items valid, {verdict.items_refused} invalid, "
        f"{verdict.bodies_refused} bodies refused whole[/]"
    )
