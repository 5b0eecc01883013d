# SPDX-License-Identifier: Apache-2.0
"""What is done with a batch: read, judged item by item, queued, answered; once per idempotency key. Knows no HTTP."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Final, Protocol
from uuid import UUID

import structlog

from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.broker.message import Message
from ovpo.foundation.http.errors import Code
from ovpo.telemetry.collector import answer as answers
from ovpo.telemetry.collector.answer import BatchAnswer
from ovpo.telemetry.collector.idempotency import Once, Request, digest
from ovpo.telemetry.collector.metrics import CollectorMetrics
from ovpo.telemetry.collector.recent import RecentBatches
from ovpo.telemetry.collector.refusal import RefusedError
from ovpo.telemetry.contract.outcome import EnvelopeError, ItemError, ReadBatch
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.queue import pack

_RETRY_AFTER_SECONDS: Final = 2
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A body as it came, decoded, of a sender whose key was good."""

    tenant_id: str
    body: bytes
    idempotency_key: str | None
    received_at: datetime


class Outgoing(Protocol):
    """Where messages go."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when every message is durable; raise BrokerError when that cannot be said of all of them."""
        ...


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes batches in."""

    outgoing: Outgoing
    once: Once
    recent: RecentBatches
    metrics: CollectorMetrics
    embedded: bool
    new_id: Callable[[], UUID]

    async def take(self, arrival: Arrival) -> BatchAnswer:
        """Answer a batch; raise RefusedError where nothing of it is taken."""
        started = perf_counter()
        batch = self._read(arrival)
        key = _one_key(arrival.idempotency_key, batch.idempotency_key)
        _bind_to_log(batch)
        if key is None:
            return await self._queue(arrival, batch, started)

        async def work() -> bytes:
            return (await self._queue(arrival, batch, started)).as_json()

        request = Request(
            arrival.tenant_id, digest(key.encode()), digest(arrival.body), self.new_id(), arrival.received_at
        )
        given = await self.once.answer(request, work)
        if given.original_request_time is None:
            return BatchAnswer.model_validate_json(given.answer)
        self.metrics.replays.inc()
        return answers.replayed(given.answer, given.original_request_time)

    def _read(self, arrival: Arrival) -> ReadBatch:
        try:
            return read_batch(arrival.body, Reader(arrival.tenant_id, self.embedded))
        except EnvelopeError as error:
            raise RefusedError(error.code, error.message, field=error.field) from None

    async def _queue(self, arrival: Arrival, batch: ReadBatch, started: float) -> BatchAnswer:
        """Put what is good into the queue, and say what became of every item once that is durable."""
        items, errors = batch.accepted, batch.errors
        distinct = list({item.raw: item for item in items}.values())
        repeats = len(items) - len(distinct)
        if distinct:
            repeats += await self.recent.repeats(arrival.tenant_id, batch.batch_id, distinct)
            await self._publish(pack(distinct, arrival.tenant_id, arrival.received_at))
            await self.recent.note(arrival.tenant_id, batch.batch_id, distinct)
        self._count(len(items) - repeats, repeats, errors)
        return answers.compose(
            batch.batch_id,
            processed=len(items) - repeats,
            duplicates=repeats,
            errors=errors,
            milliseconds=(perf_counter() - started) * 1000,
        )

    async def _publish(self, messages: Sequence[Message]) -> None:
        try:
            await self.outgoing.publish(messages)
        except BrokerError as error:
            self.metrics.publish_failures.inc()
            _log.error("collector.not_queued", reason=str(error), messages=len(messages))
            raise RefusedError(
                Code.SERVICE_UNAVAILABLE,
                "the batch could not be queued, so nothing of it counts as taken; send it again",
                retry_after=_RETRY_AFTER_SECONDS,
            ) from error

    def _count(self, processed: int, duplicates: int, errors: Sequence[ItemError]) -> None:
        for outcome, count in (("processed", processed), ("duplicate", duplicates), ("failed", len(errors))):
            self.metrics.items.labels(outcome).inc(count)
        for error in errors:
            self.metrics.validation_failures.labels(error.code.value).inc()


def _one_key(in_header: str | None, in_envelope: str | None) -> str | None:
    if in_header is not None and in_envelope is not None and in_header != in_envelope:
        raise RefusedError(
            Code.INVALID_FORMAT, "is another than the header's Idempotency-Key; send one", field="$.idempotency_key"
        )
    return in_header if in_header is not None else in_envelope


def _bind_to_log(batch: ReadBatch) -> None:
    """Have every further line of the request name the batch, and its trace where it is about one."""
    structlog.contextvars.bind_contextvars(batch_id=batch.batch_id)
    traces = {item.record.trace_id for item in batch.accepted}
    if len(traces) == 1:
        structlog.contextvars.bind_contextvars(trace_id=traces.pop())
