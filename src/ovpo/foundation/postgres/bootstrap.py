# SPDX-License-Identifier: Apache-2.0
"""What must be there before the first migration: the roles with their passwords, and the two databases."""

import psycopg
from psycopg import sql

from ovpo.foundation.postgres.connect import admin_conninfo, password
from ovpo.foundation.settings.tree import Postgres, PostgresRole

ROLE_EXISTS = "SELECT 1 FROM pg_roles WHERE rolname = %s"
DATABASE_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"
CREATE_ROLE = sql.SQL("CREATE ROLE {role} LOGIN PASSWORD {password} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
SET_PASSWORD = sql.SQL("ALTER ROLE {role} PASSWORD {password}")
BECOME = sql.SQL("GRANT {role} TO CURRENT_USER")
CREATE_DATABASE = sql.SQL("CREATE DATABASE {database} OWNER {role}")
CLOSE_TO_OTHERS = sql.SQL("REVOKE ALL ON DATABASE {database} FROM PUBLIC")
LET_STAGE = sql.SQL("GRANT TEMPORARY ON DATABASE {database} TO {role}")
LET_IN = sql.SQL("GRANT CONNECT ON DATABASE {database} TO {roles}")


class BootstrapError(Exception):
    """The roles cannot be made; the message says which setting is missing."""


def bootstrap(settings: Postgres) -> None:
    """Make roles and databases that are missing and set every password; may be repeated."""
    for role in PostgresRole:
        if not password(settings, role):
            section = role.name.lower()
            raise BootstrapError(f"OVPO_POSTGRES__PASSWORDS__{section.upper()} is empty; give {role.value} a password")
    with psycopg.connect(admin_conninfo(settings), autocommit=True) as connection:
        for role in PostgresRole:
            _ensure_role(connection, role, password(settings, role))
        _ensure_database(connection, settings.database, PostgresRole.MIGRATE)
        _ensure_database(connection, settings.dagster_database, PostgresRole.DAGSTER)
        services = sql.SQL(", ").join(sql.Identifier(role) for role in PostgresRole if role is not PostgresRole.DAGSTER)
        database = sql.Identifier(settings.database)
        connection.execute(LET_IN.format(database=database, roles=services))
        connection.execute(LET_STAGE.format(database=database, role=sql.Identifier(PostgresRole.PROCESS)))


def _ensure_role(connection: psycopg.Connection, role: PostgresRole, secret: str) -> None:
    exists = connection.execute(ROLE_EXISTS, (role.value,)).fetchone()
    statement = SET_PASSWORD if exists else CREATE_ROLE
    connection.execute(statement.format(role=sql.Identifier(role), password=sql.Literal(secret)))
    connection.execute(BECOME.format(role=sql.Identifier(role)))


def _ensure_database(connection: psycopg.Connection, name: str, owner: PostgresRole) -> None:
    if not connection.execute(DATABASE_EXISTS, (name,)).fetchone():
        connection.execute(CREATE_DATABASE.format(database=sql.Identifier(name), role=sql.Identifier(owner)))
    connection.execute(CLOSE_TO_OTHERS.format(database=sql.Identifier(name)))
