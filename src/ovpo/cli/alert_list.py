# SPDX-License-Identifier: Apache-2.0
"""`ovpo alerts list`, `show` and `rules`: alerts as the query API shows them. Checking a rules file is beside this."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import typer
from msgspec import Struct, field

from ovpo.cli import words
from ovpo.cli.client import path
from ovpo.cli.listing import Listing, show_list, show_whole
from ovpo.cli.options import As, Every, Key, Limit, Server, Since, Until, checked_id, connected, names_of, now, when
from ovpo.cli.output import Column, Output, console, facts, print_rows, print_table

PATH: Final = "/v1/alerts"


class Alert(Struct, frozen=True):
    """An alert."""

    alert_id: str
    rule: str
    description: str
    severity: str
    state: str
    metric: str
    group_by: str | None
    group: str | None
    value: float
    samples: int
    comparison: str
    threshold: float
    window: str
    labels: dict[str, str]
    started_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    ending: str | None
    evaluated_at: datetime


class Notification(Struct, frozen=True):
    """What was told of an alert."""

    action: str
    event: str
    state: str
    attempts: int
    reason: str | None
    created_at: datetime
    settled_at: datetime | None


class AlertDetail(Alert, frozen=True):
    """An alert and what was told of it."""

    notifications: list[Notification]


class Rule(Struct, frozen=True):
    """A rule that is evaluated."""

    name: str
    description: str
    metric: str
    says: str
    model: str | None
    project: str | None
    failure_kind: str | None
    group_by: str | None
    window: str
    comparison: str
    threshold: float
    repeat: str | None
    min_samples: int
    severity: str
    labels: dict[str, str]
    actions: dict[str, str]
    hold: str = field(name="for")


State = Annotated[
    str | None,
    typer.Option(
        "--state",
        help="Any of these, with commas: pending, firing, resolved.",
        autocompletion=names_of("ovpo.telemetry.alerts.life", "State"),
    ),
]
Severity = Annotated[
    str | None,
    typer.Option(
        "--severity",
        help="Any of these, with commas: critical, warning …",
        autocompletion=names_of("ovpo.telemetry.alerts.rules", "Severity"),
    ),
]
OfRule = Annotated[str | None, typer.Option("--rule", help="Of this rule.")]
AlertId = Annotated[str, typer.Argument(metavar="ID", help="The alert's whole id.")]


def list_alerts(
    state: State = None,
    severity: Severity = None,
    rule: OfRule = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    every: Every = False,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """List alerts, the newest first.

    Example: `ovpo alerts list --state firing --severity critical`
    """
    at = now()
    query = {
        "state": state,
        "severity": severity,
        "rule": rule,
        "start_date": when("--since", since, at),
        "end_date": when("--until", until, at),
    }
    listing = Listing(PATH, "alerts", Alert, ALERTS, "No alerts match.")
    with connected(server, key) as api:
        show_list(api, listing, query, output, limit=limit, every=every)


def show(alert_id: AlertId, output: As = Output.TABLE, server: Server = None, key: Key = None) -> None:
    """Show one alert, and what became of the notifications about it. As CSV the notifications are printed.

    Example: `ovpo alerts show 5b2e3f0a-6c1d-4c8e-9a51-7d0f2b6e4c11`
    """
    with connected(server, key) as api:
        answer = api.get(path("v1", "alerts", checked_id(alert_id, "ovpo alerts list")))
    found = answer.read(AlertDetail)
    if output is not Output.TABLE:
        print_rows(found.notifications, TOLD, output, answer.raw)
        return
    screen = console()
    screen.print(
        facts(
            [
                ("alert", found.alert_id),
                ("state", words.marked(found.state)),
                ("severity", words.marked(found.severity)),
                ("rule", found.rule),
                ("what", found.description),
                ("about", f"{found.group_by} {found.group or words.UNKNOWN}" if found.group_by else None),
                ("measured", f"{words.number(found.value)} from {found.samples:,} samples"),
                ("fires when", _condition(found)),
                ("labels", words.tags(found.labels)),
                ("true since", words.moment(found.started_at)),
                ("fired", words.moment(found.fired_at) if found.fired_at else None),
                ("resolved", f"{words.moment(found.resolved_at)} ({found.ending})" if found.resolved_at else None),
                ("looked at", words.moment(found.evaluated_at)),
            ]
        )
    )
    screen.print()
    if found.notifications:
        print_table(found.notifications, TOLD)
    else:
        typer.echo("Nobody was told of it.")


def rules(output: As = Output.TABLE, server: Server = None, key: Key = None) -> None:
    """List the rules that are evaluated for your tenant, and who is told.

    Example: `ovpo alerts rules -o json`
    """
    listing = Listing(f"{PATH}/rules", "rules", Rule, RULES, "No rule is evaluated for your tenant.")
    with connected(server, key) as api:
        show_whole(api, listing, output)


def _condition(of: Alert | Rule) -> str:
    return f"{of.metric} {of.comparison} {words.number(of.threshold)} over {of.window}"


ALERTS: Final[Sequence[Column[Alert]]] = (
    Column("alert_id", lambda row: row.alert_id, heading="id"),
    Column("state", lambda row: row.state, words.marked),
    Column("severity", lambda row: row.severity, words.marked),
    Column("rule", lambda row: row.rule),
    Column("description", lambda row: row.description, in_table=False),
    Column("group_by", lambda row: row.group_by, in_table=False),
    Column("group", lambda row: row.group, heading="about"),
    Column("metric", lambda row: row.metric, in_table=False),
    Column("value", lambda row: row.value, right=True),
    Column("samples", lambda row: row.samples, in_table=False),
    Column("comparison", lambda row: row.comparison, in_table=False),
    Column("threshold", lambda row: row.threshold, right=True),
    Column("window", lambda row: row.window, in_table=False),
    Column("labels", lambda row: words.tags(row.labels), in_table=False),
    Column("started_at", lambda row: row.started_at, heading="true since"),
    Column("fired_at", lambda row: row.fired_at, in_table=False),
    Column("resolved_at", lambda row: row.resolved_at, heading="resolved"),
    Column("ending", lambda row: row.ending, in_table=False),
    Column("evaluated_at", lambda row: row.evaluated_at, in_table=False),
)
TOLD: Final[Sequence[Column[Notification]]] = (
    Column("created_at", lambda row: row.created_at, heading="told"),
    Column("action", lambda row: row.action, heading="by"),
    Column("event", lambda row: row.event),
    Column("state", lambda row: row.state, words.marked),
    Column("attempts", lambda row: row.attempts, right=True),
    Column("settled_at", lambda row: row.settled_at, in_table=False),
    Column("reason", lambda row: row.reason, heading="why not"),
)
RULES: Final[Sequence[Column[Rule]]] = (
    Column("name", lambda row: row.name, heading="rule"),
    Column("severity", lambda row: row.severity, words.marked),
    Column("condition", _condition, heading="fires when"),
    Column("model", lambda row: row.model, in_table=False),
    Column("project", lambda row: row.project, in_table=False),
    Column("failure_kind", lambda row: row.failure_kind, in_table=False),
    Column("group_by", lambda row: row.group_by, heading="by"),
    Column("for", lambda row: row.hold),
    Column("repeat", lambda row: row.repeat, in_table=False),
    Column("min_samples", lambda row: row.min_samples, in_table=False),
    Column("labels", lambda row: words.tags(row.labels), in_table=False),
    Column("actions", lambda row: ", ".join(sorted(row.actions)), heading="tells"),
    Column("description", lambda row: row.description),
)
