# SPDX-License-Identifier: Apache-2.0
"""`ovpo audit`: look at the audit chain, seal and verify it, export it. What each of these means is said elsewhere."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn

import msgspec
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ovpo.cli import show
from ovpo.cli.output import Column, Csv, Output
from ovpo.foundation.http.fields import Moment
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.errors import ObjectStoreError
from ovpo.foundation.observability import logs
from ovpo.foundation.postgres.connect import lend
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LogLevel, PostgresRole, Settings
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.governance.audit import exporting, offline, reading, sealing, verifying
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.events import Actor, EventType
from ovpo.governance.audit.keys import load_keys
from ovpo.governance.audit.reading import Filter
from ovpo.governance.audit.record import Record, instant
from ovpo.governance.audit.verifying import Verdict
from ovpo.governance.audit.walk import Fault

FAILED: Final = 1
USAGE: Final = 2
ACTOR: Final = Actor("console")
COLUMNS: Final = ("seq", "timestamp", "event_type", "actor_id", "actor_ip", "resource_type", "resource_id", "metadata")
TELL_EVERY: Final = 1_000

app = typer.Typer(help="Look at the audit chain, seal and verify it, and export it.", no_args_is_help=True)


Tenant = Annotated[str, typer.Option("--tenant", help="Whose chain.")]
AnyTenant = Annotated[str | None, typer.Option("--tenant", help="Only this tenant's chain; else every one.")]
Since = Annotated[str | None, typer.Option("--from", metavar="MOMENT", help="Only records from this moment or day on.")]
Before = Annotated[str | None, typer.Option("--to", metavar="MOMENT", help="Only records before this moment or day.")]
Event = Annotated[EventType | None, typer.Option("--event-type", help="Only events of this kind.")]
ByActor = Annotated[str | None, typer.Option("--actor", help="Only what this actor did.")]
Kind = Annotated[str | None, typer.Option("--resource-type", help="Only what was done to this kind of thing.")]
Resource = Annotated[str | None, typer.Option("--resource-id", help="Only what was done to this thing.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many records at most.")]
As = Annotated[Output, typer.Option("--output", "-o", help="How to print them.")]
Export = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the export.", dir_okay=False)]
KeyFile = Annotated[Path, typer.Option("--key-file", help="File that holds the secret that signed it.", dir_okay=False)]


@app.command("list")
def list_records(
    tenant: Tenant,
    event_type: Event = None,
    actor: ByActor = None,
    resource_type: Kind = None,
    resource_id: Resource = None,
    since: Since = None,
    before: Before = None,
    limit: Limit = 20,
    output: As = Output.TABLE,
) -> None:
    """List a tenant's records, the newest first. That they were looked at is recorded too."""
    wanted = Filter(event_type, actor, resource_type, resource_id, _moment("--from", since), _moment("--to", before))
    settings = _settings()
    with _told(), lend(settings.postgres, PostgresRole.GOVERN) as connection:
        found = reading.page(connection, tenant, wanted, limit)
        append(connection, tenant, [ACTOR.entry(EventType.AUDIT_READ, "audit_log", "records", records=len(found))])
    _print(found, output)


@app.command()
def verify(tenant: AnyTenant = None) -> None:
    """Verify chains against their head and their seals in the database and in the object store.

    Exits with 1 when one is broken, and says which record is the first and what was done to it.
    """
    settings = _settings()
    with _told():
        keys, objects = load_keys(settings.audit), open_objects(settings.objects, settings.query, settings.home)
        with lend(settings.postgres, PostgresRole.GOVERN) as connection:
            tenants = [tenant] if tenant else verifying.tenants(connection, objects)
            sound = True
            for one in tenants:
                with _counted(one) as watch:
                    verdict = verifying.verify(connection, objects, keys, one, watch=watch)
                _say(verdict)
                sound = sound and verdict.is_sound
    if not tenants:
        typer.echo("There is no chain yet.")
    if not sound:
        raise typer.Exit(FAILED)


@app.command()
def export(tenant: Tenant, file: Export, since: Since = None, before: Before = None) -> None:
    """Write a tenant's chain, or a piece of it, into a signed file that `ovpo audit check` verifies anywhere."""
    first, end = _moment("--from", since), _moment("--to", before)
    settings = _settings()
    with _told(), _counted(tenant) as watch, lend(settings.postgres, PostgresRole.GOVERN) as connection:
        keys = load_keys(settings.audit)
        written = exporting.export(
            connection, keys, exporting.header(tenant, first, end, keys), file, ACTOR, watch=watch
        )
    typer.echo(f"{_count(written, 'record')} of {tenant} written to {file}, signed with the key {keys.key_id}.")


