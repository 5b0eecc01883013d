# SPDX-License-Identifier: Apache-2.0
"""The routes of alerts: the list, one alert, the rules. Each look is on the audit chain before it is shown."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Query, Request
from psycopg_pool import ConnectionPool

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify, require, utc_now
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.fields import Id
from ovpo.foundation.permissions import Permission
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.settings.tree import Alerts
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.events import EventType
from ovpo.governance.audit.http import actor
from ovpo.telemetry.alerts import listing
from ovpo.telemetry.alerts.actions import type_of
from ovpo.telemetry.alerts.listing import Question
from ovpo.telemetry.alerts.reading import PACKAGED, load_rules
from ovpo.telemetry.alerts.rules import Rule, Rulebook
from ovpo.telemetry.alerts.shapes import AlertDetail, AlertPage, RuleList, RuleRow

RESOURCE = "alerts"
_log = structlog.stdlib.get_logger(__name__)


def router(
    pool: ConnectionPool, identify: Identify, settings: Alerts, *, now: Callable[[], datetime] = utc_now
) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix="/v1/alerts", tags=["alerts"])
    Reader = Annotated[Principal, Depends(require(Permission.ALERT_READ, identify))]  # noqa: N806

    @routes.get("")
    def list_alerts(request: Request, question: Annotated[Question, Query()], caller: Reader) -> AlertPage:
        """List alerts, the newest first: pending, firing and resolved ones unless a state is asked for."""
        with tenant_transaction(pool, caller.tenant_id) as connection:
            found = listing.page(connection, caller.tenant_id, question, now())
            asked = {"filters": sorted(question.model_fields_set - {"limit", "cursor"}), "shown": len(found.rows)}
            append(connection, caller.tenant_id, [_looked(request, caller, "list", **asked)])
        return AlertPage.model_validate(
            {"alerts": found.rows, "has_more": found.next_cursor is not None, "next_cursor": found.next_cursor}
        )

    @routes.get("/rules")
    def list_rules(request: Request, caller: Reader) -> RuleList:
        """List the rules that are evaluated for your tenant, and who is told; secrets and addresses are not shown."""
        book = _book(settings)
        rows = [_row(rule, book) for rule in book.rules if rule.tenants is None or caller.tenant_id in rule.tenants]
        with tenant_transaction(pool, caller.tenant_id) as connection:
            append(connection, caller.tenant_id, [_looked(request, caller, "rules", shown=len(rows))])
        return RuleList(rules=rows)

    @routes.get("/{alert_id}")
    def get_alert(request: Request, alert_id: Id, caller: Reader) -> AlertDetail:
        """Show one alert, and what became of the notifications about it."""
        with tenant_transaction(pool, caller.tenant_id) as connection:
            found = listing.one(connection, alert_id)
            if found is None:
                raise ApiError(Code.NOT_FOUND, f"your tenant has no alert {alert_id}", details={"field": "alert_id"})
            append(connection, caller.tenant_id, [_looked(request, caller, alert_id)])
        return AlertDetail.model_validate(found)

    return routes


def _looked(request: Request, caller: Principal, resource_id: str, **asked: Any) -> Any:
    return actor(request, caller).entry(EventType.TRACE_QUERY, RESOURCE, resource_id, **asked)


def _book(settings: Alerts) -> Rulebook:
    """Give the rules as they stand in their file now."""
    try:
        seen = (settings.rules or PACKAGED).stat()
        return _read(settings.rules, seen.st_mtime_ns, seen.st_size)
    except (OSError, SettingsError) as error:
        _log.warning("alerts.rules_unreadable", reason=str(error))
        raise ApiError(
            Code.SERVICE_UNAVAILABLE, "the alert rules cannot be read now; whoever runs OVPO finds why in Dagster"
        ) from None


@lru_cache(maxsize=4)
def _read(file: Path | None, _changed_at: int, _size: int) -> Rulebook:
    return load_rules(Alerts(rules=file))


def _row(rule: Rule, book: Rulebook) -> RuleRow:
    return RuleRow.model_validate(
        {
            "name": rule.name,
            "description": rule.description,
            "metric": rule.metric,
            "says": rule.measures.says,
            "model": rule.model,
            "project": rule.project,
            "failure_kind": rule.failure_kind,
            "group_by": rule.group_by,
            "window": rule.window,
            "comparison": rule.comparison,
            "threshold": rule.threshold,
            "for": rule.hold,
            "repeat": rule.repeat,
            "min_samples": rule.fewest_samples,
            "severity": rule.severity,
            "labels": rule.labels,
            "actions": {name: type_of(book.actions[name]) for name in rule.actions},
        }
    )
