# SPDX-License-Identifier: Apache-2.0
"""The verifier of an export: a file and a secret are all it needs, neither database nor settings."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from ovpo.governance.audit import export
from ovpo.governance.audit.canonical import canonical
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.record import GENESIS, Record
from ovpo.governance.audit.walk import Fault, Kind, Walked, walk

_LONGEST_LINE: Final = 1_048_576
_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    version: int
    tenant_id: str
    exported_at: datetime
    since: datetime | None = msgspec.field(name="from")
    before: datetime | None = msgspec.field(name="to")
    key_id: str


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    audit_id: UUID
    seq: Annotated[int, Meta(ge=1)]
    event_type: str
    actor_id: str
    actor_ip: str | None
    tenant_id: str
    resource_type: str
    resource_id: str
    timestamp: datetime
    metadata: msgspec.Raw
    previous_hash: _Hash
    record_hash: _Hash


class _End(Struct, frozen=True, forbid_unknown_fields=True):
    count: int
    first_hash: _Hash | None
    last_hash: _Hash | None
    last_seq: int | None
    key_id: str
    signature: _Hash


@dataclass(frozen=True, slots=True)
class Checked:
    """What an export turned out to be."""

    tenant_id: str
    exported_at: datetime
    since: datetime | None
    before: datetime | None
    key_id: str
    records: int
    last_seq: int
    faults: tuple[Fault, ...]


class _BadLineError(Exception):
    """A line is not what stands in an export."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(f"line {number} {said}")


@dataclass
class _Reader:
    """Reads line by line, and keeps the last one back: it is no record."""

    source: BinaryIO
    code: hmac.HMAC
    tenant_id: str = ""
    number: int = 1
    first_hash: str | None = None
    last: bytes = field(default=b"")

    def first(self) -> bytes:
        line = self._line()
        self.last = self._line()
        self.code.update(line)
        return line

    def records(self) -> Iterator[Record]:
        while following := self._line():
            line, self.last = self.last, following
            self.code.update(line)
            self.number += 1
            record = _record(line, self.number)
            if record.tenant_id != self.tenant_id:
                raise _BadLineError(self.number, f"is a record of the tenant {record.tenant_id[:128]}")
            self.first_hash = self.first_hash or record.record_hash
            yield record

    def _line(self) -> bytes:
        line = self.source.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise _BadLineError(self.number + 1, f"is longer than {_LONGEST_LINE} bytes")
        return line


def check(file: Path, secret: bytes) -> Checked:
    """Check the chain in an export, and the signature of the whole; a file that is no export is an `AuditError`."""
    try:
        with file.open("rb") as source:
            return _check(_Reader(source, hmac.new(secret, digestmod="sha256")), file)
    except OSError as error:
        raise AuditError(f"{file}: cannot be read: {error.strerror or error}") from error


def _check(reader: _Reader, file: Path) -> Checked:
    try:
        header = msgspec.json.decode(reader.first(), type=_Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, _BadLineError):
        raise AuditError(f"{file}: its first line is not that of an audit export") from None
    if (header.type, header.version) != (export.TYPE, export.VERSION):
        raise AuditError(
            f"{file}: is {header.type[:80]} version {header.version}; takes {export.TYPE} {export.VERSION}"
        )
    reader.tenant_id = header.tenant_id
    whole = header.since is None
    faults: list[Fault] = []
    walked = Walked(0, 0, "", None)
    try:
        walked = walk(reader.records(), [], 1 if whole else None, GENESIS if whole else None)
        faults += [walked.fault] if walked.fault else _end(reader, header, walked)
        for _ in reader.records():
            continue
        faults += _signature(reader)
    except _BadLineError as bad:
        faults.append(Fault(Kind.EXPORT, str(bad)))
    return Checked(
        header.tenant_id,
        header.exported_at,
        header.since,
        header.before,
        header.key_id,
        walked.records,
        walked.last_seq,
        tuple(faults),
    )


def _record(line: bytes, number: int) -> Record:
    try:
        read = msgspec.json.decode(line, type=_Line)
        values = {name: getattr(read, name) for name in _Line.__struct_fields__}
        record = Record(**{**values, "metadata": bytes(read.metadata).decode()})
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _BadLineError(number, f"is no record: {error}") from None
    if record.timestamp.tzinfo is None or export.record_line(record) != line:
        raise _BadLineError(number, "is a record, but not spelled as one is: it was edited")
    return record


def _parse_end(reader: _Reader) -> _End | None:
    try:
        return msgspec.json.decode(reader.last, type=_End)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _end(reader: _Reader, header: _Header, walked: Walked) -> Iterator[Fault]:
    """Compare what was read with what the last line says was written."""
    end = _parse_end(reader)
    if end is None:
        return
    found = (walked.records, reader.first_hash, walked.last_hash if walked.records else None, header.key_id)
    if found != (end.count, end.first_hash, end.last_hash, end.key_id):
        said = f"the file holds {walked.records} records up to {walked.last_seq}, its last line speaks of {end.count}"
        yield Fault(Kind.CUT, f"{said} up to {end.last_seq}: lines were added or taken out", walked.last_seq + 1)


def _signature(reader: _Reader) -> Iterator[Fault]:
    end = _parse_end(reader)
    if end is None:
        yield Fault(Kind.EXPORT, "the last line is no signature: the file was cut, or its end overwritten")
        return
    signed = {name: getattr(end, name) for name in _End.__struct_fields__ if name != "signature"}
    reader.code.update(canonical(signed))
    spelled = canonical({**signed, "signature": end.signature}) + b"\n" == reader.last
    if not spelled or not hmac.compare_digest(reader.code.hexdigest(), end.signature):
        said = (
            f"the signature does not fit: the file was changed, or the secret is not the one called {end.key_id[:64]}"
        )
        yield Fault(Kind.EXPORT, said)
