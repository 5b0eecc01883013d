# SPDX-License-Identifier: Apache-2.0
"""What traces cost in compute units, by a set of hardware factors: counted from their spans in PostgreSQL.

A span's units follow from the statement that settling begins with, so the default profile gives what summaries hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, Final

import psycopg

from ovpo.telemetry.processor.hardware import Hardware
from ovpo.telemetry.processor.settling_statements import PRICED

MOST_SPANS: Final = 20_000
"""Spans that one answer lists, in equal parts by trace."""
MOST_SPANS_OF_A_TRACE: Final = 1000
UNKNOWN_SHOWN: Final = 20

DEADLINE: Final = "SET LOCAL statement_timeout = '20s'"
FOUND: Final = """
SELECT tenant_id, trace_id::text, seen_at FROM traces WHERE tenant_id = %s AND trace_id = ANY (%s::uuid[])
"""
_BY_KIND: Final = """
, ranked AS (
    SELECT *, row_number() OVER (PARTITION BY trace_id ORDER BY units DESC, start_time, span_id) AS place,
           row_number() OVER (PARTITION BY trace_id, unknown ORDER BY units DESC, start_time, span_id) AS like_it
    FROM priced
)
SELECT trace_id::text, span_kind, count(*), sum(ms), sum(units), count(*) FILTER (WHERE unknown),
       coalesce(jsonb_agg(jsonb_build_array(place, span_id, name, ms, devices, hardware, unknown, units))
                FILTER (WHERE place <= %(listed)s), '[]'),
       coalesce(jsonb_agg(jsonb_build_array(like_it, span_id, left(hardware, 64)))
                FILTER (WHERE unknown AND like_it <= %(unknown_shown)s), '[]')
FROM ranked GROUP BY trace_id, span_kind ORDER BY trace_id, span_kind
"""
PRICE: Final = PRICED + _BY_KIND


@dataclass(frozen=True, slots=True)
class SpanCost:
    """What one span costs; `hardware` is its own, else its tenant's."""

    span_id: str
    name: str
    kind: str
    ms: float
    devices: float
    hardware: str | None
    hardware_known: bool
    units: float


@dataclass(frozen=True, slots=True)
class KindCost:
    """What the spans of one kind cost."""

    kind: str
    spans: int
    ms: float
    units: float


@dataclass(frozen=True, slots=True)
class UnknownHardware:
    """A span on hardware that the profile does not name, so that it was priced by the profile's `other`."""

    span_id: str
    hardware: str


@dataclass(frozen=True, slots=True)
class TraceCost:
    """What one trace costs: always of all of its spans, of which the most expensive are listed."""

    trace_id: str
    kinds: tuple[KindCost, ...]
    spans: tuple[SpanCost, ...]
    unknown_spans: int
    unknown: tuple[UnknownHardware, ...]

    @property
    def units(self) -> float:
        """What it costs in all."""
        return fsum(kind.units for kind in self.kinds)

    @property
    def span_count(self) -> int:
        """How many spans it has."""
        return sum(kind.spans for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Costs:
    """What traces cost, in the order in which they were named, and which of them the tenant has not."""

    traces: tuple[TraceCost, ...]
    not_found: tuple[str, ...]


def price(connection: psycopg.Connection, tenant_id: str, trace_ids: Sequence[str], profile: Hardware) -> Costs:
    """Price traces of a tenant."""
    wanted = list(dict.fromkeys(trace_ids))
    connection.execute(DEADLINE)
    found = {trace: (tenant, seen) for tenant, trace, seen in connection.execute(FOUND, (tenant_id, wanted))}
    given = {
        "tenants": [tenant for tenant, _ in found.values()],
        "traces": list(found),
        "seen": [seen for _, seen in found.values()],
        "hardware": list(profile.factors),
        "factors": list(profile.factors.values()),
        "other": profile.other,
        "listed": listed(len(wanted)),
        "unknown_shown": UNKNOWN_SHOWN,
    }
    kinds: dict[str, list[tuple[Any, ...]]] = {trace: [] for trace in found}
    for trace, *row in connection.execute(PRICE, given):
        kinds[trace].append(tuple(row))
    return Costs(
        tuple(_trace(trace, kinds[trace]) for trace in wanted if trace in found),
        tuple(trace for trace in wanted if trace not in found),
    )


def listed(traces: int) -> int:
    """Say how many spans are listed of each of so many traces."""
    return min(MOST_SPANS_OF_A_TRACE, MOST_SPANS // traces)


def _trace(trace_id: str, rows: Sequence[tuple[Any, ...]]) -> TraceCost:
    spans = sorted((span[0], _span(kind, span)) for kind, *_, of_kind, _ in rows for span in of_kind)
    unknown = sorted((place, span_id, hardware) for *_, of_kind in rows for place, span_id, hardware in of_kind)
    return TraceCost(
        trace_id,
        tuple(KindCost(kind, count, ms, units) for kind, count, ms, units, *_ in rows),
        tuple(span for _, span in spans),
        sum(row[4] for row in rows),
        tuple(UnknownHardware(span_id, hardware) for _, span_id, hardware in unknown),
    )


def _span(kind: str, row: Sequence[Any]) -> SpanCost:
    _, span_id, name, ms, devices, hardware, unknown, units = row
    return SpanCost(span_id, name, kind, float(ms), float(devices), hardware, not unknown, float(units))
