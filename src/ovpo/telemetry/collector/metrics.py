# SPDX-License-Identifier: Apache-2.0
"""The collector's own numbers. Requests by code and their latency are those that every service has."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter


@dataclass(frozen=True, slots=True)
class CollectorMetrics:
    """What was taken, what was refused and why, and what the collector had to do without."""

    items: Counter
    validation_failures: Counter
    auth_failures: Counter
    rate_limited: Counter
    publish_failures: Counter
    replays: Counter
    cache_unavailable: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Register them; twice on one registry is an error."""

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"ovpo_collector_{name}", about, labels, registry=registry)

        return cls(
            items=counter("items", "Items of answered batches", "outcome"),
            validation_failures=counter(
                "validation_failures", "Items, and requests as a whole, that break a rule of the contract", "code"
            ),
            auth_failures=counter("auth_failures", "Requests whose key is not good or not good enough", "code"),
            rate_limited=counter("rate_limited", "Requests beyond the rate of their tenant"),
            publish_failures=counter("publish_failures", "Batches that the broker did not confirm"),
            replays=counter("replays", "Answers that were given again for an idempotency key"),
            cache_unavailable=counter("cache_unavailable", "Questions that Valkey did not answer", "question"),
        )
