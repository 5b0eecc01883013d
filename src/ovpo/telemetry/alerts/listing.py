# SPDX-License-Identifier: Apache-2.0
"""Alerts as their tenant is shown them: a page of the list, one alert with what was told of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Self

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ovpo.foundation.http.fields import Moment
from ovpo.telemetry.alerts.life import State
from ovpo.telemetry.alerts.rules import Severity
from ovpo.telemetry.query import cursors
from ovpo.telemetry.query.cursors import MOST_CHARACTERS, Place
from ovpo.telemetry.query.questions import comma_list, one_or_more

Row = dict[str, Any]
PAGE: Final = """
SELECT alert_id::text, rule, description, severity, state, metric, nullif(group_by, '') AS group_by,
       CASE WHEN group_by <> '' THEN group_value END AS "group", value, samples, comparison, threshold,
       looks_back AS "window", labels, started_at, fired_at, resolved_at, ending, evaluated_at
FROM alerts
WHERE (%(state)s::text[] IS NULL OR state = ANY (%(state)s))
  AND (%(severity)s::text[] IS NULL OR severity = ANY (%(severity)s))
  AND (%(rule)s::text IS NULL OR rule = %(rule)s)
  AND (%(start_date)s::timestamptz IS NULL OR started_at >= %(start_date)s)
  AND (%(end_date)s::timestamptz IS NULL OR started_at < %(end_date)s)
  AND (%(moment)s::timestamptz IS NULL OR (started_at, alert_id) < (%(moment)s, %(identifier)s::uuid))
ORDER BY started_at DESC, alert_id DESC LIMIT %(rows)s
"""
ONE: Final = """
SELECT alert_id::text, rule, description, severity, state, metric, nullif(group_by, '') AS group_by,
       CASE WHEN group_by <> '' THEN group_value END AS "group", value, samples, comparison, threshold,
       looks_back AS "window", labels, started_at, fired_at, resolved_at, ending, evaluated_at
FROM alerts WHERE alert_id = %s
"""
TOLD: Final = """
SELECT notification_id::text, action, event, state, attempts, reason, created_at, settled_at
FROM alert_notifications WHERE alert_id = %s ORDER BY sequence DESC LIMIT 100
"""
States = Annotated[tuple[str, ...], one_or_more(State), comma_list(State)]
Severities = Annotated[tuple[str, ...], one_or_more(Severity), comma_list(Severity)]


class Question(BaseModel):
    """Which alerts: every filter that is given must hold; the newest come first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: States | None = Field(None, description="Any of these")
    severity: Severities | None = Field(None, description="Any of these")
    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] | None = Field(None, description="The rule's name")
    start_date: Moment | None = Field(None, description="Began at or after")
    end_date: Moment | None = Field(None, description="Began before")
    limit: int = Field(100, ge=1, le=1000, description="Most alerts of a page")
    cursor: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)] | None = Field(
        None, description="`next_cursor` of the page before"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_date and self.end_date and self.start_date >= self.end_date:
            raise PydanticCustomError("period", "end_date takes a moment after start_date, which is the first included")
        return self

    @property
    def list_identity(self) -> tuple[object, ...]:
        """Give all that decides what the list holds; page size and place do not."""
        return ("alerts", self.state, self.severity, self.rule, self.start_date, self.end_date)


@dataclass(frozen=True, slots=True)
class Page:
    """Some alerts of the list, and where the next page begins if there is one."""

    rows: list[Row]
    next_cursor: str | None


def page(connection: psycopg.Connection, tenant_id: str, question: Question, now: datetime) -> Page:
    """Read a page."""
    place = cursors.read(question.cursor, tenant_id, question.list_identity, datetime, now) if question.cursor else None
    given = {
        "state": list(question.state) if question.state else None,
        "severity": list(question.severity) if question.severity else None,
        "rule": question.rule,
        "start_date": question.start_date,
        "end_date": question.end_date,
        "moment": place.moment if place else None,
        "identifier": place.identifier if place else None,
        "rows": question.limit + 1,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(PAGE, given).fetchall()
    if len(rows) <= question.limit:
        return Page(rows, None)
    rows = rows[: question.limit]
    last = Place(rows[-1]["started_at"], rows[-1]["started_at"], rows[-1]["alert_id"])
    return Page(rows, cursors.write(last, tenant_id, question.list_identity, now))


def one(connection: psycopg.Connection, alert_id: str) -> Row | None:
    """Read an alert with its notifications, the newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(ONE, (alert_id,)).fetchone()
        if found is None:
            return None
        return {**found, "notifications": cursor.execute(TOLD, (alert_id,)).fetchall()}
