# SPDX-License-Identifier: Apache-2.0
"""What stands beside a chain, that is its head and its seals in both stores, and whether that agrees. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from ovpo.governance.audit.keys import Keys
from ovpo.governance.audit.record import Head, instant
from ovpo.governance.audit.seal import Seal, is_genuine, object_key
from ovpo.governance.audit.walk import Claim, Fault, Kind

GRACE: Final = timedelta(minutes=10)
"""How long a seal may be in the database only: it is written there first."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A day's seal as it lies in the object store: or, where its file is damaged, what is wrong with that."""

    day: date
    seal: Seal | None
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that speaks of a tenant's chain but its records."""

    tenant_id: str
    head: Head | None
    kept: Sequence[Seal]
    """In the database, by time."""
    filed: Sequence[Filed]
    """In the object store, as it was before the database was looked at."""
    looked_at: datetime


def claims(evidence: Evidence, keys: Keys) -> list[Claim]:
    """Say what the chain must agree with; a seal whose signature is known to be false says nothing."""
    head = [Claim(evidence.head.seq, evidence.head.record_hash, "its head")] if evidence.head else []
    kept = [
        Claim(seal.seq, seal.record_hash, f"the seal of {instant(seal.sealed_at)}")
        for seal in evidence.kept
        if _counts(seal, evidence, keys)
    ]
    filed = [
        Claim(file.seal.seq, file.seal.record_hash, f"the seal of {file.day} in the object store")
        for file in evidence.filed
        if file.seal and _counts(file.seal, evidence, keys)
    ]
    return [*head, *kept, *filed]


def misplaced_head(evidence: Evidence, last_seq: int) -> Iterator[Fault]:
    """Tell whether the head is short of the end of a chain that was walked to it."""
    if evidence.head is None and last_seq:
        yield Fault(Kind.HEAD, f"the chain has {last_seq} records and no head: its row was deleted", last_seq)
    if evidence.head is not None and evidence.head.seq < last_seq:
        said = f"the head stands at {evidence.head.seq}, but the chain goes on to record {last_seq}: it was put back"
        yield Fault(Kind.HEAD, said, evidence.head.seq + 1)


def disagreements(evidence: Evidence, keys: Keys) -> Iterator[Fault]:
    """Find seals that do not agree with their signatures, or with one another."""
    yield from _signatures(evidence, keys)
    yield from _copies(evidence)


def _counts(seal: Seal, evidence: Evidence, keys: Keys) -> bool:
    return not keys.holds(seal.key_id) or (seal.tenant_id == evidence.tenant_id and is_genuine(seal, keys))


def _signatures(evidence: Evidence, keys: Keys) -> Iterator[Fault]:
    for seal in evidence.kept:
        yield from _signature(seal, f"the seal of {instant(seal.sealed_at)}", evidence.tenant_id, keys)
    for file in evidence.filed:
        if file.seal is None:
            where = object_key(evidence.tenant_id, file.day)
            yield Fault(Kind.SEAL, f"the object {where} {file.damage}")
        elif file.seal not in evidence.kept:
            yield from _signature(file.seal, f"the seal of {file.day} in the object store", evidence.tenant_id, keys)


def _signature(seal: Seal, name: str, tenant_id: str, keys: Keys) -> Iterator[Fault]:
    if not keys.holds(seal.key_id):
        said = f"{name} is signed with the key {seal.key_id}, which is not at hand; add it to OVPO_AUDIT__FORMER_KEYS"
        yield Fault(Kind.SEAL, said, seal.seq)
    elif seal.tenant_id != tenant_id or not is_genuine(seal, keys):
        yield Fault(Kind.SEAL, f"{name} has a false signature: it was not made with the key {seal.key_id}", seal.seq)


def _copies(evidence: Evidence) -> Iterator[Fault]:
    """Each file must be one of the database's seals, and the newest of each day must have its file."""
    newest = {seal.day: seal for seal in evidence.kept if seal.sealed_at < evidence.looked_at - GRACE}
    files = {file.day: file.seal for file in evidence.filed}
    for file in evidence.filed:
        if file.seal and file.seal not in evidence.kept:
            said = (
                f"the object store has a seal of {file.day} at record {file.seal.seq} that the database does not have"
            )
            yield Fault(Kind.SEAL, said, file.seal.seq)
    for day, seal in newest.items():
        if day not in files:
            where = object_key(evidence.tenant_id, day)
            yield Fault(
                Kind.SEAL, f"the seal of {instant(seal.sealed_at)} is not in the object store: no {where}", seal.seq
            )
        elif (found := files[day]) and found.sealed_at < seal.sealed_at:
            said = f"the object store has an older seal of {day} than that of {instant(seal.sealed_at)}"
            yield Fault(Kind.SEAL, said, seal.seq)
