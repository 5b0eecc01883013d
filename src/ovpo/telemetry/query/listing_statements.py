# SPDX-License-Identifier: Apache-2.0
"""The list of traces in SQL: fixed fragments, of which a question picks those that it needs. Values are bound, always.

Rows are compared as a whole with the last one that was given, `(value, created_at, trace_id)`, which an index on those
columns answers at any depth; a row that is inserted meanwhile falls before or after that place and moves no other.
Orders name the view's own columns: a bare `trace_id` would be the text that is shown, which no index holds.
"""

from types import MappingProxyType
from typing import Final

from psycopg import sql

from ovpo.telemetry.query.questions import Comparison, Direction, OrderBy

COLUMNS: Final = sql.SQL("""
SELECT trace_id::text, status, failure_kind, model, project, tags, span_kinds, spans, span_errors, frames,
       findings AS violations, total_ms, compute_units, peak_vram_mb, created_at, started_at, completed_at, updated_at
FROM listed_traces
""")

FILTERS: Final = MappingProxyType(
    {
        "status": sql.SQL("status = ANY(%(status)s)"),
        "start_date": sql.SQL("created_at >= %(start_date)s"),
        "end_date": sql.SQL("created_at < %(end_date)s"),
        "tags": sql.SQL("tags @> %(tags)s"),
        "model": sql.SQL("model = %(model)s"),
        "project": sql.SQL("project = %(project)s"),
        "span_kind": sql.SQL("span_kinds @> %(span_kind)s"),
        "failure_kind": sql.SQL("failure_kind = ANY(%(failure_kind)s)"),
    }
)
VIOLATIONS: Final = MappingProxyType(
    {
        Comparison.ABOVE: sql.SQL("findings > %(violations)s"),
        Comparison.AT_LEAST: sql.SQL("findings >= %(violations)s"),
        Comparison.BELOW: sql.SQL("findings < %(violations)s"),
        Comparison.AT_MOST: sql.SQL("findings <= %(violations)s"),
        Comparison.EXACTLY: sql.SQL("findings = %(violations)s"),
    }
)
VALUES: Final = MappingProxyType(
    {
        OrderBy.CREATED_AT: sql.SQL("created_at"),
        OrderBy.STARTED_AT: sql.SQL("coalesce(started_at, '-infinity')"),
        OrderBy.COMPLETED_AT: sql.SQL("coalesce(completed_at, '-infinity')"),
        OrderBy.STATUS: sql.SQL("status"),
        OrderBy.MODEL: sql.SQL("model"),
        OrderBy.PROJECT: sql.SQL("project"),
        OrderBy.DURATION: sql.SQL("coalesce(total_ms, '-infinity')"),
        OrderBy.SPANS: sql.SQL("spans"),
        OrderBy.FRAMES: sql.SQL("frames"),
        OrderBy.UNITS: sql.SQL("compute_units"),
        OrderBy.VRAM: sql.SQL("coalesce(peak_vram_mb, '-infinity')"),
        OrderBy.VIOLATIONS: sql.SQL("findings"),
    }
)
PLACES: Final = MappingProxyType(
    {
        OrderBy.STARTED_AT: sql.SQL("coalesce(%(value)s, '-infinity'::timestamptz)"),
        OrderBy.COMPLETED_AT: sql.SQL("coalesce(%(value)s, '-infinity'::timestamptz)"),
        OrderBy.DURATION: sql.SQL("coalesce(%(value)s, '-infinity'::float8)"),
        OrderBy.VRAM: sql.SQL("coalesce(%(value)s, '-infinity'::float8)"),
    }
)
PLACE: Final = sql.SQL("%(value)s")
ORDERS: Final = MappingProxyType(
    {
        Direction.ASCENDING: (
            sql.SQL("({value}, created_at, trace_id) > ({place}, %(moment)s, %(identifier)s::uuid)"),
            sql.SQL(" ORDER BY {value} ASC, listed_traces.created_at ASC, listed_traces.trace_id ASC LIMIT %(rows)s"),
        ),
        Direction.DESCENDING: (
            sql.SQL("({value}, created_at, trace_id) < ({place}, %(moment)s, %(identifier)s::uuid)"),
            sql.SQL(
                " ORDER BY {value} DESC, listed_traces.created_at DESC, listed_traces.trace_id DESC LIMIT %(rows)s"
            ),
        ),
    }
)
