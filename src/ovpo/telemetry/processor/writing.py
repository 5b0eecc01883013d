# SPDX-License-Identifier: Apache-2.0
"""A portion into both stores, in steps that may be repeated; a crash between two repeats all of them.

PostgreSQL comes first, which says when each trace was first heard of, then ClickHouse, then the mark that the traces
are to be settled.
"""

from collections.abc import Collection
from datetime import timedelta
from time import perf_counter
from typing import Final

from psycopg_pool import ConnectionPool

from ovpo.foundation.postgres.connect import transaction
from ovpo.telemetry.processor import statements
from ovpo.telemetry.processor.faults import Backend
from ovpo.telemetry.processor.frames import Frames
from ovpo.telemetry.processor.metadata import Metadata, Written
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import Portion, TraceKey

SETTLE_AFTER: Final = timedelta(seconds=1)


class Stores:
    """Writes portions; one per thread."""

    def __init__(self, pool: ConnectionPool, frames: Frames, metrics: ProcessorMetrics) -> None:
        self._pool = pool
        self._metadata = Metadata(pool)
        self._frames = frames
        self._metrics = metrics

    def write(self, portion: Portion) -> None:
        """Write all of a portion; raise StoreUnavailableError or ItemRefusedError, and it may be written again."""
        begun = perf_counter()
        written = self._metadata.write(portion)
        between = perf_counter()
        try:
            self._frames.write(portion.frames, written.seen)
        finally:  # what PostgreSQL has is settled even where ClickHouse refuses the rest
            self._mark(written.seen)
        self._metrics.write_seconds.labels(Backend.POSTGRES).observe(between - begun)
        self._metrics.write_seconds.labels(Backend.CLICKHOUSE).observe(perf_counter() - between)
        self._count(portion, written)

    def close(self) -> None:
        """End the connection to ClickHouse; the pool is the caller's."""
        self._frames.close()

    def _mark(self, traces: Collection[TraceKey]) -> None:
        """Have the traces settled, now that all of the portion can be read."""
        marks = {
            "tenants": [tenant_id for tenant_id, _ in traces],
            "traces": [trace_id for _, trace_id in traces],
            "after": SETTLE_AFTER,
        }
        with transaction(self._pool) as connection:
            connection.execute(statements.MARK, marks)

    def _count(self, portion: Portion, written: Written) -> None:
        items = self._metrics.items
        items.labels("trace").inc(len(portion.traces))
        items.labels("span").inc(len(portion.spans))
        items.labels("event").inc(len(portion.frames))
        self._metrics.repeats.labels("trace").inc(written.repeated_traces)
        self._metrics.repeats.labels("span").inc(written.repeated_spans)
        self._metrics.refused.inc(written.refused)
