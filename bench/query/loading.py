# SPDX-License-Identifier: Apache-2.0
"""Made-up telemetry into the stores: rows by COPY and Arrow, what follows from them by the processor's own settling.

Nothing of a summary is made up, so the stores hold what the processor would have made of the same telemetry.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic, sleep
from typing import Final

import polars as pl
import psycopg
from prometheus_client import CollectorRegistry

from bench.query import frames, shape, traces
from bench.query.shape import Scale
from ovpo.foundation.clickhouse.connect import KeptClient, session
from ovpo.foundation.postgres.connect import conninfo, open_pool
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.telemetry.processor.frames import TABLE
from ovpo.telemetry.processor.hardware import load_hardware
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.settling import Settling
from ovpo.telemetry.processor.statements import OPEN_MONTH

WORKERS: Final = 2
ROWS_OF_A_COPY: Final = 50_000
TRACES_OF_A_MARK: Final = 5_000
MERGED_WITHIN: Final = 60.0
INSTANT: Final = "%Y-%m-%d %H:%M:%S%.6f+00"

ADD_TENANT: Final = "INSERT INTO tenants (tenant_id, name, tier) VALUES (%s, %s, 'enterprise')"
COPY_TRACES: Final = """
COPY traces (tenant_id, trace_id, seen_at, legal_hold, updated_at, reported_status, user_id_hash, pipeline_config,
    input_context, output_manifest, cost_attribution, failure, retry_count, tags, created_at, started_at, completed_at)
FROM STDIN (FORMAT csv)
"""
COPY_SPANS: Final = """
COPY spans (tenant_id, trace_id, trace_seen_at, span_id, parent_span_id, span_kind, name, status, start_time, end_time,
    duration_ms, attributes, digest, received_at)
FROM STDIN (FORMAT csv)
"""
MARK: Final = """
INSERT INTO unsettled_traces (tenant_id, trace_id, due_at)
SELECT tenant_id, trace_id, now() - interval '1 hour' + make_interval(secs => place / 1e3)
FROM unnest(%(tenants)s::text[], %(traces)s::uuid[]) WITH ORDINALITY AS m (tenant_id, trace_id, place)
"""
# As the table is when it was filled over time and vacuumed: by first sight, and without the rows before settling.
IN_ORDER: Final = "CLUSTER traces USING traces_by_first_sight"
CLEAN: Final = "VACUUM (ANALYZE) traces, spans, trace_summaries, unsettled_traces"
MERGES: Final = "SELECT count() FROM system.merges WHERE database = currentDatabase()"
Say = Callable[[str], None]


def load(settings: Settings, scale: Scale, say: Say) -> None:
    """Fill stores that have tables and nothing in them."""
    made = traces.make(scale)
    counts = frames.counts(scale, made)
    say(f"made {scale.traces:,} traces and {scale.spans:,} spans")
    with ThreadPoolExecutor(WORKERS) as pool:
        rows = pool.submit(_fill_postgres, settings, made, say)
        events = pool.submit(_fill_clickhouse, settings, frames.blocks(scale, made, counts), say)
        rows.result()
        events.result()
    _settle_all(settings, made, say)
    _tidy(settings)
    say("in order, analysed, merged")


def _fill_postgres(settings: Settings, made: traces.Traces, say: Say) -> None:
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        with connection.cursor() as cursor:
            cursor.executemany(ADD_TENANT, [(tenant, tenant) for tenant in shape.TENANTS])
        for moment in _months(made.rows["seen_at"]):
            connection.execute(OPEN_MONTH, (moment,))
        connection.commit()
        _copy(connection, COPY_TRACES, made.rows)
        say("traces in PostgreSQL")
        seen = made.rows["seen_at"].gather(_positions(made))
        _copy(connection, COPY_SPANS, made.spans.clone().insert_column(2, seen.alias("trace_seen_at")))
    say("spans in PostgreSQL")


def _positions(made: traces.Traces) -> pl.Series:
    """Tell for each span which row its trace has."""
    return (made.spans["trace_id"] != made.spans["trace_id"].shift(1)).fill_null(value=True).cum_sum() - 1


def _months(moments: pl.Series) -> Sequence[datetime]:
    months: list[datetime] = moments.dt.truncate("1mo").unique().to_list()
    return months


def _copy(connection: psycopg.Connection, statement: str, rows: pl.DataFrame) -> None:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for part in rows.iter_slices(ROWS_OF_A_COPY):
            copy.write(part.write_csv(include_header=False, datetime_format=INSTANT))


def _fill_clickhouse(settings: Settings, given: Iterable[pl.DataFrame], say: Say) -> None:
    total = 0
    with session(settings.clickhouse) as client:
        for block in given:
            written = io.BytesIO()
            block.write_ipc_stream(written, compat_level=pl.CompatLevel.oldest())
            client.raw_insert(TABLE, block.columns, written.getvalue(), fmt="ArrowStream")
            total += block.height
            say(f"{total:,} frame events in ClickHouse")


def _settle_all(settings: Settings, made: traces.Traces, say: Say) -> None:
    """Settle in ClickHouse's order, so that each portion reads a stretch of it and not all of it."""
    ordered = made.rows.select("tenant_id", "trace_id")[made.clickhouse_order]
    metrics = ProcessorMetrics.on(CollectorRegistry())
    pool = open_pool(settings.postgres, PostgresRole.PROCESS)
    hardware = load_hardware(settings.processor.hardware)
    workers = [Settling(pool, KeptClient(settings.clickhouse), hardware, metrics) for _ in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as threads:
        done = 0
        for part in ordered.iter_slices(TRACES_OF_A_MARK):
            with pool.connection() as connection:
                connection.execute(MARK, {"tenants": part["tenant_id"].to_list(), "traces": part["trace_id"].to_list()})
            list(threads.map(_settle, workers))
            done += part.height
            say(f"{done:,} traces settled")
    for worker in workers:
        worker.close()
    pool.close()


def _settle(worker: Settling) -> None:
    while worker.settle().claimed:
        pass


def _tidy(settings: Settings) -> None:
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE), autocommit=True) as connection:
        connection.execute(IN_ORDER)
        connection.execute(CLEAN)
    deadline = monotonic() + MERGED_WITHIN
    with session(settings.clickhouse) as client:
        while client.query(MERGES).result_rows != [(0,)] and monotonic() < deadline:
            sleep(0.2)
