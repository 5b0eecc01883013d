# SPDX-License-Identifier: Apache-2.0
"""Verification of a tenant's chain against everything that speaks of it: reads both stores, and changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import Final

import psycopg

from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.governance.audit import reading, seal
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.evidence import Evidence, Filed, claims, disagreements, misplaced_head
from ovpo.governance.audit.keys import Keys
from ovpo.governance.audit.record import GENESIS, Record
from ovpo.governance.audit.walk import Fault, walk

Watch = Callable[[Iterable[Record]], Iterable[Record]]
_MOST_FAULTS: Final = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found: nothing, when the chain is sound."""

    tenant_id: str
    records: int
    """How many were looked at, up to the first that is broken."""
    first_seq: int
    last_seq: int
    seals: int
    faults: Sequence[Fault]

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.faults


def verify(
    connection: psycopg.Connection,
    objects: ObjectStore,
    keys: Keys,
    tenant_id: str,
    *,
    recent: bool = False,
    watch: Watch = iter,
) -> Verdict:
    """Verify a chain from its beginning; `recent` only what came after the last daily check.

    The object store is read first and the database as of one moment after that, so that all others may go on writing.
    """
    with _snapshot(connection):
        anchor = reading.seal_a_day_before_the_last(connection, tenant_id) if recent else None
    looked_at = datetime.now(UTC)
    filed = list(_filed(objects, tenant_id, anchor.day if anchor else date.min))
    first = anchor.seq if anchor else 1
    with _snapshot(connection):
        head = reading.heads(connection, tenant_id).get(tenant_id)
        kept = reading.seals(connection, tenant_id, anchor.sealed_at if anchor else None)
        evidence = Evidence(tenant_id, head, kept, filed, looked_at)
        records = watch(reading.stream(connection, tenant_id, first))
        walked = walk(records, claims(evidence, keys), first, None if anchor else GENESIS)
    faults = [walked.fault] if walked.fault else [*misplaced_head(evidence, walked.last_seq)]
    faults += islice(disagreements(evidence, keys), _MOST_FAULTS)
    return Verdict(tenant_id, walked.records, first, walked.last_seq, len(kept), faults)


def tenants(connection: psycopg.Connection, objects: ObjectStore) -> list[str]:
    """Name every tenant whose chain anything speaks of, were it only a seal in the object store."""
    with _snapshot(connection):
        known = set(reading.tenants(connection))
    folders = (info.key.removeprefix(f"{seal.FOLDER}/") for info in objects.list(f"{seal.FOLDER}/"))
    return sorted(known | {folder.split("/")[0] for folder in folders if "/" in folder})


@contextmanager
def _snapshot(connection: psycopg.Connection) -> Iterator[None]:
    connection.rollback()
    connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
    try:
        with connection.transaction():
            yield
    finally:
        connection.isolation_level, connection.read_only = None, None


def _filed(objects: ObjectStore, tenant_id: str, since: date) -> Iterator[Filed]:
    for info in objects.list(f"{seal.FOLDER}/{tenant_id}/"):
        name = info.key.rpartition("/")[2].removesuffix(".json")
        try:
            day = date.fromisoformat(name)
        except ValueError:
            continue
        if day >= since:
            yield _read(objects, info.key, day)


def _read(objects: ObjectStore, key: str, day: date) -> Filed:
    try:
        found = seal.read(objects.get(key))
    except AuditError as error:
        return Filed(day, None, str(error))
    except ObjectNotFoundError:
        return Filed(day, None, "vanished while it was read; verify again")
    return Filed(day, found) if found.day == day else Filed(day, None, f"holds the seal of another day, {found.day}")
