# SPDX-License-Identifier: Apache-2.0
"""Adapters on record: candidates and champions, and what was decided on them. Their statistics are in the object store.

At most one adapter of a tenant and maker is champion; a unique index holds that, whoever writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.types.json import Jsonb

from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import AdapterState, StoredAdapter

ENTER: Final = """
INSERT INTO sop_adapters (adapter, tenant_id, maker, key, state, trained_on, day, run_id, created_at)
VALUES (%(adapter)s, %(tenant)s, %(maker)s, %(key)s, 'candidate', %(trained_on)s, %(day)s, %(run)s, %(now)s)
RETURNING *
"""
FIND: Final = "SELECT * FROM sop_adapters WHERE tenant_id = %s AND adapter = %s"
CHAMPION: Final = "SELECT * FROM sop_adapters WHERE tenant_id = %s AND maker = %s AND state = 'champion'"
CHAMPION_KEPT: Final = CHAMPION + " FOR UPDATE"
UNDECIDED: Final = """
SELECT * FROM sop_adapters WHERE tenant_id = %s AND maker = %s AND state = 'candidate' ORDER BY created_at, adapter
"""
RETIRE: Final = """
UPDATE sop_adapters SET state = 'retired', reason = %(reason)s WHERE adapter = %(adapter)s AND state = 'champion'
"""
DECIDE: Final = """
UPDATE sop_adapters
SET state = %(state)s, evaluation = %(evaluation)s, reason = %(reason)s, decided_at = %(now)s
WHERE adapter = %(adapter)s AND state = 'candidate'
RETURNING *
"""
LIST: Final = """
SELECT * FROM sop_adapters
WHERE tenant_id = %(tenant)s
  AND (%(made)s::timestamptz IS NULL OR created_at <= %(made)s AND (created_at, %(adapter)s) < (%(made)s, adapter))
ORDER BY created_at DESC, adapter LIMIT %(limit)s
"""
OF_DAYS: Final = "SELECT * FROM sop_adapters WHERE day >= %s AND day <= %s ORDER BY day, created_at, adapter"


class AlreadyDecidedError(Exception):
    """What was to be decided on was decided by another training: the candidate itself, or who is champion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAdapter:
    """A candidate to be put on record."""

    adapter: str
    tenant_id: str
    maker: str
    key: str
    trained_on: tuple[str, ...]
    """SHA-256 of the gold videos."""
    day: datetime
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided on a candidate, and why."""

    champion: bool
    reason: str
    evaluation: Mapping[str, Any] | None
    """Absent where its training ended before it was held against anything."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """One look at the adapters, or one change of them, in the transaction of a connection."""

    connection: psycopg.Connection

    def enter(self, new: NewAdapter, now: datetime) -> StoredAdapter:
        """Put a candidate on record."""
        values = {
            "adapter": new.adapter,
            "tenant": new.tenant_id,
            "maker": new.maker,
            "key": new.key,
            "trained_on": list(new.trained_on),
            "day": new.day,
            "run": new.run_id,
            "now": now,
        }
        with self.connection.cursor(row_factory=row_of(StoredAdapter)) as cursor:
            (entered,) = cursor.execute(ENTER, values)
        return entered

    def find(self, tenant_id: str, adapter: str) -> StoredAdapter | None:
        """Look an adapter up by its name."""
        return self._one(FIND, (tenant_id, adapter))

    def champion_of(self, tenant_id: str, maker: str) -> StoredAdapter | None:
        """Give a tenant's champion of a maker."""
        return self._one(CHAMPION, (tenant_id, maker))

    def undecided(self, tenant_id: str, maker: str) -> list[StoredAdapter]:
        """List the candidates on which nothing was decided, the oldest first."""
        return self._all(UNDECIDED, (tenant_id, maker))

    def decide(
        self, candidate: StoredAdapter, decision: Decision, now: datetime, *, against: StoredAdapter | None
    ) -> StoredAdapter:
        """Make a candidate champion, by which the former one retires, or reject it.

        `against` is the champion that it was held against. Where another one is champion by now, or where something was
        decided on the candidate already, AlreadyDecidedError is raised and nothing changes.
        """
        try:
            with self.connection.transaction():
                return self._decide(candidate, decision, now, against)
        except psycopg.errors.UniqueViolation as error:
            raise AlreadyDecidedError(f"{candidate.adapter}: another one became champion meanwhile") from error

    def listed(self, tenant_id: str, limit: int, after: tuple[datetime, str] | None = None) -> list[StoredAdapter]:
        """List a tenant's adapters, the newest first, after the one made at a moment under a name."""
        made, adapter = after or (None, "")
        return self._all(LIST, {"tenant": tenant_id, "made": made, "adapter": adapter, "limit": limit})

    def of_days(self, first: datetime, last: datetime) -> list[StoredAdapter]:
        """List every tenant's adapters of the trainings of some days, both included."""
        return self._all(OF_DAYS, (first, last))

    def _decide(
        self, candidate: StoredAdapter, decision: Decision, now: datetime, against: StoredAdapter | None
    ) -> StoredAdapter:
        champion = self._one(CHAMPION_KEPT, (candidate.tenant_id, candidate.maker))
        if (champion and champion.adapter) != (against and against.adapter):
            raise AlreadyDecidedError(f"{candidate.adapter}: it was not held against the present champion; train anew")
        if decision.champion and champion is not None:
            succeeded = f"succeeded by {candidate.adapter}"
            self.connection.execute(RETIRE, {"adapter": champion.adapter, "reason": succeeded})
        values = {
            "adapter": candidate.adapter,
            "state": AdapterState.CHAMPION if decision.champion else AdapterState.REJECTED,
            "evaluation": None if decision.evaluation is None else Jsonb(decision.evaluation),
            "reason": decision.reason,
            "now": now,
        }
        decided = self._one(DECIDE, values)
        if decided is None:
            raise AlreadyDecidedError(f"{candidate.adapter}: something was decided on it already")
        return decided

    def _one(self, statement: LiteralString, values: Any) -> StoredAdapter | None:
        with self.connection.cursor(row_factory=row_of(StoredAdapter)) as cursor:
            return cursor.execute(statement, values).fetchone()

    def _all(self, statement: LiteralString, values: Any) -> list[StoredAdapter]:
        with self.connection.cursor(row_factory=row_of(StoredAdapter)) as cursor:
            return cursor.execute(statement, values).fetchall()
