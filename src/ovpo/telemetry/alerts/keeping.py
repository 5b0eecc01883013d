# SPDX-License-Identifier: Apache-2.0
"""Alerts in PostgreSQL, as the role that processes: which are open, and what an evaluation makes of them."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from ovpo.telemetry.alerts.deciding import Decision
from ovpo.telemetry.alerts.life import Alert
from ovpo.telemetry.alerts.notices import EVENTS, notice

# One evaluation at a time, whoever makes it: it ends with the transaction that holds it.
HOLD: Final = "SELECT pg_try_advisory_xact_lock(hashtext('alerts_evaluated'))"
TENANTS: Final = "SELECT tenant_id FROM tenants WHERE deleted_at IS NULL ORDER BY tenant_id"
ALERTING: Final = "SELECT DISTINCT tenant_id FROM alerts WHERE state <> 'resolved'"
OPEN: Final = """
SELECT alert_id, tenant_id, rule, description, severity, metric, scope, group_by, group_value AS "group", comparison,
       threshold, looks_back AS "window", labels, actions, state, value, samples, started_at, evaluated_at, fired_at,
       told_at, calm_since, missing_since, resolved_at, ending
FROM alerts WHERE tenant_id = %s AND state <> 'resolved' ORDER BY rule, group_value FOR UPDATE
"""
BEGIN: Final = """
INSERT INTO alerts (alert_id, tenant_id, rule, description, severity, metric, scope, group_by, group_value, comparison,
                    threshold, looks_back, labels, actions, state, value, samples, started_at, evaluated_at, fired_at,
                    told_at)
VALUES (%(alert_id)s, %(tenant_id)s, %(rule)s, %(description)s, %(severity)s, %(metric)s, %(scope)s, %(group_by)s,
        %(group)s, %(comparison)s, %(threshold)s, %(window)s, %(labels)s, %(actions)s, %(state)s, %(value)s,
        %(samples)s, %(started_at)s, %(evaluated_at)s, %(fired_at)s, %(told_at)s)
"""
MOVE: Final = """
UPDATE alerts SET state = %(state)s, value = %(value)s, samples = %(samples)s, started_at = %(started_at)s,
       evaluated_at = %(evaluated_at)s, fired_at = %(fired_at)s, told_at = %(told_at)s, calm_since = %(calm_since)s,
       missing_since = %(missing_since)s, resolved_at = %(resolved_at)s, ending = %(ending)s
WHERE alert_id = %(alert_id)s
"""
FORGET: Final = "DELETE FROM alerts WHERE alert_id = %s AND state = 'pending'"
# Nobody is told again before having been told: what piled up behind a receiver that was away would all come at once.
TELL: Final = """
INSERT INTO alert_notifications (notification_id, tenant_id, alert_id, action, event, content)
SELECT %(id)s, %(tenant_id)s, %(alert_id)s, %(action)s, %(event)s, %(content)s
WHERE %(event)s <> 'repeated' OR NOT EXISTS (
    SELECT FROM alert_notifications WHERE alert_id = %(alert_id)s AND action = %(action)s AND state = 'waiting')
"""


def hold(connection: psycopg.Connection) -> bool:
    """Take the one place at which alerts are evaluated, unless somebody has it."""
    row = connection.execute(HOLD).fetchone()
    return row is not None and bool(row[0])


def tenants(connection: psycopg.Connection) -> list[str]:
    """List the tenants that are looked at."""
    return [str(row[0]) for row in connection.execute(TENANTS)]


def alerting(connection: psycopg.Connection) -> list[str]:
    """List the tenants that have an open alert."""
    return [str(row[0]) for row in connection.execute(ALERTING)]


def open_alerts(connection: psycopg.Connection, tenant_id: str) -> list[Alert]:
    """Read a tenant's open alerts, and hold them until the transaction ends."""
    cursor = connection.execute(OPEN, (tenant_id,))
    names = [column.name for column in cursor.description or ()]
    return [msgspec.convert(dict(zip(names, row, strict=True)), Alert) for row in cursor]


def keep(connection: psycopg.Connection, decisions: Iterable[Decision]) -> int:
    """Write what was decided, with a notification for each action of each change that is told; say how many."""
    told = 0
    for decision in decisions:
        after = decision.after
        if after is None:
            if decision.before is not None:
                connection.execute(FORGET, (decision.before.alert_id,))
            continue
        connection.execute(BEGIN if decision.before is None else MOVE, _row(after))
        if decision.change in EVENTS:
            told += _tell(connection, decision, after)
    return told


def _tell(connection: psycopg.Connection, decision: Decision, alert: Alert) -> int:
    event = EVENTS[decision.change]
    given = {
        "tenant_id": alert.tenant_id,
        "alert_id": alert.alert_id,
        "event": event.value,
        "content": msgspec.json.encode(notice(alert, event)).decode(),
    }
    return sum(connection.execute(TELL, {**given, "id": uuid4(), "action": name}).rowcount for name in alert.actions)


def _row(alert: Alert) -> dict[str, Any]:
    row = {field: getattr(alert, field) for field in Alert.__struct_fields__}
    return {**row, "labels": Jsonb(alert.labels), "actions": list(alert.actions)}
