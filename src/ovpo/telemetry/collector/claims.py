# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys in PostgreSQL: one row per key of a tenant, claimed under a lease, answered, expired, purged."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from psycopg_pool import ConnectionPool

from ovpo.foundation.postgres.connect import tenant_transaction, transaction
from ovpo.telemetry.collector.idempotency import Busy, Kept, Mine, Request

PURGE_PORTION: Final = 5_000

CLAIM: Final = """
INSERT INTO idempotency_keys (tenant_id, key_digest, body_digest, owner, leased_until, requested_at, expires_at)
VALUES (%(tenant_id)s, %(key)s, %(body)s, %(owner)s, now() + %(lease)s, %(requested_at)s, now() + %(keep)s)
ON CONFLICT DO NOTHING
"""
TAKE_OVER: Final = """
UPDATE idempotency_keys
SET body_digest = %(body)s, owner = %(owner)s, leased_until = now() + %(lease)s, requested_at = %(requested_at)s,
    expires_at = now() + %(keep)s, answer = NULL
WHERE tenant_id = %(tenant_id)s AND key_digest = %(key)s
  AND (expires_at <= now() OR (answer IS NULL AND leased_until <= now() AND body_digest = %(body)s))
"""
LOOK: Final = """
SELECT body_digest, requested_at, answer FROM idempotency_keys WHERE tenant_id = %(tenant_id)s AND key_digest = %(key)s
"""
KEEP: Final = """
UPDATE idempotency_keys SET answer = coalesce(answer, %(answer)s), expires_at = now() + %(keep)s
WHERE tenant_id = %(tenant_id)s AND key_digest = %(key)s AND body_digest = %(body)s
RETURNING body_digest, requested_at, answer
"""
RELEASE: Final = """
DELETE FROM idempotency_keys
WHERE tenant_id = %(tenant_id)s AND key_digest = %(key)s AND owner = %(owner)s AND answer IS NULL
"""
PURGE: Final = "SELECT purge_idempotency_keys(%s)"


@dataclass(frozen=True, slots=True)
class PostgresClaims:
    """The durable side of idempotency: `lease` is what an owner has to finish, `keep` how long an answer stands."""

    pool: ConnectionPool
    lease: timedelta
    keep_for: timedelta

    async def claim(self, request: Request) -> Mine | Busy | Kept:
        """Take the key if it is free, expired, or left by an owner that died."""
        return await asyncio.to_thread(self._claim, request)

    async def keep(self, request: Request, answer: bytes) -> Kept | None:
        """Keep the answer unless there is one."""
        return await asyncio.to_thread(self._keep, request, answer)

    async def release(self, request: Request) -> None:
        """Give the key back unanswered, if it is still this owner's."""
        await asyncio.to_thread(self._release, request)

    async def purge(self) -> int:
        """Delete what has expired, of every tenant; say how many."""
        return await asyncio.to_thread(self._purge)

    def _claim(self, request: Request) -> Mine | Busy | Kept:
        values = self._values(request)
        with tenant_transaction(self.pool, request.tenant_id) as connection:
            if connection.execute(CLAIM, values).rowcount or connection.execute(TAKE_OVER, values).rowcount:
                return Mine()
            row = connection.execute(LOOK, values).fetchone()
        if row is None:
            return Busy(request.body)
        return _kept(row) if row[2] is not None else Busy(bytes(row[0]))

    def _keep(self, request: Request, answer: bytes) -> Kept | None:
        with tenant_transaction(self.pool, request.tenant_id) as connection:
            row = connection.execute(KEEP, self._values(request) | {"answer": answer}).fetchone()
        return _kept(row) if row else None

    def _release(self, request: Request) -> None:
        with tenant_transaction(self.pool, request.tenant_id) as connection:
            connection.execute(RELEASE, self._values(request))

    def _purge(self) -> int:
        """Delete by portions, each in a transaction of its own, so that no lock is held for long."""
        total, portion = 0, PURGE_PORTION
        while portion == PURGE_PORTION:
            with transaction(self.pool) as connection:
                [portion] = connection.execute(PURGE, (PURGE_PORTION,)).fetchone() or (0,)
            total += portion
        return total

    def _values(self, request: Request) -> dict[str, Any]:
        return {
            "tenant_id": request.tenant_id,
            "key": request.key,
            "body": request.body,
            "owner": request.owner,
            "requested_at": request.requested_at,
            "lease": self.lease,
            "keep": self.keep_for,
        }


def _kept(row: tuple[Any, ...]) -> Kept:
    return Kept(bytes(row[0]), row[1], bytes(row[2]))
