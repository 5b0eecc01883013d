# SPDX-License-Identifier: Apache-2.0
"""One training of a tenant at a time: who comes second waits, and then sees what the first made."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg

from ovpo.foundation.postgres.connect import PostgresUnavailableError, conninfo
from ovpo.foundation.settings.tree import Postgres, PostgresRole

TAKE: Final = "SELECT pg_advisory_lock(hashtext('sop_training'), hashtext(%s))"
ASK: Final = "SELECT 1"


@dataclass(frozen=True, slots=True)
class Alone:
    """Says whether nobody else trains for the tenant still: the lock lives and dies with its connection."""

    connection: psycopg.Connection

    def check(self) -> None:
        """Raise PostgresUnavailableError where the lock is gone, since another training may be at work by now."""
        try:
            self.connection.execute(ASK)
        except psycopg.OperationalError as error:
            raise PostgresUnavailableError(f"the connection that held the training's lock is gone: {error}") from error


@contextmanager
def alone(settings: Postgres, tenant_id: str) -> Iterator[Alone]:
    """Wait until nobody trains for the tenant, then keep others out.

    The lock belongs to a connection of its own, so that it outlives the transactions of the work, and is given back by
    the server when the process dies.
    """
    try:
        with psycopg.connect(conninfo(settings, PostgresRole.PROCESS), autocommit=True) as connection:
            connection.execute(TAKE, (tenant_id,))
            yield Alone(connection)
    except psycopg.OperationalError as error:
        raise PostgresUnavailableError(f"PostgreSQL does not answer: {error}") from error
