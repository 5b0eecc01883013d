# SPDX-License-Identifier: Apache-2.0
"""The one writer of the audit chain. It writes within its caller's transaction, so that nothing is shown unrecorded.

A tenant's chain is held from `append` until the transaction ends: append last, and commit. Who appends for several
tenants in one transaction goes by the order of tenant ids: then no two of them wait for each other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import psycopg

from ovpo.governance.audit.events import Entry
from ovpo.governance.audit.record import Head, Record, chained

_HOLD: Final = "SELECT head_seq, encode(head_hash, 'hex'), moment FROM lock_audit_head(%s)"
_ADD: Final = """
INSERT INTO audit_log (audit_id, seq, event_type, actor_id, actor_ip, tenant_id, resource_type, resource_id,
                       "timestamp", metadata, previous_hash, record_hash)
SELECT r.audit_id, r.seq, r.event_type, r.actor_id, r.actor_ip, %(tenant_id)s, r.resource_type, r.resource_id,
       %(timestamp)s, r.metadata::json, decode(r.previous_hash, 'hex'), decode(r.record_hash, 'hex')
FROM unnest(%(audit_id)s::uuid[], %(seq)s::bigint[], %(event_type)s::text[], %(actor_id)s::text[], %(actor_ip)s::text[],
            %(resource_type)s::text[], %(resource_id)s::text[], %(metadata)s::text[], %(previous_hash)s::text[],
            %(record_hash)s::text[])
     AS r (audit_id, seq, event_type, actor_id, actor_ip, resource_type, resource_id, metadata, previous_hash,
           record_hash)
ORDER BY r.seq
"""
_COLUMNS: Final = (
    "audit_id",
    "seq",
    "event_type",
    "actor_id",
    "actor_ip",
    "resource_type",
    "resource_id",
    "metadata",
    "previous_hash",
    "record_hash",
)


def append(
    connection: psycopg.Connection,
    tenant_id: str,
    entries: Sequence[Entry],
    *,
    new_id: Callable[[], UUID] = uuid4,
) -> list[Record]:
    """Write entries to the end of a tenant's chain, in two round trips however many they are.

    They are there when the caller's transaction commits, and leave no gap when it does not.
    """
    if not entries:
        return []
    records = chained(_hold(connection, tenant_id), tenant_id, entries, [new_id() for _ in entries])
    _add(connection, tenant_id, records[0].timestamp, records)
    return records


def _hold(connection: psycopg.Connection, tenant_id: str) -> Head:
    row = connection.execute(_HOLD, (tenant_id,)).fetchone()
    if row is None:
        raise psycopg.DataError("lock_audit_head gave no head")
    seq, record_hash, moment = row
    return Head(seq, record_hash, moment)


def _add(connection: psycopg.Connection, tenant_id: str, moment: datetime, records: Sequence[Record]) -> None:
    columns = {name: [getattr(record, name) for record in records] for name in _COLUMNS}
    connection.execute(_ADD, {"tenant_id": tenant_id, "timestamp": moment, **columns})
