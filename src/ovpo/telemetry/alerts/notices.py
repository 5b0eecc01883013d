# SPDX-License-Identifier: Apache-2.0
"""What is told of an alert: the facts as of the change, and the words that every action puts them in. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from ovpo.telemetry.alerts.life import Alert, Change, Ending
from ovpo.telemetry.alerts.rules import Comparison, Severity


class Event(StrEnum):
    """What is told."""

    FIRED = "fired"
    REPEATED = "repeated"
    RESOLVED = "resolved"


EVENTS: Final = {
    Change.FIRED: Event.FIRED,
    Change.REPEATED: Event.REPEATED,
    Change.RESOLVED: Event.RESOLVED,
}
"""The changes that are told."""
_MARKS: Final = {Event.FIRED: "FIRING", Event.REPEATED: "STILL FIRING", Event.RESOLVED: "RESOLVED"}
_ENDINGS: Final = {
    Ending.CALM: "the condition is no longer true",
    Ending.NO_DATA: "nothing was measured any more",
    Ending.RULE_REMOVED: "its rule is no longer evaluated for this tenant",
    Ending.RULE_CHANGED: "its rule now asks another question",
    Ending.TENANT_CLOSED: "its tenant was closed",
}
LONGEST_NAME: Final = 100


class Notice(Struct, frozen=True):
    """The facts of an alert at one change of it."""

    event: Event
    alert_id: UUID
    tenant_id: str
    rule: str
    description: str
    severity: Severity
    metric: str
    group_by: str
    group: str
    comparison: Comparison
    threshold: float
    window: str
    value: float
    samples: int
    labels: dict[str, str]
    started_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    ending: Ending | None

    @property
    def dedup_key(self) -> str:
        """Give the name under which a receiver knows the alert, from its firing to its resolving."""
        return f"ovpo-alert-{self.alert_id}"

    @property
    def happened_at(self) -> datetime:
        """Give the moment of what is told."""
        return self.resolved_at or self.fired_at or self.started_at


def notice(alert: Alert, event: Event) -> Notice:
    """Take down the facts of an alert."""
    shared = {field: getattr(alert, field) for field in Notice.__struct_fields__ if field != "event"}
    return Notice(event=event, **shared)


def title(told: Notice) -> str:
    """Say it in one line."""
    return f"[{_MARKS[told.event]}] {told.severity}: {told.rule} ({_whose(told)})"


def sentence(told: Notice) -> str:
    """Say what was measured, and of a resolved alert why it ended."""
    measured = f"{told.metric} over {told.window} is {told.value:.6g}"
    if told.event is not Event.RESOLVED or told.ending is None:
        return f"{measured}; the rule fires at {told.comparison} {told.threshold:.6g}."
    return f"Resolved because {_ENDINGS[told.ending]}; the last {told.metric} over {told.window} was {told.value:.6g}."


def facts(told: Notice) -> dict[str, str]:
    """Give name and value of what is worth a line of its own."""
    found = {
        "tenant": told.tenant_id,
        **({told.group_by: shown(told.group)} if told.group_by else {}),
        "metric": f"{told.metric} over {told.window}",
        "value": f"{told.value:.6g}",
        "threshold": f"{told.comparison} {told.threshold:.6g}",
        "samples": str(told.samples),
        "since": f"{told.started_at:%Y-%m-%d %H:%M:%S} UTC",
        **({"resolved": f"{told.resolved_at:%Y-%m-%d %H:%M:%S} UTC"} if told.resolved_at else {}),
        "alert": str(told.alert_id),
    }
    return {**found, **{f"label {name}": value for name, value in told.labels.items()}}


def shown(group: str) -> str:
    """Spell a sender's name of a model or project so that it stays one short line."""
    line = "".join(character if character.isprintable() else "?" for character in group[:LONGEST_NAME])
    return line or "(none)"


def cut(text: str, most: int) -> str:
    """Shorten a text to what its receiver takes."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _whose(told: Notice) -> str:
    group = f", {told.group_by} {shown(told.group)}" if told.group_by else ""
    return f"tenant {told.tenant_id}{group}"
