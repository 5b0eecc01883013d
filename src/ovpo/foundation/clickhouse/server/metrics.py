# SPDX-License-Identifier: Apache-2.0
"""The numbers the server tells of itself to Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ovpo.foundation.clickhouse.server.execution import Counts

_KINDS = frozenset(
    {"SELECT", "WITH", "FROM", "INSERT", "CREATE", "ALTER", "DROP", "SHOW", "DESCRIBE", "EXISTS", "EXPLAIN", "SET"}
    | {"USE", "OPTIMIZE", "TRUNCATE", "SYSTEM", "KILL", "DELETE", "RENAME", "ATTACH", "DETACH", "CHECK", "NONE"}
)


class Metrics:
    """One registry a server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._queries = Counter(
            "ovpo_clickhouse_queries_total",
            "Queries answered, by kind of statement and outcome (ok, error, gone).",
            ["kind", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "ovpo_clickhouse_query_seconds",
            "Time from the request's headers to the last byte of its answer.",
            ["kind"],
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300),
            registry=self._registry,
        )
        self.running = Gauge("ovpo_clickhouse_queries_running", "Queries that run now.", registry=self._registry)
        self.waiting = Gauge("ovpo_clickhouse_queries_waiting", "Queries that wait now.", registry=self._registry)
        self.sessions = Gauge("ovpo_clickhouse_sessions", "Sessions that are open now.", registry=self._registry)
        self._rows = Counter("ovpo_clickhouse_inserted_rows_total", "Rows written.", registry=self._registry)
        self._bytes = Counter("ovpo_clickhouse_inserted_bytes_total", "Bytes written.", registry=self._registry)

    def done(self, kind: str, outcome: str, seconds: float) -> None:
        """Count one query."""
        label = kind if kind in _KINDS else "OTHER"
        self._queries.labels(label, outcome).inc()
        self._seconds.labels(label).observe(seconds)

    def wrote(self, counts: Counts) -> None:
        """Count what a statement wrote."""
        self._rows.inc(counts.written_rows)
        self._bytes.inc(counts.written_bytes)

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)
