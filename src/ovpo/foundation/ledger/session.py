# SPDX-License-Identifier: Apache-2.0
"""The ledger's statements, one method each. A session lives inside one transaction that its caller opened.

Moves are fenced by the run that claimed an item, so that a run given up for dead cannot settle what another redoes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row, scalar_row

from ovpo.foundation.ledger.items import Arrival, Item, PendingWindow, State, Tally, hour_of
from ovpo.foundation.ledger.rows import item_row, tally_row

REGISTER = """
INSERT INTO ledger_items (item_id, lane, tenant_id, subject, digest, window_start, registered_at, updated_at)
SELECT item_id, %(lane)s, tenant_id, subject, digest, %(window)s, %(now)s, %(now)s
FROM unnest(%(ids)s::uuid[], %(tenants)s::text[], %(subjects)s::text[], %(digests)s::text[])
     AS arrived (item_id, tenant_id, subject, digest)
ON CONFLICT (lane, tenant_id, digest) DO NOTHING
RETURNING *
"""
PENDING = """
SELECT i.window_start, w.revision, count(*) AS queued
FROM ledger_items AS i JOIN ledger_windows AS w USING (lane, window_start)
WHERE i.lane = %(lane)s AND i.state = 'queued'
GROUP BY i.window_start, w.revision ORDER BY i.window_start LIMIT %(limit)s
"""
CLAIM = """
UPDATE ledger_items SET state = 'started', attempt = attempt + 1, run_id = %(run)s, reason = NULL, updated_at = %(now)s
WHERE item_id IN (
    SELECT item_id FROM ledger_items
    WHERE lane = %(lane)s AND state = 'queued' AND window_start BETWEEN %(first)s AND %(last)s
    ORDER BY attempt, window_start, item_id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING *
"""
HELD = "SELECT * FROM ledger_items WHERE lane = %s AND run_id = %s AND state = 'started' ORDER BY item_id"
SETTLE = """
UPDATE ledger_items SET state = %(state)s, reason = %(reason)s, result = %(result)s, updated_at = %(now)s
WHERE item_id = ANY(%(ids)s) AND run_id = %(run)s AND state = 'started'
"""
RELEASE = """
UPDATE ledger_items
SET state = CASE WHEN attempt < %(most)s THEN 'queued' ELSE 'failed' END, reason = %(reason)s, updated_at = %(now)s
WHERE run_id = %(run)s AND state = 'started'
"""
STARTED_RUNS = "SELECT DISTINCT run_id FROM ledger_items WHERE lane = %s AND state = 'started' ORDER BY run_id"
FIND = "SELECT * FROM ledger_items WHERE lane = %s AND item_id = %s"
TALLY = """
SELECT date_trunc('day', registered_at, 'UTC') AS day, lane, state, count(*) AS items,
       max(attempt) AS most_attempts, min(updated_at) AS oldest_change
FROM ledger_items WHERE registered_at >= %(first)s AND registered_at < %(end)s
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
STUCK = """
SELECT * FROM ledger_items
WHERE state IN ('queued', 'started') AND updated_at < %(before)s ORDER BY updated_at LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Session:
    """One look at the ledger, or one change of it."""

    connection: psycopg.Connection

    def register(
        self, lane: str, arrivals: Iterable[tuple[UUID, Arrival]], now: datetime, window: datetime | None = None
    ) -> list[Item]:
        """Enter what is new into the window of discovery, or another; what is known already is left as it is."""
        entries = list(arrivals)
        return self._items(
            REGISTER,
            {
                "lane": lane,
                "window": hour_of(window or now),
                "now": now,
                "ids": [item_id for item_id, _ in entries],
                "tenants": [arrival.tenant_id for _, arrival in entries],
                "subjects": [arrival.subject for _, arrival in entries],
                "digests": [arrival.digest for _, arrival in entries],
            },
        )

    def pending(self, lane: str, limit: int) -> list[PendingWindow]:
        """List the oldest windows that hold queued work."""
        with self.connection.cursor(row_factory=class_row(PendingWindow)) as cursor:
            return cursor.execute(PENDING, {"lane": lane, "limit": limit}).fetchall()

    def claim(
        self, lane: str, first: datetime, last: datetime, run_id: str, now: datetime, most: int | None = None
    ) -> list[Item]:
        """Take the queued items of the windows from first to last for one run, those that were tried least first.

        Whoever takes them one by one (`most`) loses an attempt of one only, should its process die.
        """
        values = {"lane": lane, "first": first, "last": last, "run": run_id, "now": now, "most": most}
        return self._items(CLAIM, values)

    def held(self, lane: str, run_id: str) -> list[Item]:
        """List what a run has taken and not settled."""
        return self._items(HELD, (lane, run_id))

    def settle(
        self,
        item_ids: Sequence[UUID],
        run_id: str,
        state: State,
        now: datetime,
        *,
        reason: str | None = None,
        result: str | None = None,
    ) -> int:
        """Record what became of items that the run holds; returns how many it still held."""
        values = {"ids": list(item_ids), "run": run_id, "state": state, "now": now, "reason": reason, "result": result}
        return self.connection.execute(SETTLE, values).rowcount

    def release(self, run_id: str, reason: str, most_attempts: int, now: datetime) -> int:
        """Give back what a dead run held: queued again, or failed when its attempts are used up."""
        values = {"run": run_id, "reason": reason, "most": most_attempts, "now": now}
        return self.connection.execute(RELEASE, values).rowcount

    def started_runs(self, lane: str) -> list[str]:
        """List the runs that hold items of a lane."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(STARTED_RUNS, (lane,)).fetchall()

    def find(self, lane: str, item_id: UUID) -> Item | None:
        """Look one item up."""
        found = self._items(FIND, (lane, item_id))
        return found[0] if found else None

    def tally(self, first: datetime, end: datetime) -> list[Tally]:
        """Count the items registered from first to before end by day, lane and state."""
        with self.connection.cursor(row_factory=tally_row) as cursor:
            return cursor.execute(TALLY, {"first": first, "end": end}).fetchall()

    def stuck(self, before: datetime, limit: int) -> list[Item]:
        """List unfinished items that nothing has touched since the given moment, the longest untouched first."""
        return self._items(STUCK, {"before": before, "limit": limit})

    def _items(self, statement: LiteralString, values: Any) -> list[Item]:
        with self.connection.cursor(row_factory=item_row) as cursor:
            return cursor.execute(statement, values).fetchall()
