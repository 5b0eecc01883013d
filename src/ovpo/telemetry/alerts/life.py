# SPDX-License-Identifier: Apache-2.0
"""The life of an alert: pending, firing, resolved, and what moves it from one to the next. Pure.

A condition that is true begins a pending alert, which fires when it has been true for the rule's `for` without a break,
and is forgotten when it is false before that. A firing alert resolves when the condition has been false for as long.
No data forgets a pending alert and keeps a firing one, until there has been none for its window, at least an hour.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ovpo.telemetry.alerts.rules import Comparison, Rule, Severity

UNBROKEN: Final = timedelta(minutes=20)
"""Two evaluations that lie further apart than this say nothing about the time between them: three in a row failed."""
NO_DATA_RESOLVES: Final = timedelta(hours=1)


class State(StrEnum):
    """Where an alert stands."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Ending(StrEnum):
    """Why an alert resolved."""

    CALM = "calm"
    NO_DATA = "no_data"
    RULE_REMOVED = "rule_removed"
    RULE_CHANGED = "rule_changed"
    TENANT_CLOSED = "tenant_closed"


class Change(StrEnum):
    """What an evaluation did to an alert."""

    NONE = "none"
    BEGUN = "begun"
    FORGOTTEN = "forgotten"
    FIRED = "fired"
    REPEATED = "repeated"
    RESOLVED = "resolved"


class Reading(Struct, frozen=True):
    """What was measured of one group of a tenant; the group is empty where a rule looks at the whole tenant."""

    tenant_id: str
    group: str
    value: float | None
    samples: int


class Alert(Struct, frozen=True):
    """One alert: one row for as long as it lasts. What it copies of its rule is as it was when the alert began."""

    alert_id: UUID
    tenant_id: str
    rule: str
    description: str
    severity: Severity
    metric: str
    scope: str
    group_by: str
    group: str
    comparison: Comparison
    threshold: float
    window: str
    labels: dict[str, str]
    actions: tuple[str, ...]
    state: State
    value: float
    samples: int
    started_at: datetime
    evaluated_at: datetime
    fired_at: datetime | None = None
    told_at: datetime | None = None
    calm_since: datetime | None = None
    missing_since: datetime | None = None
    resolved_at: datetime | None = None
    ending: Ending | None = None


def scope_of(rule: Rule) -> str:
    """Spell what makes a rule a question about the same thing: another scope under the same name is another rule."""
    narrowed = (rule.metric, rule.group_by, rule.model, rule.project, rule.failure_kind)
    return msgspec.json.encode(narrowed).decode()


def step(
    alert: Alert | None, rule: Rule, reading: Reading | None, now: datetime, new_id: UUID
) -> tuple[Alert | None, Change]:
    """Move an alert on, or begin one, by what was measured now; no alert comes of what is forgotten or never began."""
    value = known_value(rule, reading)
    breaks = value is not None and rule.comparison.holds(value, rule.threshold)
    if alert is None:
        if reading is None or value is None or not breaks:
            return None, Change.NONE
        return _true(_begin(rule, reading, value, now, new_id), rule, value, reading.samples, now, begins=True)
    # A clock that was set back must not make an alert younger than it is.
    now = max(now, alert.evaluated_at)
    if reading is None or value is None:
        return _unknown(alert, rule, now)
    if breaks:
        return _true(alert, rule, value, reading.samples, now, begins=False)
    return _false(alert, rule, value, reading.samples, now)


def known_value(rule: Rule, reading: Reading | None) -> float | None:
    """Give the value if there is one that was made from samples enough."""
    return reading.value if reading is not None and reading.samples >= rule.fewest_samples else None


def end(alert: Alert, why: Ending, now: datetime) -> tuple[Alert | None, Change]:
    """End an alert whose rule or tenant is no longer looked at."""
    if alert.state is State.PENDING:
        return None, Change.FORGOTTEN
    moment = max(now, alert.evaluated_at)
    ended = replace(alert, state=State.RESOLVED, resolved_at=moment, evaluated_at=moment, ending=why)
    return ended, Change.RESOLVED


def _begin(rule: Rule, reading: Reading, value: float, now: datetime, new_id: UUID) -> Alert:
    return Alert(
        alert_id=new_id,
        tenant_id=reading.tenant_id,
        rule=rule.name,
        description=rule.description,
        severity=rule.severity,
        metric=rule.metric,
        scope=scope_of(rule),
        group_by=rule.group_by or "",
        group=reading.group,
        comparison=rule.comparison,
        threshold=rule.threshold,
        window=rule.window,
        labels=rule.labels,
        actions=rule.actions,
        state=State.PENDING,
        value=value,
        samples=reading.samples,
        started_at=now,
        evaluated_at=now,
    )


def _true(alert: Alert, rule: Rule, value: float, samples: int, now: datetime, *, begins: bool) -> tuple[Alert, Change]:
    seen = replace(alert, value=value, samples=samples, evaluated_at=now, calm_since=None, missing_since=None)
    if alert.state is State.PENDING:
        started_at = now if _broken(alert, now) else alert.started_at
        if now - started_at < rule.must_hold:
            return replace(seen, started_at=started_at), Change.BEGUN if begins else Change.NONE
        return replace(seen, started_at=started_at, state=State.FIRING, fired_at=now, told_at=now), Change.FIRED
    again = rule.tells_again_after
    if again is not None and alert.told_at is not None and now - alert.told_at >= again:
        return replace(seen, told_at=now), Change.REPEATED
    return seen, Change.NONE


def _false(alert: Alert, rule: Rule, value: float, samples: int, now: datetime) -> tuple[Alert | None, Change]:
    if alert.state is State.PENDING:
        return None, Change.FORGOTTEN
    since = now if alert.calm_since is None or _broken(alert, now) else alert.calm_since
    seen = replace(alert, value=value, samples=samples, evaluated_at=now, calm_since=since, missing_since=None)
    return end(seen, Ending.CALM, now) if now - since >= rule.must_hold else (seen, Change.NONE)


def _unknown(alert: Alert, rule: Rule, now: datetime) -> tuple[Alert | None, Change]:
    if alert.state is State.PENDING:
        return None, Change.FORGOTTEN
    since = now if alert.missing_since is None or _broken(alert, now) else alert.missing_since
    seen = replace(alert, evaluated_at=now, calm_since=None, missing_since=since)
    long_enough = now - since >= max(rule.looks_back, NO_DATA_RESOLVES)
    return end(seen, Ending.NO_DATA, now) if long_enough else (seen, Change.NONE)


def _broken(alert: Alert, now: datetime) -> bool:
    return now - alert.evaluated_at > UNBROKEN
