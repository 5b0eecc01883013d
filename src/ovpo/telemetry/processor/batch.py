# SPDX-License-Identifier: Apache-2.0
"""What becomes of the messages of one fetch: all written together where that goes, else by halves.

So a message that can never be written stands alone, becomes a dead letter, and holds nothing up.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from ovpo.foundation.broker.errors import BrokerError, UnreadableError
from ovpo.foundation.broker.interface import Delivery
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry.processor.faults import ItemRefusedError, backend_of
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import FrameLine, Portion, SpanRecord, TraceRecord, read, together
from ovpo.telemetry.processor.writing import Stores

FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 15.0
LONGEST_PUT_OFF_SECONDS: Final = 300.0
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Readable:
    """A delivery and what it holds."""

    delivery: Delivery
    portion: Portion


@dataclass(frozen=True, slots=True)
class Batches:
    """Writes what was fetched and answers every delivery."""

    stores: Stores
    metrics: ProcessorMetrics
    stopping: asyncio.Event

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Return when every delivery is answered: written, buried, put off, or given back because of a stop."""
        for delivery in deliveries:
            if delivery.attempt > 1:
                self.metrics.redelivered.inc()
        readable: list[Readable] = []
        for delivery in deliveries:
            try:
                readable.append(Readable(delivery, read(delivery.stored.message.payload)))
            except UnreadableError as error:
                await self._bury(delivery, str(error))
        await self._write(readable)

    async def _write(self, batch: Sequence[Readable]) -> None:
        if not batch:
            return
        try:
            written = await self._written(together(one.portion for one in batch))
        except ItemRefusedError as error:
            self.metrics.write_errors.labels(error.backend).inc()
            if len(batch) == 1:
                await self._bury(batch[0].delivery, str(error))
            else:
                await self._write_halves(batch)
        except Exception as error:  # noqa: BLE001 - a fault of ours, which must not hold up what others sent
            if len(batch) == 1:
                await self._put_off(batch[0].delivery, error)
            else:
                await self._write_halves(batch)
        else:
            if written:
                await asyncio.gather(*(self._answered(one.delivery.ack(), one.delivery) for one in batch))
                self._note_lag(batch)
            else:
                stops = "its processor stops"
                await asyncio.gather(*(self._answered(one.delivery.nak(0.0, stops), one.delivery) for one in batch))

    async def _write_halves(self, batch: Sequence[Readable]) -> None:
        middle = len(batch) // 2
        await self._write(batch[:middle])
        await self._write(batch[middle:])

    async def _written(self, portion: Portion) -> bool:
        """Write for as long as it takes: a store that is away keeps the messages in the queue, not in memory."""
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                await asyncio.to_thread(self.stores.write, portion)
            except StoreUnavailableError as error:
                self.metrics.write_errors.labels(backend_of(error)).inc()
                _log.warning("processor.store_away", reason=str(error), items=len(portion), again_in_seconds=wait)
                if await self._stopped_within(wait):
                    return False
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            else:
                return True

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _put_off(self, delivery: Delivery, error: Exception) -> None:
        """Have a message come again later, the later the more often it came; the queue buries it at last."""
        message, wait = delivery.stored.message, min(2.0**delivery.attempt, LONGEST_PUT_OFF_SECONDS)
        self.metrics.faults.inc()
        _log.error(
            "processor.put_off",
            message_id=message.message_id,
            tenant_id=message.tenant,
            again_in_seconds=wait,
            exc_info=error,
        )
        await self._answered(delivery.nak(wait, f"fault of the processor: {type(error).__name__}"), delivery)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        message = delivery.stored.message
        _log.error("processor.gave_up", message_id=message.message_id, tenant_id=message.tenant, reason=reason)
        if await self._answered(delivery.term(reason), delivery):
            self.metrics.dead.inc()

    async def _answered(self, answer: Awaitable[None], delivery: Delivery) -> bool:
        """Answer a delivery; where the broker does not hear it, the message comes again and changes nothing."""
        try:
            await answer
        except BrokerError as error:
            message_id = delivery.stored.message.message_id
            _log.warning("processor.answer_not_heard", message_id=message_id, reason=str(error))
            return False
        return True

    def _note_lag(self, batch: Sequence[Readable]) -> None:
        now = datetime.now(UTC)
        for one in batch:
            portion = one.portion
            items: list[TraceRecord | SpanRecord | FrameLine] = [
                *portion.traces[:1],
                *portion.spans[:1],
                *portion.frames[:1],
            ]
            for first in items[:1]:
                self.metrics.lag.observe(max((now - first.received_at).total_seconds(), 0.0))
