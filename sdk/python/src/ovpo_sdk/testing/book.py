# SPDX-License-Identifier: Apache-2.0
"""What a receiver has taken: distinct items, what came again, and the answers it gave to idempotency keys."""

import hashlib
from dataclasses import dataclass

from msgspec import Struct

from ovpo_sdk.records import FrameRecord, Item, SpanRecord, TraceRecord
from ovpo_sdk.testing.judging import ItemFault, judge


class Answer(Struct, frozen=True, omit_defaults=True):
    """What became of a batch."""

    status: str
    batch_id: str
    processed_items: int
    duplicate_items: int
    failed_items: int
    errors: tuple[ItemFault, ...]
    processing_time_ms: float
    duplicate: bool = False
    original_request_time: str | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often an item came again after its first time, and whether it ever said something else then."""

    times: int
    differed: bool


class KeyTakenError(Exception):
    """An idempotency key came with another body."""


class Book:
    """Keeps what was taken; whoever shares one among threads locks around it."""

    def __init__(self) -> None:
        self.traces: dict[str, list[TraceRecord]] = {}
        self.spans: dict[str, SpanRecord] = {}
        self.frames: dict[str, FrameRecord] = {}
        self.repeats: dict[str, Repeat] = {}
        self.refused: list[ItemFault] = []
        self._answers: dict[str, tuple[bytes, Answer, str]] = {}

    def take(self, body: bytes, key: str | None, tenant: str, now: str) -> Answer:
        """Take a batch once per key; raises RefusedBatchError, or KeyTakenError for a key with another body."""
        digest = hashlib.sha256(body).digest()
        if key is not None and key in self._answers:
            return self._again(key, digest)
        judged = judge(body, tenant)
        key = key if key is not None else judged.idempotency_key
        if key is not None and key in self._answers:
            return self._again(key, digest)
        new = sum(self._note(item) for item in judged.good)
        self.refused += judged.faults
        status = "accepted" if not judged.faults else "partial_failure" if judged.good else "rejected"
        counts = (new, len(judged.good) - new, len(judged.faults))
        answer = Answer(status, judged.batch_id, *counts, judged.faults, 0.0)
        if key is not None:
            self._answers[key] = (digest, answer, now)
        return answer

    def _again(self, key: str, digest: bytes) -> Answer:
        known, first, at = self._answers[key]
        if known != digest:
            raise KeyTakenError
        counts = (first.processed_items, first.duplicate_items, first.failed_items)
        return Answer(
            first.status, first.batch_id, *counts, first.errors, 0.0, duplicate=True, original_request_time=at
        )

    def _note(self, item: Item) -> bool:
        """Keep an item; tell whether it is new. Another record of a trace is new: it completes the earlier ones."""
        if isinstance(item, TraceRecord):
            records = self.traces.setdefault(item.trace_id, [])
            if item in records:
                return self._came_again(item.trace_id, differs=False)
            records.append(item)
            return True
        if isinstance(item, SpanRecord):
            known: Item = self.spans.setdefault(item.span_id, item)
            return known is item or self._came_again(item.span_id, differs=known != item)
        known = self.frames.setdefault(item.event_id, item)
        return known is item or self._came_again(item.event_id, differs=known != item)

    def _came_again(self, item_id: str, *, differs: bool) -> bool:
        before = self.repeats.get(item_id, Repeat(0, differed=False))
        self.repeats[item_id] = Repeat(before.times + 1, before.differed or differs)
        return False
