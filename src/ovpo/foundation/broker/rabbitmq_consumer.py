# SPDX-License-Identifier: Apache-2.0
"""Consuming a queue from RabbitMQ: deliveries, their answers, and the burial of messages that used up their attempts.

The server counts the attempts. It knows neither a time limit for an answer nor a delayed return: both are kept here,
with the message unanswered meanwhile, so that it comes again at once if this process or its connection ends.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import AMQPError

from ovpo.foundation.broker.burial import Burial, burial_headers
from ovpo.foundation.broker.envelope import MESSAGE_ID
from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError, UnreadableError
from ovpo.foundation.broker.interface import Delivery
from ovpo.foundation.broker.message import Queue, Retries, Stored
from ovpo.foundation.broker.rabbitmq_link import LOST, RETRY_SECONDS, Link
from ovpo.foundation.broker.rabbitmq_pull import Puller
from ovpo.foundation.broker.rabbitmq_wire import (
    Envelope,
    attempt_of,
    dead_of,
    headers_in,
    own_part,
    place_of,
    stored_of,
    tag_of,
    to_one,
    work_of,
)

BURY_SECONDS: Final = 10.0
# Half of the thirty minutes after which the server takes an unanswered message back and closes the channel.
MOST_DELAY: Final = 900.0
MOST_LATE_ANSWERS: Final = 20_000

_log = structlog.get_logger(__name__)
_Copy = tuple[str, int]


@dataclass(slots=True)
class _Taken:
    """A message in our hands; once it is answered, or its time is over, `open` is false."""

    channel: AbstractChannel
    tag: int
    attempt: int
    headers: dict[str, str]
    payload: bytes
    copy: _Copy
    open: bool = True
    limit: asyncio.TimerHandle | None = field(default=None, repr=False)

    def shut(self) -> bool:
        """End it; say whether it was still open."""
        was, self.open = self.open, False
        if self.limit is not None:
            self.limit.cancel()
        return was


@dataclass(frozen=True, slots=True)
class RabbitDelivery:
    """One attempt at one message."""

    stored: Stored
    _taken: _Taken
    _consumer: "RabbitConsumer"

    @property
    def attempt(self) -> int:
        """How many times the message was delivered, this one included."""
        return self._taken.attempt

    async def ack(self) -> None:
        """Finish the message; an answer that comes too late is given when the message comes again."""
        await self._consumer.finish(self._taken)

    async def nak(self, delay: float, reason: str) -> None:
        """Give the message back for another try, or bury it when this was the last."""
        if self.attempt >= self._consumer.most_attempts:
            await self.term(reason)
        else:
            await self._consumer.give_back(self._taken, min(delay, MOST_DELAY))

    async def term(self, reason: str) -> None:
        """Bury the message at once."""
        await self._consumer.bury(self._taken, reason)


class RabbitConsumer:
    """One of the consumers that share a work queue."""

    def __init__(self, link: Link, queue: Queue, name: str, retries: Retries) -> None:
        self.most_attempts = retries.most_attempts
        self._ack_seconds = retries.ack_within.total_seconds()
        self._link = link
        self._queue = queue
        self._name = name
        self._puller = Puller(link, work_of(queue, name))
        self._late: OrderedDict[_Copy, None] = OrderedDict()
        self._errands: set[asyncio.Task[None]] = set()

    async def fetch(self, most: int, wait: float) -> list[Delivery]:
        """Take what is there, up to `most`; wait at most `wait` seconds for the first message."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            channel = await self._puller.open(max(until, loop.time() + RETRY_SECONDS))
            try:
                pulled = await self._puller.pull(channel, most, until)
                sorted_out = [await self._sort_out(channel, raw) for raw in pulled]
            except (AMQPError, *LOST) as lost:
                await self._puller.close()
                if loop.time() + RETRY_SECONDS >= until:
                    raise BrokerUnavailableError(f"RabbitMQ: {work_of(self._queue, self._name)}: {lost}") from None
                await asyncio.sleep(RETRY_SECONDS)
                continue
            deliveries: list[Delivery] = [delivery for delivery in sorted_out if delivery is not None]
            if deliveries or not pulled:
                return deliveries

    async def waiting(self) -> int:
        """Count the messages that nobody holds."""
        work = work_of(self._queue, self._name)
        declared = await self._link.call(lambda channel: channel.queue_declare(work, passive=True))
        return declared.message_count or 0

    async def close(self) -> None:
        """Stop taking; what was delivered and not answered comes again."""
        for errand in self._errands:
            errand.cancel()
        await self._puller.close()

    async def finish(self, taken: _Taken) -> None:
        """Tell the server that a message is done; when it cannot be told any more, remember it for the next time."""
        in_time = taken.shut()
        try:
            if in_time:
                await taken.channel.basic_ack(taken.tag)
                await self._puller.noted(taken.channel)
                return
        except (AMQPError, *LOST) as lost:
            _log.info("answer_postponed", queue=self._queue.name, error=str(lost))
        self._late[taken.copy] = None
        if len(self._late) > MOST_LATE_ANSWERS:
            self._late.popitem(last=False)

    async def give_back(self, taken: _Taken, delay: float) -> None:
        """Have a message come again; one whose channel has ended does so by itself."""
        if not taken.shut():
            return
        if delay > 0:
            self._send(self._return(taken, delay))
        else:
            await self._return(taken, 0)

    async def bury(self, taken: _Taken, reason: str) -> None:
        """Copy a message to the dead letters, then take it out of the queue: meanwhile it is in both, never in none."""
        if taken.limit is not None:
            taken.limit.cancel()
        sequence = place_of(taken.headers) or 0
        burial = Burial(self._name, sequence, taken.attempt, reason, datetime.now(UTC))
        letter = Envelope(burial_headers(own_part(taken.headers), burial), taken.payload)
        await self._link.publish(to_one(dead_of(self._queue)), letter, asyncio.get_running_loop().time() + BURY_SECONDS)
        await self.finish(taken)
        _log.warning("message_buried", queue=self._queue.name, sequence=sequence, attempts=taken.attempt, reason=reason)

    async def _sort_out(self, channel: AbstractChannel, raw: DeliveredMessage) -> RabbitDelivery | None:
        """Make a delivery of a message, or answer it here; one that cannot be buried now comes again."""
        headers = headers_in(raw.header.properties)
        copy = (headers.get(MESSAGE_ID, ""), place_of(headers) or 0)
        taken = _Taken(channel, tag_of(raw), attempt_of(headers), headers, raw.body, copy)
        if copy in self._late:
            del self._late[copy]
            await self.finish(taken)
            return None
        reason = f"no answer in {self.most_attempts} attempts"
        if taken.attempt <= self.most_attempts:
            try:
                delivery = RabbitDelivery(stored_of(headers, raw.body), taken, self)
            except UnreadableError as unreadable:
                reason = str(unreadable)
            else:
                taken.limit = asyncio.get_running_loop().call_later(self._ack_seconds, self._expire, taken)
                return delivery
        try:
            await self.bury(taken, reason)
        except BrokerError as error:
            _log.warning("burial_postponed", queue=self._queue.name, error=str(error))
            await self.give_back(taken, RETRY_SECONDS)
        return None

    def _expire(self, taken: _Taken) -> None:
        if taken.shut():
            self._send(self._return(taken, 0))

    async def _return(self, taken: _Taken, delay: float) -> None:
        if delay > 0:
            await asyncio.sleep(delay)
        try:
            await taken.channel.basic_nack(taken.tag, requeue=True)
            await self._puller.noted(taken.channel)
        except (AMQPError, *LOST) as lost:
            _log.info("returned_by_the_server", queue=self._queue.name, error=str(lost))

    def _send(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
