# SPDX-License-Identifier: Apache-2.0
"""`ovpo alerts check`: whether a rules file is right, and what its rules see now. Nothing is kept, nobody is told."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ovpo.cli import alert_list
from ovpo.cli import show as look
from ovpo.foundation.clickhouse.connect import session
from ovpo.foundation.observability import logs
from ovpo.foundation.postgres.connect import lend
from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LogLevel, PostgresRole
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry.alerts import keeping
from ovpo.telemetry.alerts.actions import type_of
from ovpo.telemetry.alerts.evaluation import measure
from ovpo.telemetry.alerts.life import Reading, known_value
from ovpo.telemetry.alerts.measuring import Measured, Stores
from ovpo.telemetry.alerts.notices import shown
from ovpo.telemetry.alerts.reading import read_rules
from ovpo.telemetry.alerts.rules import Rule, Rulebook
from ovpo.telemetry.alerts.secret_files import faults_of_secrets

FAILED: Final = 1
USAGE: Final = 2
ROWS_OF_A_RULE: Final = 20

File = Annotated[Path, typer.Argument(metavar="FILE", help="A rules file, in YAML.")]
Now = Annotated[bool, typer.Option("--now", help="Ask the running stores what every rule sees now.")]

app = typer.Typer(help="Look at alerts, and check rules of alerts.", no_args_is_help=True)
app.command("list")(alert_list.list_alerts)
app.command("show")(alert_list.show)
app.command("rules")(alert_list.rules)


@app.callback()
def family() -> None:
    """Look at alerts, and check rules of alerts."""


@app.command()
def check(file: File, now: Now = False) -> None:
    """Check a rules file and its secrets, and print what would be evaluated and who would be told.

    With --now the rules are evaluated once against the stores of the settings; no alert fires of it and nobody is told.
    A file that is wrong gives a line for each fault and exits with 2, stores that do not answer with 1.
    """
    book = read_rules(file)
    faults = faults_of_secrets(book)
    console = look.console()
    console.print(_rules(book))
    if book.actions:
        console.print()
        console.print(_actions(book))
    if now:
        _print_values(console, book)
    if faults:
        raise SettingsError([f"{file}: {fault}" for fault in faults])


def _rules(book: Rulebook) -> Table:
    table = _table("rule", "severity", "fires when", "for", "tells")
    for rule in book.rules:
        who = ", ".join(rule.actions) or "nobody"
        table.add_row(rule.name, rule.severity, escape(_condition(rule)), rule.hold, who)
    return table


def _actions(book: Rulebook) -> Table:
    table = _table("action", "type")
    for name, action in book.actions.items():
        table.add_row(name, type_of(action))
    return table


def _condition(rule: Rule) -> str:
    narrowed = {"model": rule.model, "project": rule.project, "failure_kind": rule.failure_kind}
    only = "".join(f" {name}={value}" for name, value in narrowed.items() if value)
    by = f" by {rule.group_by}" if rule.group_by else ""
    return f"{rule.metric}{only}{by} over {rule.window} {rule.comparison} {rule.threshold:g}"


def _print_values(console: Console, book: Rulebook) -> None:
    settings = load()
    logs.configure(settings.log.model_copy(update={"level": LogLevel.ERROR}), "alerts")
    moment = datetime.now(UTC)
    try:
        with lend(settings.postgres, PostgresRole.PROCESS) as connection, session(settings.clickhouse) as client:
            measured = measure(book, Stores(connection, client, moment), keeping.tenants(connection))
    except StoreUnavailableError as error:
        typer.echo(f"ovpo: {error}", err=True)
        raise typer.Exit(FAILED) from None
    console.print()
    console.print(_values(book, measured))


def _values(book: Rulebook, measured: dict[str, Measured]) -> Table:
    table = _table("rule", "tenant", "group", "value", "samples", "condition")
    for rule in book.rules:
        readings = measured[rule.name].readings
        for reading in readings[:ROWS_OF_A_RULE]:
            table.add_row(rule.name, reading.tenant_id, *_seen(rule, reading))
        if not readings:
            table.add_row(rule.name, "", "", "", "", "no data")
        elif len(readings) > ROWS_OF_A_RULE:
            table.add_row(rule.name, "", f"{len(readings) - ROWS_OF_A_RULE} more", "", "", "")
    return table


def _seen(rule: Rule, reading: Reading) -> tuple[str, str, str, str]:
    group = escape(shown(reading.group)) if rule.group_by else ""
    value = known_value(rule, reading)
    measured = "" if reading.value is None else f"{reading.value:.6g}"
    if value is None:
        why = f"fewer than {rule.fewest_samples} samples" if reading.samples < rule.fewest_samples else "no number"
        return group, measured, str(reading.samples), f"no data: {why}"
    return group, measured, str(reading.samples), str(rule.comparison.holds(value, rule.threshold)).lower()


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
