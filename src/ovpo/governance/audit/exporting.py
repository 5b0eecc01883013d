# SPDX-License-Identifier: Apache-2.0
"""Writing an export: from the database into a file that appears whole or not at all."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import psycopg

from ovpo.governance.audit import reading
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.events import Actor, EventType
from ovpo.governance.audit.export import Header, lines
from ovpo.governance.audit.keys import Keys
from ovpo.governance.audit.record import Record, instant

Watch = Callable[[Iterable[Record]], Iterable[Record]]


def export(
    connection: psycopg.Connection,
    keys: Keys,
    header: Header,
    file: Path,
    actor: Actor,
    watch: Watch = iter,
) -> int:
    """Write the records that a header names into a file; that they were taken is recorded, and committed, first.

    Tells how many they were.
    """
    period = {
        "from": instant(header.since) if header.since else None,
        "to": instant(header.before) if header.before else None,
    }
    append(connection, header.tenant_id, [actor.entry(EventType.AUDIT_READ, "audit_log", "export", **period)])
    connection.commit()
    written = 0

    def counted() -> Iterator[Record]:
        nonlocal written
        for record in watch(reading.stream(connection, header.tenant_id, since=header.since, before=header.before)):
            written += 1
            yield record

    _write(file, lines(header, counted(), keys.secrets[header.key_id]))
    connection.rollback()
    return written


def header(tenant_id: str, since: datetime | None, before: datetime | None, keys: Keys) -> Header:
    """Say what is exported now."""
    return Header(tenant_id, datetime.now(UTC), since, before, keys.key_id)


def _write(file: Path, content: Iterable[bytes]) -> None:
    try:
        with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as draft:
            try:
                draft.writelines(content)
                draft.flush()
                os.fsync(draft.fileno())
                Path(draft.name).replace(file)
            except BaseException:
                with suppress(FileNotFoundError):
                    Path(draft.name).unlink()
                raise
    except OSError as error:
        raise AuditError(f"{file}: cannot be written: {error.strerror or error}") from error
