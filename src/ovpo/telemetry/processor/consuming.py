# SPDX-License-Identifier: Apache-2.0
"""Out of the queue and into the batches, again and again, opened anew after whatever goes wrong.

Paced, so that an insert has thousands of rows; one fetch ahead, so that memory is bounded however long the queue is.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Final

import structlog
from prometheus_client import Gauge

from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.broker.interface import Broker, Consumer, Delivery
from ovpo.foundation.broker.message import Retries
from ovpo.foundation.settings import tree
from ovpo.telemetry.processor.batch import Batches
from ovpo.telemetry.queue import QUEUE

NAME: Final = "processor"
MOST_MESSAGES: Final = 256
FETCH_SECONDS: Final = 1.0
PACE_SECONDS: Final = 0.5
REOPEN_SECONDS: Final = 1.0
FORGET_SECONDS: Final = 60.0
COUNT_SECONDS: Final = 5.0
# A message that its store refuses is buried at once. What is left to attempts is one that ends its processor each
# time, and they must outlast processors that are ended for other reasons.
RETRIES: Final = Retries(most_attempts=100, ack_within=timedelta(seconds=60))
_log: Final = structlog.stdlib.get_logger(__name__)


class Consuming:
    """The processor's end of the queue."""

    def __init__(self, settings: tree.Broker, batches: Batches, queue_depth: Gauge, stopping: asyncio.Event) -> None:
        self._settings = settings
        self._batches = batches
        self._queue_depth = queue_depth
        self._stopping = stopping
        self._broker: Broker | None = None

    async def run(self) -> None:
        """Consume until told to stop."""
        while not self._stopping.is_set():
            try:
                await self._consume()
            except BrokerError as error:
                _log.warning("processor.broker_away", reason=str(error), again_in_seconds=REOPEN_SECONDS)
            except Exception:  # noqa: BLE001 - whatever it is, the next try may do
                _log.exception("processor.consuming_failed", again_in_seconds=REOPEN_SECONDS)
            finally:
                await self._close()
            await self._wait(REOPEN_SECONDS)

    async def ready(self) -> None:
        """Ask the broker whether it can serve; raise BrokerError when it cannot or nothing is consumed now."""
        if self._broker is None:
            raise BrokerError("the queue is not open")
        await self._broker.ready()

    async def _consume(self) -> None:
        self._broker = broker = await open_broker(self._settings)
        await broker.ensure(QUEUE)
        consumer = await broker.consumer(QUEUE, NAME, RETRIES)
        _log.info("processor.consuming", queue=QUEUE.name)
        beside = [
            asyncio.create_task(self._forget(broker), name="forget what is processed"),
            asyncio.create_task(self._count(consumer), name="count what waits"),
        ]
        ahead = asyncio.create_task(consumer.fetch(MOST_MESSAGES, FETCH_SECONDS))
        try:
            while not self._stopping.is_set():
                begun = asyncio.get_running_loop().time()
                fetched = await ahead
                ahead = asyncio.create_task(consumer.fetch(MOST_MESSAGES, FETCH_SECONDS))
                await self._batches.settle(fetched)
                if fetched and len(fetched) < MOST_MESSAGES:
                    await self._wait(begun + PACE_SECONDS - asyncio.get_running_loop().time())
        finally:
            for task in beside:
                task.cancel()
            await _give_back(ahead)
            await _close(consumer)

    async def _forget(self, broker: Broker) -> None:
        """Free the room of what is processed, for as long as the queue is open."""
        while True:
            await asyncio.sleep(FORGET_SECONDS)
            try:
                _log.info("processor.queue_freed", messages=await broker.forget(QUEUE, datetime.now(UTC)))
            except BrokerError as error:
                _log.warning("processor.queue_not_freed", reason=str(error))

    async def _count(self, consumer: Consumer) -> None:
        """Tell how many messages wait, where the broker knows, for as long as the queue is open."""
        while (waiting := await self._asked(consumer)) is not None:
            self._queue_depth.set(waiting)
            await asyncio.sleep(COUNT_SECONDS)

    async def _asked(self, consumer: Consumer) -> float | None:
        try:
            return await consumer.waiting()
        except BrokerError:
            return nan

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except TimeoutError:
                return

    async def _close(self) -> None:
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.close()


async def _give_back(ahead: "asyncio.Task[list[Delivery]]") -> None:
    """Give back what was fetched ahead, so that another processor has it at once and not after a minute."""
    fetched: Sequence[Delivery] = ()
    try:
        fetched = await ahead
        await asyncio.gather(*(delivery.nak(0.0, "its processor stops") for delivery in fetched))
    except BrokerError as error:
        _log.warning("processor.not_given_back", messages=len(fetched), reason=str(error))


async def _close(consumer: Consumer) -> None:
    try:
        await consumer.close()
    except BrokerError as error:
        _log.warning("processor.consumer_not_closed", reason=str(error))
