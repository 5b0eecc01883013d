# SPDX-License-Identifier: Apache-2.0
"""API keys of a tenant: issued, listed, rotated, revoked; every change on the tenant's audit chain.

All of it inside the caller's transaction. A key's text is given once, to whoever made it; only its digest is kept. The
audit chain holds no label: a label is free text that may name a person, and the chain is never erased.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from ovpo.foundation import keys
from ovpo.foundation.auth import Role
from ovpo.governance.access import tenants
from ovpo.governance.access.cursor import Place
from ovpo.governance.access.refusals import Refusal, RefusedError
from ovpo.governance.audit import chain
from ovpo.governance.audit.events import Actor, Entry, EventType

RESOURCE: Final = "api_key"
LONGEST_LIFE: Final = timedelta(days=3_650)
_TRIES: Final = 5
"""Prefixes have 40 random bits: at a million keys, one new one in a million meets another."""

ADD: Final = """
INSERT INTO api_keys (prefix, tenant_id, digest, role, label, created_at, created_by, expires_at, rotated_from)
VALUES (%(prefix)s, %(tenant_id)s, %(digest)s, %(role)s, %(label)s, %(now)s, %(created_by)s, %(expires_at)s,
        %(rotated_from)s)
ON CONFLICT (prefix) DO NOTHING
"""
FIND: Final = """
SELECT prefix, tenant_id, role, label, created_at, created_by, expires_at, last_used_at, revoked_at, rotated_from,
       replaced_by
FROM api_keys WHERE tenant_id = %s AND prefix = %s
"""
LIST: Final = """
SELECT prefix, tenant_id, role, label, created_at, created_by, expires_at, last_used_at, revoked_at, rotated_from,
       replaced_by
FROM api_keys
WHERE tenant_id = %(tenant_id)s
  AND (%(last_timestamp)s::timestamptz IS NULL
       OR (created_at, prefix) < (%(last_timestamp)s::timestamptz, %(last_id)s::text))
ORDER BY created_at DESC, prefix DESC LIMIT %(limit)s
"""
# A statement of its own: what is read afterwards is what was committed by whoever held the row before.
LOCK: Final = "SELECT FROM api_keys WHERE tenant_id = %s AND prefix = %s FOR NO KEY UPDATE"
REPLACE: Final = "UPDATE api_keys SET expires_at = %s, replaced_by = %s WHERE prefix = %s"
REVOKE: Final = "UPDATE api_keys SET revoked_at = %s WHERE prefix = %s"


class State(StrEnum):
    """What a key is good for now."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key."""

    prefix: str
    tenant_id: str
    role: Role
    label: str
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    rotated_from: str | None
    replaced_by: str | None

    def state(self, now: datetime) -> State:
        """Tell whether it is good."""
        if self.revoked_at is not None:
            return State.REVOKED
        return State.EXPIRED if self.expires_at is not None and self.expires_at <= now else State.ACTIVE


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that is to be made."""

    role: Role
    label: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, with its text, which nobody can see again."""

    key: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes or ends keys: for the audit chain, and up to which role it may; the time and the randomness it uses."""

    actor: Actor
    most: Role
    now: datetime
    random_bytes: Callable[[int], bytes]


def issue(connection: psycopg.Connection, tenant_id: str, wanted: Wanted, maker: Maker) -> NewKey:
    """Make a key of a tenant that is open, of a role that is not above the maker's."""
    _require_not_above(wanted.role, maker)
    _require_ahead(wanted.expires_at, maker.now)
    tenants.held(connection, tenant_id)
    return add(connection, tenant_id, wanted, maker)


def add(connection: psycopg.Connection, tenant_id: str, wanted: Wanted, maker: Maker) -> NewKey:
    """Enter a key as it is wanted."""
    made = _add(connection, tenant_id, wanted, maker, None)
    chain.append(connection, tenant_id, [_created(made.key, maker)])
    return made


def find(connection: psycopg.Connection, tenant_id: str, prefix: str) -> ApiKey | None:
    """Give a key of this tenant; None if it has none of this prefix, whoever else has."""
    row = connection.cursor(row_factory=dict_row).execute(FIND, (tenant_id, prefix)).fetchone()
    return _key(row) if row else None


def known(connection: psycopg.Connection, tenant_id: str, prefix: str) -> ApiKey:
    """Give a key of this tenant; refuse if it has none of this prefix, whoever else has."""
    if (key := find(connection, tenant_id, prefix)) is None:
        raise RefusedError(Refusal.UNKNOWN, f"your tenant has no API key {prefix}")
    return key


