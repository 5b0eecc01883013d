# SPDX-License-Identifier: Apache-2.0
"""`ovpo artifacts`: whether what traces refer to is still there and unchanged. How that is told is said elsewhere."""

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Final, NoReturn

import msgspec
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ovpo.cli import show
from ovpo.cli.output import Column, Csv, Output
from ovpo.foundation.http.fields import TraceId
from ovpo.foundation.objects.errors import ObjectStoreError
from ovpo.foundation.observability import logs
from ovpo.foundation.observability.redact import redact_text
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LogLevel, PostgresRole, Settings
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry.artifacts.verdicts import Claim, Finding, Verdict, claims

FAILED: Final = 1
USAGE: Final = 2
UNREADABLE: Final = 3
CONSOLE: Final = "console"
MARKS: Final = {
    Verdict.OK: "green",
    Verdict.CHANGED: "bold red",
    Verdict.MISSING: "bold red",
    Verdict.UNREADABLE: "yellow",
    Verdict.NOT_CHECKED: "dim",
}

app = typer.Typer(help="Look after the artifacts that traces refer to.", no_args_is_help=True)


Trace = Annotated[str, typer.Option("--trace", metavar="ID", help="The trace, by its id.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Its tenant; needed where two have a trace of this id.")]
As = Annotated[Output, typer.Option("--output", "-o", help="How to print what was found.")]


@app.callback()
def artifacts() -> None:
    """Look after the artifacts that traces refer to."""


@app.command()
def verify(trace: Trace, tenant: Tenant = None, output: As = Output.TABLE) -> None:
    """Read every artifact of a trace and compare it with the checksum and size that its sender stated.

    What lies behind https:// is not fetched. Exits with 1 when an artifact is changed or missing, else with 3 when one
    could not be read.
    """
    settings = load()
    logs.configure(settings.log.model_copy(update={"level": LogLevel.ERROR}), "artifacts")
    try:
        found = [_plain(one) for one in _verified(settings, *_claimed(settings, _trace_id(trace), tenant))]
    except (StoreUnavailableError, ObjectStoreError) as error:
        _end(str(error), FAILED)
    _print(found, output)
    verdicts = Counter(one.verdict for one in found)
    if verdicts[Verdict.CHANGED] + verdicts[Verdict.MISSING]:
        raise typer.Exit(FAILED)
    if verdicts[Verdict.UNREADABLE]:
        raise typer.Exit(UNREADABLE)


def _trace_id(trace: str) -> str:
    try:
        return TypeAdapter[str](TraceId).validate_python(trace)
    except ValidationError as error:
        _end(f"--trace: {error.errors()[0]['msg']}", USAGE)


def _claimed(settings: Settings, trace_id: str, tenant: str | None) -> tuple[str, list[Claim]]:
    """Read what the trace says of its artifacts, and put on record that they are about to be read."""
    from ovpo.foundation.clickhouse.connect import session
    from ovpo.foundation.postgres.connect import lend
    from ovpo.governance.audit import chain
    from ovpo.governance.audit.events import Actor, EventType
    from ovpo.telemetry.artifacts import lookup

    with lend(settings.postgres, PostgresRole.PROCESS) as connection:
        tenants = lookup.tenants_of(connection, trace_id) if tenant is None else [tenant]
        if len(tenants) > 1:
            _end(f"the tenants {', '.join(tenants)} have a trace of this id; choose with --tenant", USAGE)
        named = lookup.manifest(connection, tenants[0], trace_id) if tenants else None
        if named is None:
            _end(f"there is no trace {trace_id}{f' of tenant {tenant}' if tenant else ''}", FAILED)
        with session(settings.clickhouse) as client:
            claimed = claims([*named, *lookup.of_frames(client, tenants[0], trace_id)])
        entry = Actor(CONSOLE).entry(
            EventType.ARTIFACT_DOWNLOAD, "trace", trace_id, purpose="verification", count=len(claimed)
        )
        chain.append(connection, tenants[0], [entry])
    return tenants[0], claimed


def _verified(settings: Settings, tenant_id: str, claimed: Sequence[Claim]) -> list[Finding]:
    """Look at every artifact, with a bar where a person looks on."""
    from ovpo.foundation.objects.connect import open_objects
    from ovpo.telemetry.artifacts.places import Places
    from ovpo.telemetry.artifacts.verifying import verify as look

    places = Places(settings, open_objects(settings.objects, settings.query, settings.home))
    console = Console(stderr=True)
    columns = (TextColumn("artifacts"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[read]:.0f} MB"))
    found = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task, read = bar.add_task("artifacts", total=len(claimed), read=0.0), 0

        def tell(size: int) -> None:
            nonlocal read
            read += size
            bar.update(task, read=read / 1e6)

        for claim in claimed:
            found.append(look(places, tenant_id, claim, tell))
            bar.advance(task)
    return found


def _plain(one: Finding) -> Finding:
    """Make what senders and stores wrote fit for a terminal and a log: no secret, no control character."""
    uri, kind, detail = (_printable(redact_text(text)) for text in (one.uri, one.kind, one.detail))
    return Finding(uri, kind, one.verdict, detail, one.size_bytes)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def _print(found: Sequence[Finding], output: Output) -> None:
    if output is Output.JSON:
        typer.echo(msgspec.json.format(msgspec.json.encode({"artifacts": found}), indent=2))
    elif output is Output.CSV:
        names = ("verdict", "uri", "kind", "size_bytes", "detail")
        Csv([Column(name, attrgetter(name)) for name in names]).write(found)
    else:
        show.console().print(_table(found))
        counts = Counter(one.verdict for one in found)
        said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        typer.echo(said or "The trace refers to no artifact.")


def _table(found: Sequence[Finding]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("verdict", "artifact", "kind", "bytes", "detail"):
        table.add_column(heading, justify="right" if heading == "bytes" else "left", overflow="fold")
    for one in found:
        size = "" if one.size_bytes is None else str(one.size_bytes)
        verdict = f"[{MARKS[one.verdict]}]{one.verdict}[/]"
        table.add_row(verdict, escape(one.uri), escape(one.kind), size, escape(one.detail))
    return table


def _end(message: str, code: int) -> NoReturn:
    typer.echo(f"ovpo: {message}", err=True)
    raise typer.Exit(code)
