# SPDX-License-Identifier: Apache-2.0
"""The kinds of requests that are measured, the goals of some, and endless requests of each, all different. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Final

from bench.query import shape

LIST: Final = "/v1/traces"
ORDERS: Final = (
    "created_at",
    "started_at",
    "completed_at",
    "status",
    "model",
    "project",
    "total_ms",
    "spans",
    "frames",
    "compute_units",
    "peak_vram_mb",
    "violations",
)
METRICS: Final = ("temporal_consistency", "motion_score", "clip_text_similarity", "aesthetic_score", "artifact_score")
ENDS: Final = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "PARTIAL", "FAILED,TIMEOUT", "GENERATING,PENDING")
SPAN_KINDS: Final = ("GUARD", "TEXT_ENCODE", "SAMPLING", "DECODE", "POSTPROCESS", "OUTPUT_ENCODE", "LOAD,GUARD")
TRACES_OF_A_PRICE: Final = 100
GOAL_LIST_MS, GOAL_DETAIL_MS, GOAL_BOTTLENECKS_MS = 100.0, 50.0, 1000.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; `route` is its path as OpenAPI writes it."""

    route: str
    path: str
    parameters: dict[str, Any]
    body: dict[str, Any] | None = None

    @property
    def method(self) -> str:
        """With a body it is a POST."""
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True, slots=True)
class Ground:
    """What requests may name: the end of the data's sixty days, traces by what they hold, cursors deep in the list."""

    end: datetime
    long_videos: list[str]
    others: list[str]
    longest: str
    cursors: list[str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request, and the most that its 95th percentile may be."""

    name: str
    goal_ms: float | None
    asks: Callable[[Random, Ground], Iterator[Ask]]


Filter = Callable[[Random, Ground], dict[str, Any]]


def _status(random: Random, _: Ground) -> dict[str, Any]:
    return {"status": random.choice(ENDS)}


def _tag(random: Random, _: Ground) -> dict[str, Any]:
    key = random.choice(list(shape.TAGS))
    return {"tags": f"{key}={random.choice(shape.TAGS[key][0])}"}


def _model(random: Random, _: Ground) -> dict[str, Any]:
    return {"model": random.choice(shape.MODELS).name}


def _project(random: Random, _: Ground) -> dict[str, Any]:
    return {"project": random.choice(shape.PROJECTS)}


def _kind(random: Random, _: Ground) -> dict[str, Any]:
    return {"span_kind": random.choice(SPAN_KINDS)}


def _failure(random: Random, _: Ground) -> dict[str, Any]:
    return {"failure_kind": random.choice(list(shape.FAILURES))}


def _violations(random: Random, _: Ground) -> dict[str, Any]:
    return {"violations": random.choice((">0", ">=1", "=1"))}


def _dates(random: Random, ground: Ground) -> dict[str, Any]:
    start = ground.end - timedelta(seconds=random.randint(3600, shape.DAYS.days * 86_400))
    end = min(ground.end, start + timedelta(hours=random.randint(1, 24 * 14)))
    return {"start_date": _text(start), "end_date": _text(end)}


FILTERS: Final = (_status, _tag, _model, _project, _kind, _failure, _violations, _dates)


def _listed(*filters: Filter) -> Callable[[Random, Ground], Iterator[Ask]]:
    def asks(random: Random, ground: Ground) -> Iterator[Ask]:
        while True:
            given = {name: value for one in filters for name, value in one(random, ground).items()}
            yield Ask(LIST, LIST, given | {"limit": random.randint(80, 120)})

    return asks


def _any_two_in_any_order(random: Random, ground: Ground) -> Iterator[Ask]:
    while True:
        given = {name: value for one in random.sample(FILTERS, 2) for name, value in one(random, ground).items()}
        order = {"order_by": random.choice(ORDERS), "order_dir": random.choice(("asc", "desc"))}
        yield Ask(LIST, LIST, given | order | {"limit": random.randint(80, 120)})


def _ordered(order: str) -> Callable[[Random, Ground], Iterator[Ask]]:
    def asks(random: Random, ground: Ground) -> Iterator[Ask]:
        while True:
            end = {"end_date": _text(ground.end - timedelta(seconds=random.randint(0, 86_400)))}
            given = {"order_by": order, "order_dir": random.choice(("asc", "desc")), "limit": random.randint(80, 120)}
            yield Ask(LIST, LIST, end | given)

    return asks


def _deep(random: Random, ground: Ground) -> Iterator[Ask]:
    while True:
        yield Ask(LIST, LIST, {"cursor": random.choice(ground.cursors), "limit": random.randint(80, 120)})


def _detail(chosen: Callable[[Ground], list[str]]) -> Callable[[Random, Ground], Iterator[Ask]]:
    def asks(random: Random, ground: Ground) -> Iterator[Ask]:
        for trace in random.sample(chosen(ground), len(chosen(ground))):
            yield Ask(f"{LIST}/{{trace_id}}", f"{LIST}/{trace}", {})

    return asks


def _drawn(random: Random, ground: Ground) -> Iterator[Ask]:
    while True:
        first = random.randint(0, 20_000)
        given = {"from_index": first, "points": random.randint(500, 2_000)}
        yield Ask(f"{LIST}/{{trace_id}}/frames", f"{LIST}/{ground.longest}/frames", given)


def _drawn_in_part(random: Random, ground: Ground) -> Iterator[Ask]:
    for trace in random.sample(ground.long_videos, len(ground.long_videos)):
        given = {"points": random.randint(100, 400)}
        yield Ask(f"{LIST}/{{trace_id}}/frames", f"{LIST}/{trace}/frames", given)


def _compared(random: Random, ground: Ground) -> Iterator[Ask]:
    while True:
        one, other = random.sample(ground.long_videos, 2)
        yield Ask(f"{LIST}/{{trace_id}}/compare/{{other}}", f"{LIST}/{one}/compare/{other}", {})


def _bottlenecks(*filters: Filter) -> Callable[[Random, Ground], Iterator[Ask]]:
    def asks(random: Random, ground: Ground) -> Iterator[Ask]:
        for window in _months(random, ground):
            given = {name: value for one in filters for name, value in one(random, ground).items()}
            yield Ask("/v1/analytics/bottlenecks", "/v1/analytics/bottlenecks", given | window)

    return asks


def _throughput(random: Random, ground: Ground) -> Iterator[Ask]:
    for window in _months(random, ground):
        yield Ask("/v1/analytics/throughput", "/v1/analytics/throughput", window)


def _quality(random: Random, ground: Ground) -> Iterator[Ask]:
    for window in _months(random, ground):
        yield Ask("/v1/analytics/quality", "/v1/analytics/quality", window | {"metric": random.choice(METRICS)})


def _costs(random: Random, ground: Ground) -> Iterator[Ask]:
    while True:
        route = "/v1/analytics/costs/calculate"
        yield Ask(route, route, {}, {"trace_ids": random.sample(ground.others, TRACES_OF_A_PRICE)})


def _whoami(_: Random, __: Ground) -> Iterator[Ask]:
    while True:
        yield Ask("/v1/whoami", "/v1/whoami", {})


def _months(random: Random, ground: Ground) -> Iterator[dict[str, str]]:
    """Give windows of thirty days, no two alike."""
    for number in count():
        end = ground.end - timedelta(seconds=random.randint(0, 60) + 61 * number)
        yield {"start_date": _text(end - timedelta(days=30)), "end_date": _text(end)}


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


KINDS: Final = (
    Kind("list: status, tag", GOAL_LIST_MS, _listed(_status, _tag)),
    Kind("list: model, dates", GOAL_LIST_MS, _listed(_model, _dates)),
    Kind("list: violations, status", GOAL_LIST_MS, _listed(_violations, _status)),
    Kind("list: span kind, dates", GOAL_LIST_MS, _listed(_kind, _dates)),
    Kind("list: tag, span kind", GOAL_LIST_MS, _listed(_tag, _kind)),
    Kind("list: project, failure kind", GOAL_LIST_MS, _listed(_project, _failure)),
    Kind("list: any two filters, any order", GOAL_LIST_MS, _any_two_in_any_order),
    *(Kind(f"list by {order}", None, _ordered(order)) for order in ORDERS),
    Kind("list: a page deep down", None, _deep),
    Kind("trace of 300 frames", GOAL_DETAIL_MS, _detail(lambda ground: ground.long_videos)),
    Kind("trace of some frames", None, _detail(lambda ground: ground.others)),
    Kind("frames of 300", None, _drawn_in_part),
    Kind("frames of the longest", None, _drawn),
    Kind("two traces of 300 frames compared", None, _compared),
    Kind("bottlenecks, 30 days", GOAL_BOTTLENECKS_MS, _bottlenecks()),
    Kind("bottlenecks, 30 days, model and tag", GOAL_BOTTLENECKS_MS, _bottlenecks(_model, _tag)),
    Kind("throughput, 30 days", None, _throughput),
    Kind("quality of a metric, 30 days", None, _quality),
    Kind("costs of 100 traces", None, _costs),
    Kind("who am I (what every request costs)", None, _whoami),
)