def listed(connection: psycopg.Connection, tenant_id: str, after: Place | None, limit: int) -> list[ApiKey]:
    """Give a tenant's keys, the newest first, from a place on."""
    given = {
        "tenant_id": tenant_id,
        "last_timestamp": after and after.timestamp,
        "last_id": after and after.id,
        "limit": limit,
    }
    return [_key(row) for row in connection.cursor(row_factory=dict_row).execute(LIST, given)]


def rotate(
    connection: psycopg.Connection, tenant_id: str, prefix: str, overlap: timedelta, maker: Maker
) -> tuple[NewKey, ApiKey]:
    """Replace a key by one of the same role, label and length of life; the old one goes on for the overlap."""
    old = _held(connection, tenant_id, prefix, maker)
    if old.replaced_by is not None:
        raise RefusedError(Refusal.STATE, f"API key {prefix} was replaced by {old.replaced_by}; rotate that one")
    if (state := old.state(maker.now)) is not State.ACTIVE:
        raise RefusedError(Refusal.STATE, f"API key {prefix} is {state.value}; create another one")
    life = None if old.expires_at is None else old.expires_at - old.created_at
    wanted = Wanted(old.role, old.label, None if life is None else maker.now + min(life, LONGEST_LIFE))
    made = _add(connection, tenant_id, wanted, maker, prefix)
    ends = maker.now + overlap if old.expires_at is None else min(old.expires_at, maker.now + overlap)
    connection.execute(REPLACE, (ends, made.key.prefix, prefix))
    changes = {
        "expires_at": {"old": _iso(old.expires_at), "new": _iso(ends)},
        "replaced_by": {"old": None, "new": made.key.prefix},
    }
    replaced = maker.actor.entry(EventType.CONFIG_CHANGE, RESOURCE, prefix, action="rotated", changes=changes)
    chain.append(connection, tenant_id, [_created(made.key, maker), replaced])
    return made, known(connection, tenant_id, prefix)


def revoke(connection: psycopg.Connection, tenant_id: str, prefix: str, maker: Maker) -> ApiKey:
    """End a key for ever. Revoking it again changes nothing."""
    key = _held(connection, tenant_id, prefix, maker)
    if key.revoked_at is not None:
        return key
    connection.execute(REVOKE, (maker.now, prefix))
    changes = {"revoked_at": {"old": None, "new": _iso(maker.now)}}
    entry = maker.actor.entry(EventType.API_KEY_REVOKED, RESOURCE, prefix, role_of_key=key.role.value, changes=changes)
    chain.append(connection, tenant_id, [entry])
    return known(connection, tenant_id, prefix)


def _held(connection: psycopg.Connection, tenant_id: str, prefix: str, maker: Maker) -> ApiKey:
    """Give a key that nobody else changes until this transaction ends, if its role is not above the maker's."""
    connection.execute(LOCK, (tenant_id, prefix))
    key = known(connection, tenant_id, prefix)
    _require_not_above(key.role, maker)
    return key


def _add(
    connection: psycopg.Connection, tenant_id: str, wanted: Wanted, maker: Maker, rotated_from: str | None
) -> NewKey:
    for _ in range(_TRIES):
        minted = keys.mint(maker.random_bytes)
        given = {
            "prefix": minted.prefix,
            "tenant_id": tenant_id,
            "digest": minted.digest,
            "role": wanted.role.value,
            "label": wanted.label,
            "now": maker.now,
            "created_by": maker.actor.actor_id,
            "expires_at": wanted.expires_at,
            "rotated_from": rotated_from,
        }
        if connection.execute(ADD, given).rowcount:
            return NewKey(known(connection, tenant_id, minted.prefix), minted.text)
    raise RefusedError(Refusal.STATE, "no free prefix for a key was found; ask again")


def _require_not_above(role: Role, maker: Maker) -> None:
    if role > maker.most:
        raise RefusedError(
            Refusal.ABOVE_CALLER,
            f"role: {role.value} is above your own, {maker.most.value}; have it done with a key of that role",
            field="role",
            needed=role.value,
            role=maker.most.value,
        )


def _require_ahead(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and not timedelta() < expires_at - now <= LONGEST_LIFE:
        raise RefusedError(
            Refusal.VALUE,
            f"expires_at: takes a moment within the next {LONGEST_LIFE.days} days; give one, or leave it out for never",
            field="expires_at",
        )


def _created(key: ApiKey, maker: Maker) -> Entry:
    changes = {
        "role": {"old": None, "new": key.role.value},
        "expires_at": {"old": None, "new": _iso(key.expires_at)},
        "rotated_from": {"old": None, "new": key.rotated_from},
    }
    return maker.actor.entry(EventType.API_KEY_CREATED, RESOURCE, key.prefix, changes=changes)


def _key(row: dict[str, Any]) -> ApiKey:
    return ApiKey(**{**row, "role": Role(row["role"])})


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
