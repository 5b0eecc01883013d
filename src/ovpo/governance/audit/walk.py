# SPDX-License-Identifier: Apache-2.0
"""The walk along a chain that finds its first broken record, and says what was done to it. Pure, in bounded memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Final
from uuid import UUID

from ovpo.governance.audit.record import GENESIS, Record, hash_of, instant

_NEAR: Final = 1_000
"""How far from its place a record is looked for that was moved."""


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MOVED = "moved"
    MISSING = "missing"
    REPEATED = "repeated"
    UNLINKED = "unlinked"
    TURNED_BACK = "turned_back"
    REWRITTEN = "rewritten"
    CUT = "cut"
    HEAD = "head"
    SEAL = "seal"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, in a sentence; with the record where it shows, if it shows at one."""

    kind: Kind
    said: str
    seq: int | None = None
    audit_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody else says about a chain: its record of this number has this hash."""

    seq: int
    record_hash: str
    source: str


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a walk came: to the end, unless there is a fault."""

    records: int
    last_seq: int
    last_hash: str
    fault: Fault | None


def walk(
    records: Iterable[Record], claims: Sequence[Claim], first_seq: int | None = 1, previous_hash: str | None = GENESIS
) -> Walked:
    """Walk along records in the order of their numbers, up to the first fault.

    Where the first number or the hash before it is None, a piece of a chain is walked: that of its first record holds.
    """
    expected, seen = first_seq, 0
    moment: datetime | None = None
    claimed: dict[int, list[Claim]] = {}
    for claim in claims:
        claimed.setdefault(claim.seq, []).append(claim)
    for record in records:
        expected = record.seq if expected is None else expected
        fault = (
            _numbering(record, expected)
            or _content(record)
            or _link(record, previous_hash)
            or _time(record, moment)
            or _claims(record, claimed.get(record.seq, ()))
        )
        if fault:
            return Walked(seen, expected - 1, previous_hash or "", fault)
        expected, previous_hash, moment = record.seq + 1, record.record_hash, record.timestamp
        seen += 1
    last = expected - 1 if expected else 0
    return Walked(seen, last, previous_hash or "", _cut(last, claims))


def _numbering(record: Record, expected: int) -> Fault | None:
    if record.seq == expected:
        return None
    if record.seq < expected:
        return _at(record, Kind.REPEATED, f"record {record.seq} is there twice; one of them was added past the chain")
    missing = f"record {expected} is" if record.seq == expected + 1 else f"records {expected} to {record.seq - 1} are"
    return _at(record, Kind.MISSING, f"{missing} missing before record {record.seq}: deleted")


def _content(record: Record) -> Fault | None:
    if hash_of(record) == record.record_hash:
        return None
    near = chain.from_iterable((record.seq + step, record.seq - step) for step in range(1, _NEAR + 1))
    home = next((seq for seq in near if seq > 0 and hash_of(replace(record, seq=seq)) == record.record_hash), None)
    if home is not None:
        said = f"record {record.seq} is record {home} put in another's place: swapped or renumbered"
        return _at(record, Kind.MOVED, said)
    return _at(record, Kind.CHANGED, f"record {record.seq} is not what was written: its fields do not give its hash")


def _link(record: Record, previous_hash: str | None) -> Fault | None:
    if previous_hash is None or record.previous_hash == previous_hash:
        return None
    said = (
        f"record {record.seq} does not follow record {record.seq - 1}: it names the hash {record.previous_hash[:12]}… "
        f"before its own, that is {previous_hash[:12]}…; one of the two was written anew"
    )
    return _at(record, Kind.UNLINKED, said)


def _time(record: Record, moment: datetime | None) -> Fault | None:
    if moment is None or record.timestamp >= moment:
        return None
    said = f"record {record.seq} is of {instant(record.timestamp)}, before the record before it, of {instant(moment)}"
    return _at(record, Kind.TURNED_BACK, said)


def _claims(record: Record, claims: Iterable[Claim]) -> Fault | None:
    for claim in claims:
        if claim.record_hash != record.record_hash:
            said = (
                f"record {record.seq} has the hash {record.record_hash[:12]}…, but {claim.source} says "
                f"{claim.record_hash[:12]}…: the chain up to it was written anew"
            )
            return _at(record, Kind.REWRITTEN, said)
    return None


def _cut(last: int, claims: Iterable[Claim]) -> Fault | None:
    furthest = max(claims, key=lambda claim: claim.seq, default=None)
    if furthest is None or furthest.seq <= last:
        return None
    missing = f"record {furthest.seq} is" if furthest.seq == last + 1 else f"records {last + 1} to {furthest.seq} are"
    ends = f"the chain ends at record {last}" if last else "the chain has no records"
    return Fault(Kind.CUT, f"{ends}, but {furthest.source} stands at {furthest.seq}: {missing} cut off", last + 1)


def _at(record: Record, kind: Kind, said: str) -> Fault:
    return Fault(kind, said, record.seq, record.audit_id)
