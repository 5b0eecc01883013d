# SPDX-License-Identifier: Apache-2.0
"""API keys in PostgreSQL: found by prefix through a function that shows one row, before any tenant is known."""

import asyncio
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from ovpo.foundation.auth import KeyStoreError, Role, StoredKey
from ovpo.foundation.postgres.connect import PostgresUnavailableError, transaction

FIND = """
SELECT prefix, digest, tenant_id, role, expires_at, revoked_at, tenant_closed_at FROM api_key_by_prefix(%s)
"""


@dataclass(frozen=True, slots=True)
class PostgresKeys:
    """The store of keys that services ask."""

    pool: ConnectionPool

    async def find(self, prefix: str) -> StoredKey | None:
        """Give the key of this prefix."""
        try:
            row = await asyncio.to_thread(self._row, prefix)
        except (PostgresUnavailableError, psycopg.Error) as error:
            raise KeyStoreError(str(error)) from error
        return StoredKey(**(row | {"digest": bytes(row["digest"]), "role": Role(row["role"])})) if row else None

    def _row(self, prefix: str) -> dict[str, Any] | None:
        with transaction(self.pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(FIND, (prefix,)).fetchone()