@app.command()
def check(file: Export, key_file: KeyFile) -> None:
    """Verify an export with the secret that signed it: it takes no database and no settings.

    Exits with 1 when it is not what was exported.
    """
    with _told():
        checked = offline.check(file, _secret(key_file))
    piece = "the whole chain" if checked.since is None and checked.before is None else "a piece of the chain"
    for fault in checked.faults:
        typer.echo(f"✗ {file}: {_sentence(fault)}", err=True)
    if checked.faults:
        raise typer.Exit(FAILED)
    exported = f"exported at {checked.exported_at:%Y-%m-%d %H:%M:%SZ}, signed with the key {checked.key_id}"
    typer.echo(f"✓ {file}: {_count(checked.records, 'record')}, {piece} of {checked.tenant_id}, {exported}.")


@app.command()
def seal(tenant: AnyTenant = None) -> None:
    """Seal chains now, as happens every night: sign where each stands, in the database and in the object store."""
    settings = _settings()
    with _told(), lend(settings.postgres, PostgresRole.GOVERN) as connection:
        objects = open_objects(settings.objects, settings.query, settings.home)
        done = sealing.seal(connection, objects, load_keys(settings.audit), datetime.now(UTC), tenant)
    for one in done.seals:
        typer.echo(f"{one.tenant_id}: sealed at record {one.seq}, {instant(one.sealed_at)}")
    typer.echo(f"{_count(done.made, 'seal')} made; {len(done.seals) - done.made} stood already.")


def _settings() -> Settings:
    settings = load()
    logs.configure(settings.log.model_copy(update={"level": LogLevel.ERROR}), "audit")
    return settings


@contextmanager
def _told() -> Iterator[None]:
    """Say in one line what a person can mend."""
    try:
        yield
    except (AuditError, StoreUnavailableError, ObjectStoreError) as error:
        _end(str(error), FAILED)


@contextmanager
def _counted(title: str) -> "Iterator[verifying.Watch]":
    """Count the records that go by, where a person looks on."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,.0f} records"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(title), total=None)

        def watch(records: Iterable[Record]) -> Iterator[Record]:
            for number, record in enumerate(records, 1):
                yield record
                if number % TELL_EVERY == 0:
                    bar.update(task, completed=number)

        yield watch


def _moment(option: str, text: str | None) -> datetime | None:
    try:
        return TypeAdapter[datetime | None](Moment | None).validate_python(text)
    except ValidationError as error:
        _end(f"{option}: {error.errors()[0]['msg']}", USAGE)


def _secret(file: Path) -> bytes:
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise AuditError(f"--key-file: {file}: {error.strerror or error}") from error
    if not secret:
        raise AuditError(f"--key-file: {file} is empty; it takes the secret, OVPO_AUDIT__SIGNING_KEY as it was then")
    return secret


def _say(verdict: Verdict) -> None:
    if verdict.is_sound:
        looked_at = f"{_count(verdict.records, 'record')} and {_count(verdict.seals, 'seal')}"
        typer.echo(f"✓ {verdict.tenant_id}: {looked_at} are sound.")
    for fault in verdict.faults:
        typer.echo(f"✗ {verdict.tenant_id}: {_sentence(fault)}", err=True)


def _sentence(fault: Fault) -> str:
    where = f" [seq {fault.seq}]" if fault.seq is not None else ""
    return f"{fault.said}{f' [seq {fault.seq}, audit id {fault.audit_id}]' if fault.audit_id else where}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _end(message: str, code: int) -> NoReturn:
    typer.echo(f"ovpo: {message}", err=True)
    raise typer.Exit(code)


def _print(found: Sequence[Record], output: Output) -> None:
    if output is Output.JSON:
        typer.echo(msgspec.json.format(msgspec.json.encode({"records": [_shown(one) for one in found]}), indent=2))
    elif output is Output.CSV:
        Csv([Column(name, partial(_cell, column=name)) for name in COLUMNS]).write(found)
    else:
        show.console().print(_table(found))
        typer.echo("" if found else "No records match.", nl=not found)


def _shown(record: Record) -> dict[str, object]:
    plain = {name: getattr(record, name) for name in Record.__slots__}
    return {**plain, "timestamp": instant(record.timestamp), "metadata": json.loads(record.metadata)}


def _cell(record: Record, column: str) -> str:
    value = instant(record.timestamp) if column == "timestamp" else getattr(record, column)
    return "" if value is None else "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in str(value))


def _table(found: Sequence[Record]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in COLUMNS:
        plain = heading not in {"resource_id", "metadata"}
        table.add_column(heading, justify="right" if heading == "seq" else "left", no_wrap=plain, overflow="fold")
    for one in found:
        table.add_row(*(escape(_cell(one, column)) for column in COLUMNS))
    return table
