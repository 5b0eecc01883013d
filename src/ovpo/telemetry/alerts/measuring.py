# SPDX-License-Identifier: Apache-2.0
"""What the stores answer to the rules' questions, for every tenant at once; equal questions are asked once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

import psycopg
from clickhouse_connect.driver.client import Client
from msgspec import Struct

from ovpo.telemetry.alerts import metrics
from ovpo.telemetry.alerts.life import Reading
from ovpo.telemetry.alerts.metrics import MOST_GROUPS, QUALITY_PREFIX, Outcomes, Source
from ovpo.telemetry.alerts.rules import Rule

KNOWN_FOR: Final = timedelta(days=1)
"""How long before its window a trace may have been first heard of, and a group is known after its last trace was."""
_OF_POSTGRES: Final = {
    Source.ORPHANS: metrics.ORPHANS,
    Source.UNSETTLED: metrics.UNSETTLED,
    Source.REFUSED: metrics.REFUSED,
}
_OF_CLICKHOUSE: Final = {Source.OUTCOMES: metrics.OUTCOMES, Source.QUALITY: metrics.QUALITY}
_Rows = Sequence[Sequence[Any]]


class Measured(Struct, frozen=True):
    """What a rule looks at now."""

    readings: tuple[Reading, ...]
    left_out: int
    """Tenants that have more groups than are looked at."""


class Stores:
    """Both stores during one evaluation, as of one moment."""

    def __init__(self, connection: psycopg.Connection, client: Client, now: datetime) -> None:
        self._connection = connection
        self._client = client
        self._now = now
        self._asked: dict[tuple[str, str], _Rows] = {}

    def measure(self, rule: Rule, tenants: Iterable[str]) -> Measured:
        """Measure what a rule is about."""
        wanted = {tenant for tenant in tenants if rule.tenants is None or tenant in rule.tenants}
        rows = [row for row in self._rows(rule) if row[0] in wanted]
        counted: dict[str, int] = {}
        readings: list[Reading] = []
        for row in rows:
            counted[row[0]] = counted.get(row[0], 0) + 1
            if counted[row[0]] <= MOST_GROUPS:
                readings.append(_reading(rule, row))
        if rule.measures.counts and rule.group_by is None:
            readings += [Reading(tenant, "", 0.0, 0) for tenant in sorted(wanted - counted.keys())]
        return Measured(tuple(readings), sum(groups > MOST_GROUPS for groups in counted.values()))

    def _rows(self, rule: Rule) -> _Rows:
        source = rule.measures.source
        since = self._now - rule.looks_back
        if (statement := _OF_POSTGRES.get(source)) is not None:
            bounds = {"since": since, "now": self._now}
            return self._once(statement, bounds, lambda: self._connection.execute(statement, bounds).fetchall())
        question = _OF_CLICKHOUSE[source]
        given = {
            "since": _utc(since),
            "known_since": _utc(since - KNOWN_FOR),
            "by": rule.group_by or "",
            "model": rule.model or "",
            "project": rule.project or "",
            "kind": rule.failure_kind or "",
            "metric": rule.metric.removeprefix(QUALITY_PREFIX) if source is Source.QUALITY else "",
            "most": str(MOST_GROUPS + 1),
        }
        return self._once(question, given, lambda: self._client.query(question, given).result_rows)

    def _once(self, statement: str, given: Mapping[str, object], ask: Callable[[], _Rows]) -> _Rows:
        key = (statement, repr(given))
        if key not in self._asked:
            self._asked[key] = ask()
        return self._asked[key]


def _reading(rule: Rule, row: Sequence[Any]) -> Reading:
    metric = rule.measures
    if metric.of is not None:
        tenant_id, group, *counts = row
        value, samples = metric.of(Outcomes(*counts), rule.looks_back / timedelta(hours=1))
        return Reading(tenant_id, group, _finite(value), samples)
    if metric.source is Source.QUALITY:
        tenant_id, group, samples, mean = row
        return Reading(tenant_id, group, _finite(mean), samples)
    tenant_id, count = row
    return Reading(tenant_id, "", float(count), count)


def _finite(value: float | None) -> float | None:
    """Take for unknown what senders' numbers add up to beyond the largest there is."""
    return float(value) if value is not None and isfinite(value) else None


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
