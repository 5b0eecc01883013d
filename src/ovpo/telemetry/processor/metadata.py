# SPDX-License-Identifier: Apache-2.0
"""Traces and spans in PostgreSQL: adopted, recorded, merged; all of a portion in one transaction that may be repeated.

Rows come by COPY into temporary tables and go on by `INSERT … ON CONFLICT`, always in the order of their keys, so that
two processors with the same traces wait for each other and never for ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg
from msgspec import Struct
from psycopg_pool import ConnectionPool

from ovpo.foundation.http.errors import Code
from ovpo.foundation.postgres.connect import transaction
from ovpo.telemetry.contract.records import VideoTrace
from ovpo.telemetry.processor import statements
from ovpo.telemetry.processor.faults import of_postgres
from ovpo.telemetry.processor.merging import Refusal, merge
from ovpo.telemetry.processor.reading import FrameLine, Portion, SpanRecord, TraceKey, TraceRecord
from ovpo.telemetry.processor.rows import Row, merged_row, refused_record_row, refused_span_row, span_row

_TRACES: Final = msgspec.json.Decoder(VideoTrace)


class Written(Struct, frozen=True):
    """What a portion did: when each of its traces was first heard of, and how much of it was there already."""

    seen: dict[TraceKey, datetime]
    repeated_traces: int
    repeated_spans: int
    refused: int


class Metadata:
    """Writes portions; one per thread."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._months: set[tuple[int, int]] = set()

    def write(self, portion: Portion) -> Written:
        """Write all of a portion or nothing; raise ItemRefusedError where an item can never be written."""
        first_heard = _first_heard(portion)
        self._open_months(first_heard.values())
        with of_postgres(), transaction(self._pool) as connection:
            connection.execute(statements.STAGE)
            seen = _adopt(connection, first_heard)
            repeated_traces, refused = _record(connection, portion.traces)
            repeated_spans, clashes = _keep_spans(connection, portion.spans)
        return Written(seen, repeated_traces, repeated_spans, refused + clashes)

    def _open_months(self, moments: Iterable[datetime]) -> None:
        """Have a partition for each month in which a trace may be first heard of."""
        for moment in {month: moment for moment in moments if (month := (moment.year, moment.month))}.values():
            if (moment.year, moment.month) not in self._months:
                with transaction(self._pool) as connection:
                    connection.execute(statements.OPEN_MONTH, (moment,))
                self._months.add((moment.year, moment.month))


def _first_heard(portion: Portion) -> dict[TraceKey, datetime]:
    first: dict[TraceKey, datetime] = {}
    items: list[TraceRecord | SpanRecord | FrameLine] = [*portion.traces, *portion.spans, *portion.frames]
    for item in items:
        known = first.get(item.key)
        if known is None or item.received_at < known:
            first[item.key] = item.received_at
    return first


def _adopt(connection: psycopg.Connection, first_heard: dict[TraceKey, datetime]) -> dict[TraceKey, datetime]:
    _copy(connection, statements.COPY_TRACES, ((*key, seen_at) for key, seen_at in first_heard.items()))
    connection.execute(statements.ADOPT)
    rows = connection.execute(statements.SEEN).fetchall()
    return {(tenant_id, trace_id): seen_at for tenant_id, trace_id, seen_at in rows}


def _record(connection: psycopg.Connection, records: Sequence[TraceRecord]) -> tuple[int, int]:
    """Keep the records and bring their traces to what all records say; give how many were known or refused."""
    if not records:
        return 0, 0
    rows = [(*one.key, one.digest, one.received_at, one.position, one.text.decode()) for one in records]
    _copy(connection, statements.COPY_RECORDS, rows)
    connection.execute(statements.LOCK_TRACES)
    new = connection.execute(statements.KEEP_RECORDS).rowcount
    if not new:
        return len(records), 0
    given: defaultdict[TraceKey, list[TraceRecord]] = defaultdict(list)
    for tenant_id, trace_id, digest, received_at, position, text in connection.execute(statements.ALL_RECORDS):
        trace = _TRACES.decode(text)
        given[tenant_id, trace_id].append(
            TraceRecord(tenant_id, trace, received_at, position, bytes(digest), text.encode())
        )
    merged = {key: merge(records_of_one) for key, records_of_one in given.items()}
    _copy(
        connection, statements.COPY_MERGED, (merged_row(tenant_id, one.trace) for (tenant_id, _), one in merged.items())
    )
    connection.execute(statements.UPDATE_TRACES)
    return len(records) - new, _refuse(connection, [refusal for one in merged.values() for refusal in one.refusals])


def _refuse(connection: psycopg.Connection, refusals: Sequence[Refusal]) -> int:
    """Note every record that may not follow those before it, of an earlier portion too; give how many are new."""
    connection.execute(statements.TAKE_BACK_REFUSALS, ([refusal.record.digest for refusal in refusals],))
    noted = _note_refused(connection, [refused_record_row(refusal) for refusal in refusals])
    beyond = [refusal.record for refusal in refusals if refusal.code is Code.TOO_MANY_ITEMS]
    if beyond:
        tenants, traces = map(list, zip(*(record.key for record in beyond), strict=True))
        digests = [record.digest for record in beyond]
        connection.execute(statements.DROP_RECORDS, {"tenants": tenants, "traces": traces, "digests": digests})
    return noted


def _keep_spans(connection: psycopg.Connection, spans: Sequence[SpanRecord]) -> tuple[int, int]:
    """Keep the spans that are not there yet; give how many were, and how many have an id that another span has."""
    if not spans:
        return 0, 0
    _copy(connection, statements.COPY_SPANS, map(span_row, spans))
    new = connection.execute(statements.KEEP_SPANS).rowcount
    if new == len(spans):
        return 0, 0
    found = connection.execute(statements.CLASHING_SPANS)
    clashing = {(tenant_id, bytes(digest)) for tenant_id, digest in found}
    of_spans = {(one.tenant_id, one.digest): one for one in spans}
    rows = [refused_span_row(one) for key, one in of_spans.items() if key in clashing]
    return len(spans) - new - len(rows), _note_refused(connection, rows)


def _note_refused(connection: psycopg.Connection, rows: Sequence[Row]) -> int:
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(statements.NOTE_REFUSED, rows)
        return max(cursor.rowcount, 0)


def _copy(connection: psycopg.Connection, statement: Any, rows: Iterable[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
