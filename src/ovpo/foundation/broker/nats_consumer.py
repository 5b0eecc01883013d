# SPDX-License-Identifier: Apache-2.0
"""Consuming a queue from JetStream: deliveries, their answers, and the burial of messages that used up their attempts.

The server is never told a most number of deliveries: it would stop delivering such a message and leave it lying. Here
it is moved to the dead letters, confirmed, before it is taken out of the queue.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import orjson
import structlog
from nats.aio.msg import Msg

from ovpo.foundation.broker.errors import BrokerError, UnreadableError
from ovpo.foundation.broker.interface import Delivery
from ovpo.foundation.broker.message import Queue, Retries, Stored
from ovpo.foundation.broker.nats_link import Link
from ovpo.foundation.broker.nats_publish import publish
from ovpo.foundation.broker.nats_pull import Puller
from ovpo.foundation.broker.nats_wire import (
    Receipt,
    burial_headers,
    dead_subject_of,
    receipt_of,
    stored_of,
)

BURY_SECONDS: Final = 10.0
_ACK: Final = b"+ACK"
_TERM: Final = b"+TERM"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Whose deliveries these are."""

    link: Link
    queue: Queue
    consumer: str
    most_attempts: int


@dataclass(frozen=True, slots=True)
class NatsDelivery:
    """One attempt at one message."""

    stored: Stored
    _raw: Msg
    _receipt: Receipt
    _origin: _Origin

    @property
    def attempt(self) -> int:
        """How many times the message was delivered, this one included."""
        return self._receipt.attempt

    async def ack(self) -> None:
        """Finish the message; returns when the server has noted it."""
        await self._origin.link.ask(self._raw.reply, _ACK)

    async def nak(self, delay: float, reason: str) -> None:
        """Give the message back for another try, or bury it when this was the last."""
        if self.attempt >= self._origin.most_attempts:
            await self.term(reason)
            return
        answer = b"-NAK " + orjson.dumps({"delay": int(delay * 1_000_000_000)})
        await self._origin.link.ask(self._raw.reply, answer)

    async def term(self, reason: str) -> None:
        """Bury the message at once."""
        await _bury(self._origin, self._raw, self._receipt, reason)


class NatsConsumer:
    """One of the consumers that share a durable name."""

    def __init__(self, link: Link, queue: Queue, name: str, retries: Retries, puller: Puller) -> None:
        self._origin = _Origin(link, queue, name, retries.most_attempts)
        self._puller = puller

    async def fetch(self, most: int, wait: float) -> list[Delivery]:
        """Take what is there, up to `most`; wait at most `wait` seconds for the first message."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            pulled = await self._puller.pull(most, max(until - loop.time(), 0))
            sorted_out = await asyncio.gather(*map(self._sort_out, pulled))
            deliveries: list[Delivery] = [delivery for delivery in sorted_out if delivery is not None]
            if deliveries or not pulled:
                return deliveries

    async def waiting(self) -> int:
        """Count the messages that were not delivered yet."""
        return await self._puller.pending()

    async def close(self) -> None:
        """Stop taking; what was delivered and not answered comes again."""
        await self._puller.close()

    async def _sort_out(self, raw: Msg) -> NatsDelivery | None:
        """Make a delivery of a message, or bury it; one that cannot be buried now stays where it is and comes again."""
        receipt = receipt_of(raw.reply)
        reason = f"no answer in {self._origin.most_attempts} attempts"
        if receipt.attempt <= self._origin.most_attempts:
            try:
                return NatsDelivery(stored_of(raw.subject, raw.headers, raw.data, receipt), raw, receipt, self._origin)
            except UnreadableError as unreadable:
                reason = str(unreadable)
        try:
            await _bury(self._origin, raw, receipt, reason)
        except BrokerError as error:
            _log.warning("burial_postponed", sequence=receipt.sequence, error=str(error))
        return None


async def _bury(origin: _Origin, raw: Msg, receipt: Receipt, reason: str) -> None:
    """Copy a message to the dead letters, then take it out of the queue: in between it is in both, never in none."""
    headers = burial_headers(raw.subject, raw.headers, receipt, origin.consumer, reason)
    await publish(origin.link, dead_subject_of(origin.queue), raw.data, headers, BURY_SECONDS)
    await origin.link.ask(raw.reply, _TERM)
    _log.warning(
        "message_buried", queue=origin.queue.name, sequence=receipt.sequence, attempts=receipt.attempt, reason=reason
    )
