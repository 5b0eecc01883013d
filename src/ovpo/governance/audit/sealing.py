# SPDX-License-Identifier: Apache-2.0
"""Sealing: the heads of chains, signed, into the database and then into the object store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psycopg

from ovpo.foundation.objects.store import ObjectStore
from ovpo.governance.audit import reading
from ovpo.governance.audit.keys import Keys
from ovpo.governance.audit.record import Head
from ovpo.governance.audit.seal import Seal, object_key, sealed, written

_ALONE: Final = "SELECT pg_advisory_lock(hashtext('audit_sealing'))"
_DONE: Final = "SELECT pg_advisory_unlock(hashtext('audit_sealing'))"
_MONTHS: Final = "SELECT open_audit_months()"
_KEEP: Final = """
INSERT INTO audit_seals (tenant_id, sealed_at, seq, record_hash, key_id, signature)
SELECT s.tenant_id, s.sealed_at, s.seq, decode(s.record_hash, 'hex'), s.key_id, decode(s.signature, 'hex')
FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[], %s::text[])
     AS s (tenant_id, sealed_at, seq, record_hash, key_id, signature)
"""


@dataclass(frozen=True, slots=True)
class Sealing:
    """What one sealing did."""

    seals: Sequence[Seal]
    """The newest seal of each chain, whether it was made now or stands since earlier today."""
    made: int
    filed_late: int
    """Seals that an earlier sealing left in the database only, and that are in the object store now."""


def seal(
    connection: psycopg.Connection, objects: ObjectStore, keys: Keys, now: datetime, tenant_id: str | None = None
) -> Sealing:
    """Seal every chain, or one; commits. May be repeated: a head that was sealed today already gets no second seal.

    A seal says what was there, not that it was right: that is for `verifying` to say.
    """
    connection.execute(_ALONE)
    try:
        connection.execute(_MONTHS)
        heads = reading.heads(connection, tenant_id)
        last = {tenant: reading.last_seal(connection, tenant) for tenant in heads}
        seals = {tenant: _still_good(last[tenant], head, keys, now) for tenant, head in heads.items()}
        made = [sealed(tenant, heads[tenant], now, keys) for tenant, standing in seals.items() if standing is None]
        _keep(connection, made)
        connection.commit()
        late = sum(_file_late(objects, standing, now) for standing in last.values() if standing)
        newest = [*(standing for standing in seals.values() if standing), *made]
        for one in newest:
            objects.put(object_key(one.tenant_id, one.day), written(one))
    finally:
        if not connection.closed:
            connection.rollback()
            connection.execute(_DONE)
    return Sealing(sorted(newest, key=lambda one: one.tenant_id), len(made), late)


def _still_good(standing: Seal | None, head: Head, keys: Keys, now: datetime) -> Seal | None:
    if standing is None or standing.day != now.astimezone(UTC).date():
        return None
    same = (standing.seq, standing.record_hash, standing.key_id) == (head.seq, head.record_hash, keys.key_id)
    return standing if same else None


def _keep(connection: psycopg.Connection, seals: Sequence[Seal]) -> None:
    columns = ("tenant_id", "sealed_at", "seq", "record_hash", "key_id", "signature")
    connection.execute(_KEEP, [[getattr(one, column) for one in seals] for column in columns])


def _file_late(objects: ObjectStore, standing: Seal, now: datetime) -> bool:
    """Write the file that a sealing of an earlier day did not come to."""
    key = object_key(standing.tenant_id, standing.day)
    if standing.day == now.astimezone(UTC).date() or objects.exists(key):
        return False
    objects.put(key, written(standing))
    return True
