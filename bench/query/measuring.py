# SPDX-License-Identifier: Apache-2.0
"""Requests over kept-alive connections, timed from the first byte sent to the last byte received."""

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from time import perf_counter
from typing import Any, Final

import httpx

from bench.query.kinds import Ask, Ground, Kind
from ovpo.foundation.settings.tree import LOOPBACK

WARM_UP: Final = 20
LONGEST_SECONDS: Final = 30.0
TIMEOUT_SECONDS: Final = 60.0
_NAME: Final = re.compile(r"\{[^}]*\}")
Route = tuple[str, str]


@dataclass
class Seen:
    """What requests of a kind came to."""

    milliseconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Give the time that this share of the requests stayed within."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def mean_rows(self) -> float:
        """How many things an answer lists."""
        return statistics.fmean(self.rows)

    @property
    def mean_kilobytes(self) -> float:
        """How long an answer is."""
        return statistics.fmean(self.sizes) / 1000


def connect(port: int, key: str) -> httpx.Client:
    """Open a client that keeps its connection."""
    return httpx.Client(
        base_url=f"http://{LOOPBACK}:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_SECONDS
    )


def routes(client: httpx.Client) -> set[Route]:
    """Ask the service which routes it has."""
    paths = client.get("/openapi.json").raise_for_status().json()["paths"]
    return {(method.upper(), _NAME.sub("{}", path)) for path, methods in paths.items() for method in methods}


def has(there: set[Route], kind: Kind, ground: Ground) -> bool:
    """Tell whether the service has what a kind asks for."""
    ask = next(kind.asks(Random(0), ground))
    return (ask.method, _NAME.sub("{}", ask.route)) in there


def measure(client: httpx.Client, kind: Kind, ground: Ground, requests: int) -> Seen:
    """Time requests of a kind, all different, after some that are not counted."""
    asks = kind.asks(Random(kind.name), ground)
    for ask in islice(asks, WARM_UP):
        _send(client, ask, {})
    return _timed(client, islice(asks, requests), {})


def measure_again(client: httpx.Client, kind: Kind, ground: Ground, requests: int) -> Seen:
    """Time the same request over and over."""
    ask = next(kind.asks(Random(kind.name), ground))
    _send(client, ask, {})
    return _timed(client, (ask for _ in range(requests)), {})


def measure_unchanged(client: httpx.Client, kind: Kind, ground: Ground, requests: int) -> Seen:
    """Time the same request over and over by a client that names the answer that it has."""
    ask = next(kind.asks(Random(kind.name), ground))
    known = _send(client, ask, {}).headers.get("ETag", "")
    return _timed(client, (ask for _ in range(requests)), {"If-None-Match": known})


def measure_together(
    port: int, key: str, kinds: Sequence[Kind], ground: Ground, *, clients: int, seconds: float
) -> tuple[dict[str, Seen], float]:
    """Time kinds taken by chance by several clients at once; give the requests a second too."""

    def work(number: int) -> dict[str, Seen]:
        random = Random(number)
        found: defaultdict[str, Seen] = defaultdict(Seen)
        asks = {kind.name: kind.asks(Random(f"{kind.name} {number}"), ground) for kind in kinds}
        until = perf_counter() + seconds
        with connect(port, key) as client:
            while perf_counter() < until:
                name = random.choice(kinds).name
                _add(found[name], client, next(asks[name]), {})
        return found

    begun = perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        parts = list(threads.map(work, range(clients)))
    took = perf_counter() - begun
    together = {kind.name: Seen() for kind in kinds}
    for name, seen in (pair for part in parts for pair in part.items()):
        whole = together[name]
        whole.milliseconds += seen.milliseconds
        whole.sizes += seen.sizes
        whole.rows += seen.rows
        whole.faults += seen.faults
    return together, sum(len(one.milliseconds) for one in together.values()) / took


def walk(client: httpx.Client, pages: int, page_size: int) -> list[str]:
    """Give the cursors of the newest pages of the list of traces."""
    cursors: list[str] = []
    given: dict[str, Any] = {"limit": page_size}
    for _ in range(pages):
        answer = client.get("/v1/traces", params=given)
        if answer.status_code != httpx.codes.OK or not (cursor := answer.json()["next_cursor"]):
            break
        cursors.append(cursor)
        given["cursor"] = cursor
    return cursors


def _timed(client: httpx.Client, asks: Iterator[Ask], headers: dict[str, str]) -> Seen:
    seen = Seen()
    until = perf_counter() + LONGEST_SECONDS
    for ask in asks:
        _add(seen, client, ask, headers)
        if perf_counter() > until:
            break
    return seen


def _add(seen: Seen, client: httpx.Client, ask: Ask, headers: dict[str, str]) -> None:
    begun = perf_counter()
    answer = _send(client, ask, headers)
    seen.milliseconds.append((perf_counter() - begun) * 1000)
    seen.sizes.append(len(answer.content))
    if answer.status_code == httpx.codes.OK:
        seen.rows.append(_longest(answer.json()))
    elif answer.status_code == httpx.codes.NOT_MODIFIED:
        seen.rows.append(0)
    else:
        seen.faults.append(f"{answer.status_code} {answer.text[:200]}")


def _send(client: httpx.Client, ask: Ask, headers: dict[str, str]) -> httpx.Response:
    return client.request(ask.method, ask.path, params=ask.parameters, json=ask.body, headers=headers)


def _longest(answer: Any) -> int:
    """Count the longest list in the answer or one level below it."""
    members = [answer, *answer.values()] if isinstance(answer, dict) else [answer]
    nested = [value for one in members if isinstance(one, dict) for value in one.values()]
    return max((len(one) for one in [*members, *nested] if isinstance(one, list)), default=0)
