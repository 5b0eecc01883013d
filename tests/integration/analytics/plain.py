# SPDX-License-Identifier: Apache-2.0
"""The same numbers counted another way: plain Python over the items that were sent, and items to count."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import floor
from random import Random
from typing import Any

from tests.integration.collector.batches import Item, event, new_id, span, trace

KINDS = ("LOAD", "TEXT_ENCODE", "SAMPLING", "DECODE", "QUEUE")
FACTORS = {"rtx_4090": 1.0, "a100_40gb": 2.5, "h100": 4.0, "v100": 0.8}
METRICS = ("aesthetic_score", "motion_score")


def many(tenant: str, count: int, first: datetime, *, seed: int = 1) -> list[list[Item]]:
    """Make traces of all kinds over ten days, each as a list of its items."""
    chance = Random(seed)
    return [_one(chance, tenant, first + timedelta(seconds=chance.randrange(10 * 86_400))) for _ in range(count)]


def _one(chance: Random, tenant: str, created: datetime) -> list[Item]:
    one = new_id()
    status = chance.choice(("COMPLETED", "COMPLETED", "FAILED", "TIMEOUT", "GENERATING"))
    changes: dict[str, Any] = {"created_at": told(created), "pipeline_config": {"model": chance.choice(("m-1", "m-2"))}}
    if status == "FAILED":
        changes["failure"] = {"kind": chance.choice(("oom", "crash")), "message": "x", "retryable": False}
    if chance.random() < 0.5:
        changes["tags"] = {"team": chance.choice("ab"), "shot": str(chance.randrange(3))}
    if chance.random() < 0.5:
        changes["cost_attribution"] = {"project": chance.choice(("p", "q"))}
    spans = [_span(chance, one, created) for _ in range(chance.randrange(8))]
    frames = [
        event(one, index)
        | {"observed_at": told(created + timedelta(minutes=index)), "quality_metrics": _quality(chance)}
        for index in range(chance.randrange(5))
    ]
    return [trace(one, tenant, status=status, **changes), *spans, *frames]


def _span(chance: Random, trace_id: str, created: datetime) -> Item:
    changes: dict[str, Any] = {"start_time": told(created), "span_kind": f"SPAN_KIND_{chance.choice(KINDS)}"}
    changes["status"] = chance.choice(("OK", "OK", "ERROR"))
    changes["end_time"] = told(created + timedelta(seconds=chance.randrange(100)))
    if chance.random() < 0.7:
        changes["duration_ms"] = chance.randrange(1, 10_000_000) / 1000
    attributes: dict[str, Any] = {}
    if chance.random() < 0.8:
        attributes["gpu.model"] = chance.choice((*FACTORS, "abacus"))
    if chance.random() < 0.3:
        attributes["gpu.count"] = chance.choice((2, 4, 0.5))
    return span(trace_id, attributes=attributes, **changes)


def _quality(chance: Random) -> dict[str, float]:
    return {name: chance.randrange(1000) / 100 for name in METRICS if chance.random() < 0.8}


def told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def of_type(items: Iterable[Item], kind: str) -> list[Item]:
    return [item for item in items if item["type"] == kind]


def lasted(item: Item) -> float:
    """How long a span lasts in milliseconds."""
    if "duration_ms" in item:
        return float(item["duration_ms"])
    apart = datetime.fromisoformat(item["end_time"]) - datetime.fromisoformat(item["start_time"])
    return max(0.0, apart.total_seconds() * 1000)


def units(item: Item, factors: dict[str, float] = FACTORS, other: float = 1.0) -> float:
    """What a span costs."""
    attributes = item["attributes"]
    devices = max(1.0, float(attributes.get("gpu.count", 1)))
    return lasted(item) / 1000 * devices * factors.get(attributes.get("gpu.model"), other)


def percentile(values: Sequence[float], part: float) -> float:
    """Interpolate between the two values of the rank."""
    ordered = sorted(values)
    rank = part * (len(ordered) - 1)
    low = floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def by_kind(traces: Iterable[Sequence[Item]]) -> dict[str, list[Item]]:
    """Gather the spans of traces by their kinds."""
    gathered: defaultdict[str, list[Item]] = defaultdict(list)
    for items in traces:
        for one in of_type(items, "span"):
            gathered[one["span_kind"]].append(one)
    return dict(gathered)
