# SPDX-License-Identifier: Apache-2.0
"""Entering tenants and keys, as the role that owns the tables: at a machine's console, never by a service."""

import secrets
from dataclasses import dataclass
from datetime import datetime

import psycopg

from ovpo.foundation import keys
from ovpo.foundation.auth import Role
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings

ADD_TENANT = "INSERT INTO tenants (tenant_id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING"
TENANT_EXISTS = "SELECT 1 FROM tenants WHERE tenant_id = %s"
ADD_KEY = """
INSERT INTO api_keys (prefix, tenant_id, digest, role, label, expires_at) VALUES (%s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that was just entered: its text, which nobody can see again, and whose it is."""

    tenant_id: str
    role: Role
    text: str


def seed(settings: Settings) -> IssuedKey | None:
    """Enter the first tenant and its key, unless that tenant is there already."""
    with _connect(settings) as connection:
        if connection.execute(ADD_TENANT, (settings.seed.tenant, settings.seed.tenant_name)).rowcount == 0:
            return None
        return _issue(connection, settings.seed.tenant, Role.ADMIN, "first key", None)


def issue(settings: Settings, tenant_id: str, role: Role, label: str, expires_at: datetime | None) -> IssuedKey | None:
    """Enter another key of a tenant; None when there is no such tenant."""
    with _connect(settings) as connection:
        if not connection.execute(TENANT_EXISTS, (tenant_id,)).fetchone():
            return None
        return _issue(connection, tenant_id, role, label, expires_at)


def _connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE))


def _issue(
    connection: psycopg.Connection, tenant_id: str, role: Role, label: str, expires_at: datetime | None
) -> IssuedKey:
    minted = keys.mint(secrets.token_bytes)
    connection.execute(ADD_KEY, (minted.prefix, tenant_id, minted.digest, role.value, label, expires_at))
    return IssuedKey(tenant_id, role, minted.text)
