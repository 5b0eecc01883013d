# SPDX-License-Identifier: Apache-2.0
"""What one evaluation changes for one tenant: each rule's readings held against the alerts that are open. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from ovpo.telemetry.alerts.life import Alert, Change, Ending, Reading, end, scope_of, step
from ovpo.telemetry.alerts.rules import Rule


class Decision(Struct, frozen=True):
    """What becomes of one alert: none before where it begins, none after where it is forgotten."""

    before: Alert | None
    after: Alert | None
    change: Change


def decide(
    readings: Mapping[str, Iterable[Reading]],
    rules: Mapping[str, Rule],
    open_alerts: Iterable[Alert],
    now: datetime,
    new_id: Callable[[], UUID],
) -> list[Decision]:
    """Move every open alert of a tenant on, and begin what its readings begin; `rules` are those that look at it."""
    waiting = {(alert.rule, alert.group): alert for alert in open_alerts}
    decided: list[Decision] = []
    for name, rule in rules.items():
        for reading in readings.get(name, ()):
            alert = waiting.pop((name, reading.group), None)
            if alert is not None and alert.scope != scope_of(rule):
                decided.append(Decision(alert, *end(alert, Ending.RULE_CHANGED, now)))
                continue
            after, change = step(alert, rule, reading, now, new_id())
            if alert is not None or after is not None:
                decided.append(Decision(alert, after, change))
    gone = [Decision(alert, *_without_reading(alert, rules.get(alert.rule), now)) for alert in waiting.values()]
    return decided + gone


def closed(open_alerts: Iterable[Alert], now: datetime) -> list[Decision]:
    """End all alerts of a tenant that is no longer there."""
    return [Decision(alert, *end(alert, Ending.TENANT_CLOSED, now)) for alert in open_alerts]


def _without_reading(alert: Alert, rule: Rule | None, now: datetime) -> tuple[Alert | None, Change]:
    """Nothing of a group that is counted means that there is none of it now."""
    if rule is None:
        return end(alert, Ending.RULE_REMOVED, now)
    if alert.scope != scope_of(rule):
        return end(alert, Ending.RULE_CHANGED, now)
    nothing = Reading(alert.tenant_id, alert.group, 0.0, 0) if rule.measures.counts else None
    return step(alert, rule, nothing, now, alert.alert_id)
