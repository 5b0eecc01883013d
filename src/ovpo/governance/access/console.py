# SPDX-License-Identifier: Apache-2.0
"""Entering tenants and keys, as the role that owns the tables: at a machine's console, never by a service."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ovpo.foundation.auth import Role
from ovpo.foundation.postgres.connect import lend
from ovpo.foundation.rates.tiers import Tier
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.access import api_keys, tenants
from ovpo.governance.access.api_keys import Maker, NewKey, Wanted
from ovpo.governance.access.retention import Retention
from ovpo.governance.access.tenants import Configuration
from ovpo.governance.audit.events import Actor

ACTOR: Final = Actor("console")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that was just entered: its text, which nobody can see again, and whose it is."""

    tenant_id: str
    role: Role
    text: str


def seed(settings: Settings) -> IssuedKey | None:
    """Enter the first tenant and its key, unless that tenant is there already."""
    maker = _maker()
    first = Configuration(settings.seed.tenant_name, Tier.FREE, Retention(), None, legal_hold_default=False)
    with lend(settings.postgres, PostgresRole.MIGRATE) as connection:
        if tenants.add(connection, settings.seed.tenant, first, ACTOR, maker.now) is None:
            return None
        wanted = Wanted(Role.ADMIN, "first key", None)
        return _issued(api_keys.add(connection, settings.seed.tenant, wanted, maker))


def issue(settings: Settings, tenant_id: str, role: Role, label: str, expires_at: datetime | None) -> IssuedKey | None:
    """Enter another key of a tenant; None when there is no such tenant, or it is closed."""
    with lend(settings.postgres, PostgresRole.MIGRATE) as connection:
        tenant = tenants.find(connection, tenant_id)
        if tenant is None or tenant.closed_at is not None:
            return None
        return _issued(api_keys.add(connection, tenant_id, Wanted(role, label, expires_at), _maker()))


def _maker() -> Maker:
    return Maker(ACTOR, Role.SUPER_ADMIN, datetime.now(UTC), secrets.token_bytes)


def _issued(made: NewKey) -> IssuedKey:
    return IssuedKey(made.key.tenant_id, made.key.role, made.text)
