# SPDX-License-Identifier: Apache-2.0
"""One trace as PostgreSQL knows it: its record, its spans, its summary, and what of it was refused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import class_row, dict_row

from ovpo.telemetry.query.trace_statements import DROPPED_EVENTS, REFUSED, SPANS, SUMMARY, TRACE, VERSION

MOST_SPANS: Final = 5_000
MOST_REFUSED: Final = 50
OBJECTS: Final = (
    "pipeline_config",
    "input_context",
    "output_manifest",
    "cost_attribution",
    "failure",
    "tags",
    "attributes",
)
"""What senders gave as objects: kept as the JSON text that it is."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """Which state a trace is in: when it was first heard of, last changed, last settled, and its events by then."""

    seen_at: datetime
    updated_at: datetime
    settled_at: datetime | None
    frame_events: int | None

    @property
    def modified(self) -> datetime:
        """When it changed last."""
        return max(self.updated_at, self.settled_at or self.updated_at)


@dataclass(frozen=True, slots=True)
class Known:
    """All that PostgreSQL holds of a trace; spans and refusals up to a bound."""

    trace: Row
    summary: Row | None
    spans: list[Row]
    spans_cut: bool
    refused: list[Row]
    dropped_events: int


def state_of(connection: psycopg.Connection, trace_id: str) -> State | None:
    """Tell the state of a trace, None if the tenant has none of this id."""
    return connection.cursor(row_factory=class_row(State)).execute(VERSION, (trace_id,)).fetchone()


def read(connection: psycopg.Connection, trace_id: str) -> Known | None:
    """Read a trace, None if the tenant has none of this id."""
    state = state_of(connection, trace_id)
    if state is None:
        return None
    of_trace = {"trace": trace_id, "seen_at": state.seen_at}
    with connection.cursor(row_factory=dict_row) as cursor:
        [trace] = map(_with_objects, cursor.execute(TRACE, (trace_id,)).fetchall())
        summary = cursor.execute(SUMMARY, (trace_id,)).fetchone()
        refused = cursor.execute(REFUSED, {"trace": trace_id, "most": MOST_REFUSED}).fetchall()
    spans = spans_of(connection, trace_id, state, MOST_SPANS + 1)
    [dropped] = connection.execute(DROPPED_EVENTS, of_trace).fetchone() or (0,)
    return Known(trace, summary, spans[:MOST_SPANS], len(spans) > MOST_SPANS, refused, dropped)


def spans_of(connection: psycopg.Connection, trace_id: str, state: State, most: int) -> list[Row]:
    """Read the spans of a trace by their start."""
    given = {"trace": trace_id, "seen_at": state.seen_at, "most": most}
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_with_objects(row) for row in cursor.execute(SPANS, given).fetchall()]


def _with_objects(row: Row) -> Row:
    objects = {name: msgspec.Raw(row[name].encode()) for name in OBJECTS if row.get(name) is not None}
    return row | objects
