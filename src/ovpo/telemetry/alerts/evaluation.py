# SPDX-License-Identifier: Apache-2.0
"""One evaluation of all rules: measured, decided and kept, each tenant in a transaction of its own.

With a change go its audit record and its notifications, in the same transaction. A tenant that cannot be evaluated is
named, and the others go on. Nothing is sent here; see `delivery`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import uuid4

import psycopg
import structlog
from clickhouse_connect.driver.client import Client
from msgspec import Struct
from psycopg_pool import ConnectionPool

from ovpo.foundation.postgres.connect import transaction
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.governance.audit import chain
from ovpo.governance.audit.events import Actor, Entry, EventType
from ovpo.telemetry.alerts import keeping
from ovpo.telemetry.alerts.deciding import Decision, closed, decide
from ovpo.telemetry.alerts.life import Change, Reading, State
from ovpo.telemetry.alerts.measuring import Measured, Stores
from ovpo.telemetry.alerts.rules import Rulebook

RESOURCE: Final = "alert"
_log: Final = structlog.stdlib.get_logger(__name__)
_AUDITED: Final = {Change.FIRED: EventType.ALERT_FIRED, Change.RESOLVED: EventType.ALERT_RESOLVED}


class Tally(Struct, frozen=True):
    """What an evaluation found and did, of one rule; a rule that was removed has its name alone."""

    rule: str
    severity: str
    measured: int
    pending: int
    firing: int
    fired: int
    resolved: int
    left_out: int


class Evaluated(Struct, frozen=True):
    """What an evaluation found and did."""

    by_rule: tuple[Tally, ...]
    told: int
    failed: tuple[str, ...]
    """Tenants that could not be evaluated; their alerts are as they were."""


def measure(book: Rulebook, stores: Stores, tenants: Iterable[str]) -> dict[str, Measured]:
    """Measure what every rule is about."""
    known = list(tenants)
    return {rule.name: stores.measure(rule, known) for rule in book.rules}


def evaluate(
    held: psycopg.Connection, pool: ConnectionPool, client: Client, book: Rulebook, now: datetime, actor: Actor
) -> Evaluated | None:
    """Evaluate every rule once; None where another evaluation is at work.

    The transaction of `held` keeps others out for as long as it is open, and is asked; it writes nothing.
    """
    if not keeping.hold(held):
        return None
    known = keeping.tenants(held)
    measured = measure(book, Stores(held, client, now), known)
    readings = _by_tenant(measured)
    decisions: list[Decision] = []
    told, failed = 0, []
    for tenant_id in sorted({*known, *keeping.alerting(held)}):
        of_it = readings.get(tenant_id, {}) if tenant_id in known else None
        try:
            of_tenant, told_of_it = _evaluate_one(pool, book, tenant_id, of_it, now, actor)
        except StoreUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it is said, and stops the alerts of no other tenant
            _log.exception("alerts.tenant_not_evaluated", tenant_id=tenant_id)
            failed.append(tenant_id)
        else:
            decisions += of_tenant
            told += told_of_it
    return Evaluated(tally(book, measured, decisions), told, tuple(failed))


def _evaluate_one(
    pool: ConnectionPool,
    book: Rulebook,
    tenant_id: str,
    readings: Mapping[str, list[Reading]] | None,
    now: datetime,
    actor: Actor,
) -> tuple[list[Decision], int]:
    """Decide and keep a tenant's alerts, and say how many are told of it; a tenant without readings is closed."""
    with transaction(pool) as connection:
        alerts = keeping.open_alerts(connection, tenant_id)
        rules = {rule.name: rule for rule in book.rules if rule.tenants is None or tenant_id in rule.tenants}
        decisions = closed(alerts, now) if readings is None else decide(readings, rules, alerts, now, uuid4)
        told = keeping.keep(connection, decisions)
        chain.append(connection, tenant_id, entries(decisions, actor))
    return decisions, told


def entries(decisions: Iterable[Decision], actor: Actor) -> list[Entry]:
    """Say for the audit chain what fired and what resolved."""
    return [
        actor.entry(
            _AUDITED[decision.change],
            RESOURCE,
            str(alert.alert_id),
            rule=alert.rule,
            severity=alert.severity.value,
            metric=alert.metric,
            group_by=alert.group_by,
            group=alert.group,
            value=alert.value,
            threshold=alert.threshold,
            **({"ending": alert.ending.value} if alert.ending else {}),
        )
        for decision in decisions
        if decision.change in _AUDITED and (alert := decision.after) is not None
    ]


def tally(book: Rulebook, measured: Mapping[str, Measured], decisions: Iterable[Decision]) -> tuple[Tally, ...]:
    """Count by rule: those of the book in its order, then those that only alerts still know."""
    severities = {rule.name: rule.severity.value for rule in book.rules}
    changes: Counter[tuple[str, Change]] = Counter()
    states: Counter[tuple[str, State]] = Counter()
    for decision in decisions:
        alert = decision.after or decision.before
        if alert is not None:
            severities.setdefault(alert.rule, alert.severity.value)
            changes[alert.rule, decision.change] += 1
        if decision.after is not None:
            states[decision.after.rule, decision.after.state] += 1
    nothing = Measured((), 0)
    return tuple(
        Tally(
            rule=name,
            severity=severity,
            measured=len(measured.get(name, nothing).readings),
            pending=states[name, State.PENDING],
            firing=states[name, State.FIRING],
            fired=changes[name, Change.FIRED],
            resolved=changes[name, Change.RESOLVED],
            left_out=measured.get(name, nothing).left_out,
        )
        for name, severity in severities.items()
    )


def _by_tenant(measured: Mapping[str, Measured]) -> dict[str, dict[str, list[Reading]]]:
    found: defaultdict[str, defaultdict[str, list[Reading]]] = defaultdict(lambda: defaultdict(list))
    for name, of_rule in measured.items():
        for reading in of_rule.readings:
            found[reading.tenant_id][name].append(reading)
    return {tenant_id: dict(readings) for tenant_id, readings in found.items()}
