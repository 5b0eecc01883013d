# SPDX-License-Identifier: Apache-2.0
"""The data directory of the benchmark: filled once, checked against what was meant, and what requests may name."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec
import psycopg
from msgspec import Struct

from bench.query import loading, shape
from bench.query.kinds import Ground
from bench.query.shape import Scale
from ovpo.foundation.clickhouse.connect import session
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings

NOTE: Final = "bench-query.json"
MOST_OTHERS: Final = 3_000
EMPTY: Final = "SELECT NOT EXISTS (SELECT FROM traces)"
STORED: Final = """
SELECT (SELECT count(*) FROM traces), (SELECT count(*) FROM spans), sum(frame_events)::bigint, sum(spans)::bigint,
       (SELECT count(*) FROM traces WHERE findings > 0), sum(unknown_spans)::bigint
FROM trace_summaries
"""
FACTS: Final = "SELECT count(), sum(spans), sum(frame_events), countIf(findings > 0) FROM trace_facts FINAL"
EVENTS: Final = "SELECT count() FROM frame_events FINAL"
LONG_VIDEOS: Final = """
SELECT trace_id::text FROM trace_summaries WHERE tenant_id = %s AND frame_events = %s ORDER BY trace_id
"""
LONGEST: Final = "SELECT trace_id::text FROM trace_summaries ORDER BY frame_events DESC LIMIT 1"
OTHERS: Final = """
SELECT trace_id::text FROM trace_summaries
WHERE tenant_id = %s AND frame_events < %s ORDER BY trace_id LIMIT %s
"""


class Note(Struct, frozen=True):
    """What a data directory was filled with."""

    traces: int
    seed: int
    end: datetime


def fill(settings: Settings, traces: int, seed: int, say: Callable[[str], None]) -> Scale:
    """Fill the stores, or take them as an earlier run left them."""
    file = settings.home / NOTE
    if file.exists():
        note = msgspec.json.decode(file.read_bytes(), type=Note)
        if (note.traces, note.seed) != (traces, seed):
            raise SystemExit(f"{settings.home} holds {note.traces} traces of seed {note.seed}; give another --home")
        say(f"filled before, with what ends at {note.end:%Y-%m-%d %H:%M} UTC")
        return Scale(traces, seed, note.end)
    if not _one(settings, EMPTY)[0]:
        raise SystemExit(f"{settings.home} was not filled to its end; give another --home or remove it")
    scale = Scale(traces, seed, datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    begun = perf_counter()
    loading.load(settings, scale, say)
    _check(settings, scale)
    say(f"filled in {perf_counter() - begun:.0f} s, and all of it is there")
    _write(file, Note(traces, seed, scale.end))
    return scale


def survey(settings: Settings, scale: Scale) -> Ground:
    """Find what requests may name."""
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        long_videos = connection.execute(LONG_VIDEOS, (shape.LARGE, shape.LONG_VIDEO)).fetchall()
        [[longest]] = connection.execute(LONGEST).fetchall()
        others = connection.execute(OTHERS, (shape.LARGE, shape.LONG_VIDEO, MOST_OTHERS)).fetchall()
    return Ground(scale.end, [trace for [trace] in long_videos], [trace for [trace] in others], longest, [])


def _check(settings: Settings, scale: Scale) -> None:
    """Insist that both stores hold what was made, and that settling found in it what was put there."""
    with_findings = round(scale.traces * shape.FINDINGS)
    expected = {
        "PostgreSQL": (scale.traces, scale.spans, scale.frames, scale.spans, with_findings, 0),
        "ClickHouse": (scale.traces, scale.spans, scale.frames, with_findings, scale.frames),
    }
    with session(settings.clickhouse) as client:
        facts, events = client.query(FACTS).result_rows[0], client.query(EVENTS).result_rows[0]
    found = {"PostgreSQL": _one(settings, STORED), "ClickHouse": (*facts, *events)}
    for store, numbers in expected.items():
        if found[store] != numbers:
            raise SystemExit(f"{store} holds {found[store]} where {numbers} were to be")


def _one(settings: Settings, statement: str) -> tuple[int, ...]:
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        return tuple(connection.execute(statement.encode()).fetchone() or ())


def _write(file: Path, note: Note) -> None:
    file.write_bytes(msgspec.json.encode(note))
