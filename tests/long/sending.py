# SPDX-License-Identifier: Apache-2.0
"""A load of many clients: batches prepared beforehand, each sent again and again until it is acknowledged."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition, Event, Lock
from typing import Any

import httpx

from tests.integration.collector.batches import Item, batch, event, new_id, span, trace

FRAMES, SPANS, TRACES = 45, 4, 10
ITEMS_OF_A_TRACE = 1 + SPANS + FRAMES
BATCHES_OF_A_ROUND = 2
ITEMS_OF_A_BATCH = TRACES * ITEMS_OF_A_TRACE // BATCHES_OF_A_ROUND
AGAIN_SECONDS = 0.3
TWICE = 0.02


@dataclass(frozen=True)
class Sent:
    """A batch: its bytes, and the ids that a 200 acknowledges."""

    body: bytes
    traces: frozenset[str]
    spans: frozenset[str]
    events: frozenset[str]

    def __len__(self) -> int:
        return len(self.traces) + len(self.spans) + len(self.events)


def rounds(numbers: random.Random, tenant: str, items: int) -> list[Sent]:
    """Make batches of so many items in all; the items of a trace are shuffled over the batches of its round."""
    made: list[Sent] = []
    while len(made) * ITEMS_OF_A_BATCH < items:
        whole = [item for _ in range(TRACES) for item in _items(tenant)]
        numbers.shuffle(whole)
        made += [_sent(whole[start::BATCHES_OF_A_ROUND]) for start in range(BATCHES_OF_A_ROUND)]
    return made


def _items(tenant: str) -> list[Item]:
    one, at = new_id(), [new_id() for _ in range(SPANS)]
    frames = [event(one, index) | {"span_id": at[index % SPANS]} for index in range(FRAMES)]
    return [trace(one, tenant), *(span(one, span_id=each, duration_ms=1000) for each in at), *frames]


def _sent(items: list[Item]) -> Sent:
    def of(kind: str, name: str) -> frozenset[str]:
        return frozenset(item[name] for item in items if item["type"] == kind)

    return Sent(batch(*items), of("trace", "trace_id"), of("span", "span_id"), of("event", "event_id"))


@dataclass
class Counts:
    """What the clients saw."""

    batches: int = 0
    items: int = 0
    tries: int = 0
    refusals: int = 0
    repeats: int = 0
    traces: set[str] = field(default_factory=set)
    spans: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)


class Clients:
    """Threads that send the batches in their order, no further than they are let."""

    def __init__(self, urls: list[str], key: dict[str, str], batches: list[Sent], threads: int) -> None:
        self.counts = Counts()
        self._urls = urls
        self._headers = {"Content-Type": "application/json", **key}
        self._batches = batches
        self._next = 0
        self._let = Condition()
        self._released = 0
        self._noting = Lock()
        self._ended = Event()
        self._pool = ThreadPoolExecutor(threads)
        self._works = [self._pool.submit(self._send_all, random.Random(number)) for number in range(threads)]

    def let(self, more: int) -> None:
        """Let so many more batches go."""
        with self._let:
            self._released = min(self._released + more, len(self._batches))
            self._let.notify_all()

    def finish(self) -> Counts:
        """Let everything go, and wait until all of it is acknowledged."""
        self.let(len(self._batches))
        for work in self._works:
            work.result()
        self._pool.shutdown()
        return self.counts

    def end(self) -> None:
        """Stop, whatever is left."""
        self._ended.set()
        self.let(len(self._batches))
        self._pool.shutdown()

    def _send_all(self, numbers: random.Random) -> None:
        with httpx.Client(timeout=30, headers=self._headers) as client:
            while not self._ended.is_set() and (one := self._take()) is not None:
                answer = self._until_acknowledged(client, numbers, one)
                if answer is None:
                    return
                self._note(one, answer)
                if numbers.random() < TWICE:
                    self._until_acknowledged(client, numbers, one)
                    with self._noting:
                        self.counts.repeats += len(one)

    def _take(self) -> Sent | None:
        with self._let:
            self._let.wait_for(lambda: self._next < self._released or self._next == len(self._batches))
            if self._next == len(self._batches):
                return None
            self._next += 1
            if self._next == len(self._batches):
                self._let.notify_all()
            return self._batches[self._next - 1]

    def _until_acknowledged(self, client: httpx.Client, numbers: random.Random, one: Sent) -> dict[str, Any] | None:
        while not self._ended.is_set():
            with self._noting:
                self.counts.tries += 1
            try:
                answer = client.post(f"{numbers.choice(self._urls)}/v1/ingest/batch", content=one.body)
            except httpx.TransportError:
                refused = "no answer"
            else:
                if answer.status_code == 200:
                    found: dict[str, Any] = answer.json()
                    return found
                refused = answer.text
                assert answer.status_code == 503, refused
            with self._noting:
                self.counts.refusals += 1
            self._ended.wait(AGAIN_SECONDS)
        return None

    def _note(self, one: Sent, answer: dict[str, Any]) -> None:
        assert answer["processed_items"] + answer["duplicate_items"] == len(one), answer
        with self._noting:
            self.counts.batches += 1
            self.counts.items += len(one)
            self.counts.traces |= one.traces
            self.counts.spans |= one.spans
            self.counts.events |= one.events
