# SPDX-License-Identifier: Apache-2.0
"""The file of an export: a header, the records, and a last line that signs all before it. Pure.

Each line is canonical JSON. The last line's signature is made of every byte before that line and of the line without
its signature.
"""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from ovpo.governance.audit.canonical import canonical
from ovpo.governance.audit.record import Record, fields, instant

TYPE: Final = "ovpo.audit.export"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Header:
    """What an export is of: a whole chain, or the piece from one moment to before another."""

    tenant_id: str
    exported_at: datetime
    since: datetime | None
    before: datetime | None
    key_id: str


def lines(header: Header, records: Iterable[Record], secret: bytes) -> Iterator[bytes]:
    """Give the lines of an export, one after the other."""
    code = hmac.new(secret, digestmod="sha256")
    count, first, last = 0, None, None
    line = header_line(header)
    code.update(line)
    yield line
    for record in records:
        first, last, count = first or record, record, count + 1
        line = record_line(record)
        code.update(line)
        yield line
    ends = {
        "count": count,
        "first_hash": first.record_hash if first else None,
        "last_hash": last.record_hash if last else None,
        "last_seq": last.seq if last else None,
        "key_id": header.key_id,
    }
    code.update(canonical(ends))
    yield canonical({**ends, "signature": code.hexdigest()}) + b"\n"


def header_line(header: Header) -> bytes:
    """Give the first line."""
    return (
        canonical(
            {
                "type": TYPE,
                "version": VERSION,
                "tenant_id": header.tenant_id,
                "exported_at": instant(header.exported_at),
                "from": instant(header.since) if header.since else None,
                "to": instant(header.before) if header.before else None,
                "key_id": header.key_id,
            }
        )
        + b"\n"
    )


def record_line(record: Record) -> bytes:
    """Give the line of a record."""
    return orjson.dumps(
        {**fields(record), "record_hash": record.record_hash}, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    )
