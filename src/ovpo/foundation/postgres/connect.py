# SPDX-License-Identifier: Apache-2.0
"""Connections: an address per role, a pool per service, a transaction per tenant. No table is named here."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from ovpo.foundation.settings.tree import LOOPBACK, Postgres, PostgresRole
from ovpo.foundation.unavailable import StoreUnavailableError

ADMIN = "ovpo_admin"
CONNECT_TIMEOUT_SECONDS = 5
ANSWER_MILLISECONDS = 20_000
ANSWERING = frozenset({PostgresRole.QUERY, PostgresRole.GOVERN})
"""The roles that work while somebody waits for the answer: no statement of theirs may take longer than that."""
SEE_TENANT = "SELECT set_config('app.current_tenant_id', %s, true)"
SERVER = "SELECT version(), pg_database_size(current_database())"


class PostgresUnavailableError(StoreUnavailableError):
    """PostgreSQL does not answer in time."""


def conninfo(settings: Postgres, role: PostgresRole) -> str:
    """Give the connection string of a role."""
    host, port = endpoint(settings)
    name = settings.dagster_database if role is PostgresRole.DAGSTER else settings.database
    return make_conninfo(
        host=host,
        port=port,
        dbname=name,
        user=role.value,
        password=password(settings, role),
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        application_name="ovpo",
    )


def admin_conninfo(settings: Postgres, database: str = "postgres") -> str:
    """Give the connection string of the login that may create roles and databases."""
    if settings.url:
        return make_conninfo(settings.url, dbname=database, connect_timeout=CONNECT_TIMEOUT_SECONDS)
    return make_conninfo(
        host=LOOPBACK,
        port=settings.port,
        dbname=database,
        user=ADMIN,
        password=settings.admin_password.get_secret_value(),
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
    )


def endpoint(settings: Postgres) -> tuple[str, int]:
    """Tell where the server listens."""
    if not settings.url:
        return LOOPBACK, settings.port
    parts = urlsplit(settings.url)
    return parts.hostname or LOOPBACK, parts.port or 5432


def password(settings: Postgres, role: PostgresRole) -> str:
    """Give a role's password."""
    by_role = settings.passwords
    secret = {
        PostgresRole.MIGRATE: by_role.migrate,
        PostgresRole.COLLECT: by_role.collect,
        PostgresRole.PROCESS: by_role.process,
        PostgresRole.QUERY: by_role.query,
        PostgresRole.GOVERN: by_role.govern,
        PostgresRole.DAGSTER: by_role.dagster,
    }[role]
    return secret.get_secret_value()


def open_pool(settings: Postgres, role: PostgresRole) -> ConnectionPool:
    """Open a pool that fills as it is used, so that a service starts even while the database does not answer."""
    return ConnectionPool(
        conninfo(settings, role),
        min_size=0,
        max_size=settings.pool_size,
        timeout=CONNECT_TIMEOUT_SECONDS,
        check=ConnectionPool.check_connection,
        name=role.value,
        open=True,
        kwargs={"options": f"-c statement_timeout={ANSWER_MILLISECONDS}"} if role in ANSWERING else None,
    )


@contextmanager
def transaction(pool: ConnectionPool) -> Iterator[psycopg.Connection]:
    """Lend a connection inside one transaction."""
    try:
        with pool.connection() as connection, connection.transaction():
            yield connection
    except (PoolTimeout, psycopg.OperationalError) as error:
        raise PostgresUnavailableError(f"PostgreSQL does not answer: {error}") from error


@contextmanager
def lend(settings: Postgres, role: PostgresRole) -> Iterator[psycopg.Connection]:
    """Open one connection, and with it one transaction, where a pool would not pay."""
    try:
        with psycopg.connect(conninfo(settings, role)) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise PostgresUnavailableError(f"PostgreSQL does not answer: {error}") from error


@contextmanager
def tenant_transaction(pool: ConnectionPool, tenant_id: str) -> Iterator[psycopg.Connection]:
    """Lend a connection that sees one tenant's rows until the transaction ends."""
    with transaction(pool) as connection:
        connection.execute(SEE_TENANT, (tenant_id,))
        yield connection


def describe(dsn: str) -> tuple[str, int]:
    """Ask the server for its version and how many bytes the database holds."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(SERVER).fetchone()
    if row is None:
        raise PostgresUnavailableError("PostgreSQL gave no answer to its own version")
    return str(row[0]).split(" on ", maxsplit=1)[0], int(row[1])
