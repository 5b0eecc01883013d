# SPDX-License-Identifier: Apache-2.0
"""The statements that read the chain, its heads and its seals; on which connection, and so of whom, is the caller's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from ovpo.governance.audit.record import Head, Record
from ovpo.governance.audit.seal import Seal

_PORTION: Final = 2_000
_STREAM: Final = """
SELECT audit_id, seq, event_type, actor_id, actor_ip, tenant_id, resource_type, resource_id, "timestamp",
       metadata::text, encode(previous_hash, 'hex'), encode(record_hash, 'hex')
FROM audit_log
WHERE tenant_id = %(tenant_id)s AND seq >= %(first)s
  AND (%(since)s::timestamptz IS NULL OR "timestamp" >= %(since)s)
  AND (%(before)s::timestamptz IS NULL OR "timestamp" < %(before)s)
ORDER BY seq
"""
_PAGE: Final = """
SELECT audit_id, seq, event_type, actor_id, actor_ip, tenant_id, resource_type, resource_id, "timestamp",
       metadata::text, encode(previous_hash, 'hex'), encode(record_hash, 'hex')
FROM audit_log
WHERE tenant_id = %(tenant_id)s
  AND (%(below)s::bigint IS NULL OR seq < %(below)s)
  AND (%(event_type)s::text IS NULL OR event_type = %(event_type)s)
  AND (%(actor)s::text IS NULL OR actor_id = %(actor)s)
  AND (%(resource_type)s::text IS NULL OR resource_type = %(resource_type)s)
  AND (%(resource_id)s::text IS NULL OR resource_id = %(resource_id)s)
  AND (%(since)s::timestamptz IS NULL OR "timestamp" >= %(since)s)
  AND (%(before)s::timestamptz IS NULL OR "timestamp" < %(before)s)
ORDER BY seq DESC LIMIT %(limit)s
"""
_HEADS: Final = """
SELECT tenant_id, seq, encode(record_hash, 'hex'), recorded_at FROM audit_heads
WHERE seq > 0 AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s) ORDER BY tenant_id
"""
_SEALS: Final = """
SELECT tenant_id, sealed_at, seq, encode(record_hash, 'hex'), key_id, encode(signature, 'hex') FROM audit_seals
WHERE tenant_id = %(tenant_id)s AND (%(since)s::timestamptz IS NULL OR sealed_at >= %(since)s) ORDER BY sealed_at
"""
_LAST_SEAL: Final = """
SELECT tenant_id, sealed_at, seq, encode(record_hash, 'hex'), key_id, encode(signature, 'hex')
FROM audit_seals WHERE tenant_id = %(tenant_id)s ORDER BY sealed_at DESC LIMIT 1
"""
_SEAL_A_DAY_BEFORE_THE_LAST: Final = """
SELECT tenant_id, sealed_at, seq, encode(record_hash, 'hex'), key_id, encode(signature, 'hex')
FROM audit_seals WHERE tenant_id = %(tenant_id)s
  AND sealed_at <= (SELECT max(sealed_at) FROM audit_seals WHERE tenant_id = %(tenant_id)s) - interval '24 hours'
ORDER BY sealed_at DESC LIMIT 1
"""
# A walk from tenant to tenant by the index: a month of records is not read to find that it is one tenant's.
_TENANTS: Final = """
WITH RECURSIVE logged AS (
    (SELECT tenant_id FROM audit_log ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT l.tenant_id FROM audit_log AS l WHERE l.tenant_id > logged.tenant_id ORDER BY l.tenant_id LIMIT 1)
    FROM logged WHERE logged.tenant_id IS NOT NULL
)
SELECT tenant_id FROM logged WHERE tenant_id IS NOT NULL
UNION SELECT tenant_id FROM audit_heads WHERE seq > 0
UNION SELECT tenant_id FROM audit_seals
ORDER BY tenant_id
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are wanted; what is None does not matter."""

    event_type: str | None = None
    actor: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def stream(
    connection: psycopg.Connection,
    tenant_id: str,
    first: int = 1,
    since: datetime | None = None,
    before: datetime | None = None,
) -> Iterator[Record]:
    """Give a tenant's records in their order, a portion at a time; only within a transaction."""
    with connection.cursor(name="audit_records", row_factory=tuple_row) as cursor:
        cursor.itersize = _PORTION
        cursor.execute(_STREAM, {"tenant_id": tenant_id, "first": first, "since": since, "before": before})
        for row in cursor:
            yield Record(*row)


def page(
    connection: psycopg.Connection, tenant_id: str, wanted: Filter, limit: int, below: int | None = None
) -> list[Record]:
    """Give a tenant's newest records that are wanted, or those before a number.

    Never prepared: a plan for all filters at once knows none of the indexes that serve one of them.
    """
    parameters: dict[str, Any] = {
        "tenant_id": tenant_id,
        "below": below,
        "limit": limit,
        "event_type": wanted.event_type,
        "actor": wanted.actor,
        "resource_type": wanted.resource_type,
        "resource_id": wanted.resource_id,
        "since": wanted.since,
        "before": wanted.before,
    }
    return [Record(*row) for row in connection.execute(_PAGE, parameters, prepare=False)]


def heads(connection: psycopg.Connection, tenant_id: str | None = None) -> dict[str, Head]:
    """Give the heads of all chains that have records, or that of one tenant."""
    rows = connection.execute(_HEADS, {"tenant_id": tenant_id})
    return {tenant: Head(seq, record_hash, moment) for tenant, seq, record_hash, moment in rows}


def seals(connection: psycopg.Connection, tenant_id: str, since: datetime | None = None) -> list[Seal]:
    """Give a tenant's seals, by time."""
    return [Seal(*row) for row in connection.execute(_SEALS, {"tenant_id": tenant_id, "since": since})]


def last_seal(connection: psycopg.Connection, tenant_id: str) -> Seal | None:
    """Give a tenant's newest seal."""
    row = connection.execute(_LAST_SEAL, {"tenant_id": tenant_id}).fetchone()
    return Seal(*row) if row else None


def seal_a_day_before_the_last(connection: psycopg.Connection, tenant_id: str) -> Seal | None:
    """Give the newest of a tenant's seals that are a day older than its last: up to there, a daily check has been."""
    row = connection.execute(_SEAL_A_DAY_BEFORE_THE_LAST, {"tenant_id": tenant_id}).fetchone()
    return Seal(*row) if row else None


def tenants(connection: psycopg.Connection) -> list[str]:
    """Name every tenant that has records, a head or seals."""
    return [tenant for (tenant,) in connection.execute(_TENANTS)]
