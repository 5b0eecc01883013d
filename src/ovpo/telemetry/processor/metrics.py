# SPDX-License-Identifier: Apache-2.0
"""The processor's own numbers."""

from dataclasses import dataclass
from typing import Final, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LAG: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_WORK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class ProcessorMetrics:
    """What was written, how late, what came twice, what the stores refused, what waits."""

    items: Counter
    repeats: Counter
    refused: Counter
    redelivered: Counter
    dead: Counter
    write_errors: Counter
    faults: Counter
    lag: Histogram
    write_seconds: Histogram
    settled: Counter
    settle_seconds: Histogram
    unsettled: Gauge
    queue_depth: Gauge
    cache_unavailable: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Register them; twice on one registry is an error."""

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"ovpo_processor_{name}", about, labels, registry=registry)

        def seconds(name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"ovpo_processor_{name}_seconds", about, labels, buckets=buckets, registry=registry)

        def gauge(name: str, about: str) -> Gauge:
            return Gauge(f"ovpo_processor_{name}", about, registry=registry)

        return cls(
            items=counter("items", "Items written, those that were there already included", "type"),
            repeats=counter("repeats", "Traces and spans that were there already", "type"),
            refused=counter("refused_items", "Items kept aside because they contradict what is there"),
            redelivered=counter("redelivered_messages", "Messages that came more than once"),
            dead=counter("dead_letters", "Messages given up"),
            faults=counter("faults", "Messages put off because of a fault of the processor"),
            write_errors=counter("write_errors", "Writes that a store did not take", "backend"),
            lag=seconds("lag", "From an item's receipt by the collector to its being queryable, by message", _LAG),
            write_seconds=seconds("write", "Time to write a portion", _WORK, "backend"),
            settled=counter("settled_traces", "Summaries of traces made anew"),
            settle_seconds=seconds("settle", "Time to settle some traces", _WORK),
            unsettled=gauge("unsettled_traces", "Traces whose summary is older than their data"),
            queue_depth=gauge("queue_depth", "Messages in the queue that nobody has taken yet"),
            cache_unavailable=counter("cache_unavailable", "Questions that Valkey did not answer", "question"),
        )
