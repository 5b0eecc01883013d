# SPDX-License-Identifier: Apache-2.0
"""Tenants: opened, listed, configured, closed; every change on the audit chain of the tenant that it is about.

All of it inside the caller's transaction, as a role that sees every tenant. Who may do what was decided before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ovpo.foundation.rates.tiers import Tier
from ovpo.governance.access.cursor import Place
from ovpo.governance.access.refusals import Refusal, RefusedError
from ovpo.governance.access.retention import Retention
from ovpo.governance.audit import chain
from ovpo.governance.audit.events import Actor, EventType

RESOURCE: Final = "tenant"

ADD: Final = """
INSERT INTO tenants (tenant_id, name, tier, retention, hardware_profile, legal_hold_default, created_at, updated_at)
VALUES (%(tenant_id)s, %(name)s, %(tier)s, %(retention)s, %(hardware_profile)s, %(legal_hold_default)s, %(now)s,
        %(now)s)
ON CONFLICT DO NOTHING
"""
FIND: Final = """
SELECT tenant_id, name, tier, retention, hardware_profile, legal_hold_default, created_at, updated_at,
       deleted_at AS closed_at, revision
FROM tenants WHERE tenant_id = %s
"""
LIST: Final = """
SELECT tenant_id, name, tier, retention, hardware_profile, legal_hold_default, created_at, updated_at,
       deleted_at AS closed_at, revision
FROM tenants
WHERE %(last_timestamp)s::timestamptz IS NULL
   OR (created_at, tenant_id) < (%(last_timestamp)s::timestamptz, %(last_id)s::text)
ORDER BY created_at DESC, tenant_id DESC LIMIT %(limit)s
"""
# A statement of its own: what is read afterwards is what was committed by whoever held the row before.
LOCK: Final = "SELECT FROM tenants WHERE tenant_id = %s FOR NO KEY UPDATE"
CHANGE: Final = """
UPDATE tenants SET
    name = %(name)s, tier = %(tier)s, retention = %(retention)s, hardware_profile = %(hardware_profile)s,
    legal_hold_default = %(legal_hold_default)s, updated_at = %(now)s, revision = revision + 1
WHERE tenant_id = %(tenant_id)s
"""
CLOSE: Final = """
UPDATE tenants SET deleted_at = %(now)s, updated_at = %(now)s, revision = revision + 1 WHERE tenant_id = %(tenant_id)s
"""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is configured of a tenant."""

    name: str
    tier: Tier
    retention: Retention
    hardware_profile: str | None
    legal_hold_default: bool


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as it is kept; `revision` rises with each change."""

    tenant_id: str
    configuration: Configuration
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    revision: int


def add(
    connection: psycopg.Connection, tenant_id: str, configuration: Configuration, actor: Actor, now: datetime
) -> Tenant | None:
    """Open a tenant; None if the id is taken, by a closed tenant too."""
    given = {"tenant_id": tenant_id, "now": now, **_columns(configuration)}
    if connection.execute(ADD, given).rowcount == 0:
        return None
    fields = _said(configuration)
    entry = actor.entry(EventType.CONFIG_CHANGE, RESOURCE, tenant_id, action="opened", changes=_changes({}, fields))
    chain.append(connection, tenant_id, [entry])
    return find(connection, tenant_id)


def find(connection: psycopg.Connection, tenant_id: str) -> Tenant | None:
    """Give a tenant, closed or not; None if there never was one."""
    row = connection.cursor(row_factory=dict_row).execute(FIND, (tenant_id,)).fetchone()
    return _tenant(row) if row else None


def known(connection: psycopg.Connection, tenant_id: str) -> Tenant:
    """Give a tenant, closed or not; refuse if there never was one."""
    if (tenant := find(connection, tenant_id)) is None:
        raise RefusedError(Refusal.UNKNOWN, f"there is no tenant {tenant_id}")
    return tenant


def held(connection: psycopg.Connection, tenant_id: str) -> Tenant:
    """Give a tenant that nobody else changes until this transaction ends; refuse if there is none or it is closed."""
    connection.execute(LOCK, (tenant_id,))
    tenant = known(connection, tenant_id)
    if tenant.closed_at is not None:
        raise RefusedError(Refusal.STATE, f"tenant {tenant_id} is closed; open another one under another id")
    return tenant


def listed(connection: psycopg.Connection, after: Place | None, limit: int) -> list[Tenant]:
    """Give tenants, the newest first, from a place on."""
    given = {"last_timestamp": after and after.timestamp, "last_id": after and after.id, "limit": limit}
    return [_tenant(row) for row in connection.cursor(row_factory=dict_row).execute(LIST, given)]


def change(
    connection: psycopg.Connection, tenant: Tenant, wanted: Configuration, actor: Actor, now: datetime
) -> Tenant:
    """Configure a tenant that is held; what is as it was leaves everything as it was."""
    changes = _changes(_said(tenant.configuration), _said(wanted))
    if not changes:
        return tenant
    connection.execute(CHANGE, {"tenant_id": tenant.tenant_id, "now": now, **_columns(wanted)})
    entry = actor.entry(EventType.CONFIG_CHANGE, RESOURCE, tenant.tenant_id, action="configured", changes=changes)
    chain.append(connection, tenant.tenant_id, [entry])
    return known(connection, tenant.tenant_id)


def close(connection: psycopg.Connection, tenant_id: str, actor: Actor, now: datetime) -> Tenant:
    """Close a tenant: its keys stop, its data stays for retention and erasure. Closing it again changes nothing."""
    connection.execute(LOCK, (tenant_id,))
    tenant = known(connection, tenant_id)
    if tenant.closed_at is not None:
        return tenant
    connection.execute(CLOSE, {"tenant_id": tenant_id, "now": now})
    changes = _changes({"closed_at": None}, {"closed_at": now.isoformat()})
    entry = actor.entry(EventType.CONFIG_CHANGE, RESOURCE, tenant_id, action="closed", changes=changes)
    chain.append(connection, tenant_id, [entry])
    return known(connection, tenant_id)


def _tenant(row: Mapping[str, Any]) -> Tenant:
    configuration = Configuration(
        name=row["name"],
        tier=Tier(row["tier"]),
        retention=Retention.model_validate(row["retention"]),
        hardware_profile=row["hardware_profile"],
        legal_hold_default=row["legal_hold_default"],
    )
    return Tenant(
        tenant_id=row["tenant_id"],
        configuration=configuration,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        closed_at=row["closed_at"],
        revision=row["revision"],
    )


def _said(configuration: Configuration) -> dict[str, Any]:
    """Give a configuration as JSON holds it."""
    return {
        "name": configuration.name,
        "tier": configuration.tier.value,
        "retention": configuration.retention.overrides(),
        "hardware_profile": configuration.hardware_profile,
        "legal_hold_default": configuration.legal_hold_default,
    }


def _columns(configuration: Configuration) -> dict[str, Any]:
    return {**_said(configuration), "retention": Jsonb(configuration.retention.overrides())}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {"old": old.get(name), "new": value}
        for name, value in new.items()
        if name not in old or old[name] != value
    }
