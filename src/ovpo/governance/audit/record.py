# SPDX-License-Identifier: Apache-2.0
"""A record of the audit chain, its hash, and how entries become the next records of a chain. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson

from ovpo.governance.audit.canonical import canonical, held, metadata_text
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.events import Entry

GENESIS: Final = "0" * 64
"""The hash before the first record."""
_MOST_METADATA_BYTES: Final = 65_536
_MOST: Final = {"actor_id": 256, "actor_ip": 64, "resource_type": 64, "resource_id": 1024}


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands, and the time that its next record gets."""

    seq: int
    record_hash: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is kept."""

    audit_id: UUID
    seq: int
    event_type: str
    actor_id: str
    actor_ip: str | None
    tenant_id: str
    resource_type: str
    resource_id: str
    timestamp: datetime
    metadata: str
    """Canonical JSON."""
    previous_hash: str
    record_hash: str


def instant(moment: datetime) -> str:
    """Spell a moment as records and seals do: UTC, microseconds, Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def fields(record: Record) -> dict[str, Any]:
    """Give what is hashed of a record: all of it but its hash."""
    return {
        "audit_id": str(record.audit_id),
        "seq": record.seq,
        "event_type": record.event_type,
        "actor_id": record.actor_id,
        "actor_ip": record.actor_ip,
        "tenant_id": record.tenant_id,
        "resource_type": record.resource_type,
        "resource_id": record.resource_id,
        "timestamp": instant(record.timestamp),
        "metadata": orjson.Fragment(record.metadata),
        "previous_hash": record.previous_hash,
    }


def hash_of(record: Record) -> str:
    """Compute a record's hash from its other fields."""
    return sha256(canonical(fields(record))).hexdigest()


def chained(head: Head, tenant_id: str, entries: Sequence[Entry], ids: Sequence[UUID]) -> list[Record]:
    """Make the records that continue a chain by these entries."""
    records: list[Record] = []
    previous_hash = head.record_hash
    for seq, (entry, audit_id) in enumerate(zip(entries, ids, strict=True), head.seq + 1):
        unhashed = Record(
            audit_id=audit_id,
            seq=seq,
            event_type=entry.event_type.value,
            actor_id=_bounded("actor_id", entry.actor_id),
            actor_ip=_bounded("actor_ip", entry.actor_ip) if entry.actor_ip else None,
            tenant_id=tenant_id,
            resource_type=_bounded("resource_type", entry.resource_type),
            resource_id=_bounded("resource_id", entry.resource_id),
            timestamp=head.moment,
            metadata=_bounded_metadata(entry),
            previous_hash=previous_hash,
            record_hash="",
        )
        previous_hash = hash_of(unhashed)
        records.append(replace(unhashed, record_hash=previous_hash))
    return records


def _bounded(name: str, text: str) -> str:
    if not 1 <= len(text) <= _MOST[name]:
        raise AuditError(f"{name}: has {len(text)} characters; takes 1 to {_MOST[name]}")
    return held(text)


def _bounded_metadata(entry: Entry) -> str:
    text = metadata_text(entry.metadata)
    if len(text.encode()) > _MOST_METADATA_BYTES:
        raise AuditError(f"metadata: has {len(text.encode())} bytes of JSON; takes up to {_MOST_METADATA_BYTES}")
    return text
