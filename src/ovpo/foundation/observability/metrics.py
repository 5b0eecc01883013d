# SPDX-License-Identifier: Apache-2.0
"""The numbers that every service exposes about its process and its HTTP traffic; a wing's own numbers live in the wing.

A registry is handed in, never the library's global one, so that two apps in one process do not collide.
"""

import platform
from dataclasses import dataclass
from typing import Final, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector

UNMATCHED: Final = "unmatched"
_OTHER_METHOD: Final = "OTHER"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def new_registry(service: str, version: str) -> CollectorRegistry:
    """Make a service's registry: what the process uses, and which build it is."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    Gauge("ovpo_build_info", "Which build runs; always 1", ("service", "version", "python"), registry=registry).labels(
        service, version, platform.python_version()
    ).set(1)
    return registry


@dataclass(frozen=True, slots=True)
class HttpMetrics:
    """Counts and times requests by method, route template and status code."""

    requests: Counter
    seconds: Histogram

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Register the two metrics; twice on one registry is an error."""
        labels = ("method", "route", "code")
        return cls(
            requests=Counter("ovpo_http_requests", "Requests answered", labels, registry=registry),
            seconds=Histogram(
                "ovpo_http_request_duration_seconds",
                "Time to the end of the answer",
                labels,
                buckets=_SECONDS,
                registry=registry,
            ),
        )

    def count(self, *, method: str, route: str | None, code: int, seconds: float) -> None:
        """Record one answered request; a route of None is one that no template matched."""
        labels = (method if method in _METHODS else _OTHER_METHOD, route or UNMATCHED, str(code))
        self.requests.labels(*labels).inc()
        self.seconds.labels(*labels).observe(seconds)
