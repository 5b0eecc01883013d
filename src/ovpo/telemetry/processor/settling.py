# SPDX-License-Identifier: Apache-2.0
"""Settling: what follows from all that is known of a trace, counted anew, so that nothing is ever counted twice.

A portion marks its traces; whichever processor comes first settles them under a lease. ClickHouse is told before
PostgreSQL, and the mark goes last: whoever dies in between leaves the trace to be settled again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from time import perf_counter
from typing import Any, Final

import msgspec
import structlog
from psycopg_pool import ConnectionPool

from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.foundation.postgres.connect import transaction
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry.processor import settling_statements as statements
from ovpo.telemetry.processor.faults import of_clickhouse, of_postgres
from ovpo.telemetry.processor.hardware import Hardware
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import TraceKey
from ovpo.telemetry.processor.summary import FACTS, FrameTotals, SpanTotals, Summary, Unsettled, summarise

LEASE: Final = timedelta(seconds=60)
MOST: Final = 128
MOST_DURATIONS: Final = 1000
"""Durations kept of each kind of span of a trace; of a kind with more spans every n-th."""
MOST_ROWS: Final = 300_000
"""Frame events that one question to ClickHouse reads: a million take it 2 s and 600 MB."""
_JSON: Final = msgspec.json.Encoder()
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """How many traces were claimed at once, and what was found of those that could be settled."""

    claimed: int
    settled: tuple[Summary, ...]


class Settling:
    """Settles traces; one per thread."""

    def __init__(self, pool: ConnectionPool, client: KeptClient, hardware: Hardware, metrics: ProcessorMetrics) -> None:
        self._pool = pool
        self._client = client
        self._hardware = hardware
        self._metrics = metrics

    def settle(self) -> Round:
        """Settle some of the traces that are due."""
        begun = perf_counter()
        claimed = self._claim()
        if not claimed:
            return Round(0, ())
        groups = by_size(claimed, self._sizes(claimed))
        summaries = tuple(summary for group in groups for summary in self._settle_apart(group))
        self._metrics.settled.inc(len(summaries))
        self._metrics.settle_seconds.observe(perf_counter() - begun)
        return Round(len(claimed), summaries)

    def _settle_apart(self, claimed: Sequence[Unsettled]) -> list[Summary]:
        """Settle all together where that goes, else by halves: a trace that cannot be settled holds up no other."""
        try:
            return self._settle(claimed)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said, and tried again when the lease ends
            if len(claimed) == 1:
                [one] = claimed
                _log.error("processor.not_settled", tenant_id=one.tenant_id, trace_id=one.trace_id, exc_info=error)
                return []
            middle = len(claimed) // 2
            return self._settle_apart(claimed[:middle]) + self._settle_apart(claimed[middle:])

    def _settle(self, claimed: Sequence[Unsettled]) -> list[Summary]:
        totals, frames = self._spans(claimed), self._frames(claimed)
        unknown = self._unknown_spans(claimed, frames)
        nothing = SpanTotals.nothing()
        summaries = [
            summarise(one, totals.get(one.key, nothing), frames.get(one.key), unknown.get(one.key, 0), self._hardware)
            for one in claimed
        ]
        self._tell_clickhouse(summaries)
        self._tell_postgres(claimed, summaries)
        return summaries

    def count_waiting(self) -> None:
        """Note how many traces wait."""
        with transaction(self._pool) as connection:
            [waiting] = connection.execute(statements.WAITING).fetchone() or (0,)
        self._metrics.unsettled.set(waiting)

    def close(self) -> None:
        """End the connection to ClickHouse; the pool is the caller's."""
        self._client.close()

    def _claim(self) -> list[Unsettled]:
        with transaction(self._pool) as connection:
            claims = connection.execute(statements.CLAIM, {"most": MOST, "lease": LEASE}).fetchall()
            given = dict(zip(("tenants", "traces", "revisions"), map(list, zip(*claims, strict=True)), strict=False))
            rows = connection.execute(statements.CLAIMED, given).fetchall() if claims else []
        return [Unsettled(*row) for row in rows]

    def _sizes(self, claimed: Sequence[Unsettled]) -> dict[TraceKey, int]:
        """Count the rows that are to be read, which costs next to nothing."""
        with of_clickhouse(), self._client.lent() as client:
            rows = client.query(statements.SIZES, _keys(claimed)).result_rows
        return {(tenant_id, trace_id): count for tenant_id, trace_id, count in rows}

    def _spans(self, claimed: Sequence[Unsettled]) -> dict[TraceKey, SpanTotals]:
        given = {
            **_keys(claimed),
            "seen": [one.seen_at for one in claimed],
            "hardware": list(self._hardware.factors),
            "factors": list(self._hardware.factors.values()),
            "other": self._hardware.other,
            "most": MOST_DURATIONS,
        }
        with transaction(self._pool) as connection:
            rows = connection.execute(statements.SPANS, given).fetchall()
        return {(row[0], row[1]): SpanTotals(*row[2:]) for row in rows}

    def _frames(self, claimed: Sequence[Unsettled]) -> dict[TraceKey, FrameTotals]:
        with self._client.lent() as client:  # an error of the server's may be about one trace only
            rows = client.query(statements.FRAMES, _keys(claimed)).result_rows
        return {(row[0], row[1]): FrameTotals(*row[2:]) for row in rows}

    def _unknown_spans(self, claimed: Sequence[Unsettled], frames: dict[TraceKey, FrameTotals]) -> dict[TraceKey, int]:
        """Count the spans that frame events name and that never came."""
        named = [
            (one.tenant_id, one.trace_id, one.seen_at, span)
            for one in claimed
            if (of_trace := frames.get(one.key)) is not None
            for span in of_trace.span_ids
        ]
        if not named:
            return {}
        given = dict(zip(("tenants", "traces", "seen", "spans"), map(list, zip(*named, strict=True)), strict=True))
        with transaction(self._pool) as connection:
            rows = connection.execute(statements.KNOWN_SPANS, given).fetchall()
        return {(tenant_id, trace_id): count for tenant_id, trace_id, count in rows}

    def _tell_clickhouse(self, summaries: Sequence[Summary]) -> None:
        given: dict[str, Any] = {
            **_keys(summaries),
            "models": [one.model or "" for one in summaries],
            "settled_at": f"{summaries[0].settled_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}",
        }
        with self._client.lent() as client:
            client.command(statements.HOURS, given)
            client.insert("trace_facts", [one.fact() for one in summaries], column_names=FACTS)

    def _tell_postgres(self, claimed: Sequence[Unsettled], summaries: Sequence[Summary]) -> None:
        done = {
            **_keys(claimed),
            "revisions": [one.revision for one in claimed],
            "pauses": [one.pause_seconds for one in summaries],
        }
        with of_postgres(), transaction(self._pool) as connection:
            connection.execute(statements.LOCK, _keys(claimed))
            connection.execute(statements.KEEP, {"rows": _JSON.encode([one.row() for one in summaries]).decode()})
            connection.execute(statements.HOLD, _keys(claimed))
            connection.execute(statements.DONE, done)


def by_size(claimed: Sequence[Unsettled], sizes: Mapping[TraceKey, int]) -> list[list[Unsettled]]:
    """Split what is claimed so that no part reads more than `MOST_ROWS`, but for a trace that has more by itself."""
    groups: list[list[Unsettled]] = [[]]
    rows = 0
    for one in claimed:
        size = sizes.get(one.key, 0)
        if groups[-1] and rows + size > MOST_ROWS:
            groups.append([])
            rows = 0
        groups[-1].append(one)
        rows += size
    return groups


def _keys(traces: Sequence[Unsettled] | Sequence[Summary]) -> dict[str, list[str]]:
    return {"tenants": [one.tenant_id for one in traces], "traces": [one.trace_id for one in traces]}
