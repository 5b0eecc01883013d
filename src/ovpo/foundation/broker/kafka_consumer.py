# SPDX-License-Identifier: Apache-2.0
"""Consuming a queue from Kafka: deliveries, their answers, and the burial of messages that used up their attempts.

Kafka knows neither attempts nor the answer to a single message. Both are kept here per partition, and written beside
the group's offset before a message is handed out and before an answer returns. A message that was given back waits
here, and its partition's offset with it, while the messages behind it go on.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from ovpo.foundation.broker.burial import DEAD_ID, Burial, burial_headers
from ovpo.foundation.broker.errors import BrokerError, UnreadableError
from ovpo.foundation.broker.interface import Delivery
from ovpo.foundation.broker.kafka_link import Link
from ovpo.foundation.broker.kafka_member import Member, Raw
from ovpo.foundation.broker.kafka_wire import dead_of, sequence_of, stored_of
from ovpo.foundation.broker.message import MAX_FETCH_BYTES, Queue, Retries, Stored

ANSWER_SECONDS: Final = 10.0
BURY_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Taken:
    """A message in our hands; once it is answered, or its time is over, `open` is false."""

    raw: Raw
    attempt: int
    open: bool = True
    limit: asyncio.TimerHandle | None = field(default=None, repr=False)

    def shut(self) -> bool:
        """End it; say whether it was still open."""
        was, self.open = self.open, False
        if self.limit is not None:
            self.limit.cancel()
        return was


@dataclass(frozen=True, slots=True)
class KafkaDelivery:
    """One attempt at one message."""

    stored: Stored
    _taken: _Taken
    _consumer: "KafkaConsumer"

    @property
    def attempt(self) -> int:
        """How many times the message was delivered, this one included."""
        return self._taken.attempt

    async def ack(self) -> None:
        """Finish the message; when its partition went to another consumer meanwhile, it comes again there."""
        await self._consumer.finish(self._taken)

    async def nak(self, delay: float, reason: str) -> None:
        """Give the message back for another try, or bury it when this was the last."""
        if self.attempt >= self._consumer.most_attempts:
            await self.term(reason)
        else:
            self._consumer.give_back(self._taken, delay)

    async def term(self, reason: str) -> None:
        """Bury the message at once."""
        await self._consumer.bury(self._taken, reason)


class KafkaConsumer:
    """One of the consumers that share a group."""

    def __init__(self, link: Link, queue: Queue, name: str, retries: Retries, member: Member) -> None:
        self.most_attempts = retries.most_attempts
        self._ack_seconds = retries.ack_within.total_seconds()
        self._link = link
        self._queue = queue
        self._name = name
        self._member = member
        self._returned: deque[Raw] = deque()

    async def fetch(self, most: int, wait: float) -> list[Delivery]:
        """Take what is there, up to `most`; wait at most `wait` seconds for the first message."""
        until = asyncio.get_running_loop().time() + wait
        while True:
            raws = self._take(most)
            sorted_out = [await self._sort_out(taken) for taken in await self._counted(raws)]
            deliveries: list[Delivery] = [delivery for delivery in sorted_out if delivery is not None]
            if deliveries or (not raws and not await self._member.arrived(until)):
                return deliveries

    async def waiting(self) -> None:
        """Say nothing: Kafka counts offsets, and a finished message above a gap is one too."""

    async def close(self) -> None:
        """Stop taking; what was delivered and not answered comes again."""
        await self._member.close()

    async def finish(self, taken: _Taken) -> None:
        """Note that a message is done; an answer that comes too late still counts while the partition is ours."""
        taken.shut()
        if self._member.finish(taken.raw):
            await self._member.note(ANSWER_SECONDS)
        else:
            _log.info("answer_postponed", queue=self._queue.name, partition=taken.raw.partition)

    def give_back(self, taken: _Taken, delay: float) -> None:
        """Have a message come again after a while."""
        if taken.shut():
            asyncio.get_running_loop().call_later(delay, self._again, taken.raw)

    async def bury(self, taken: _Taken, reason: str) -> None:
        """Copy a message to the dead letters, then finish it: in between it is in both, never in none."""
        taken.shut()
        raw = taken.raw
        sequence = sequence_of(raw.partition, raw.offset)
        headers = burial_headers(raw.headers, Burial(self._name, sequence, taken.attempt, reason, datetime.now(UTC)))
        await self._link.publish(
            dead_of(self._queue), headers[DEAD_ID].encode(), headers, raw.payload, within=BURY_SECONDS
        )
        await self.finish(taken)
        _log.warning("message_buried", queue=self._queue.name, sequence=sequence, attempts=taken.attempt, reason=reason)

    def _take(self, most: int) -> list[Raw]:
        """Take first what came back, then what is new, up to a number and a size."""
        taken: list[Raw] = []
        size = 0
        for shelf in (self._returned, self._member.shelf):
            while shelf and len(taken) < most and (not taken or size + len(shelf[0].payload) <= MAX_FETCH_BYTES):
                raw = shelf.popleft()
                if raw.settled:
                    continue
                taken.append(raw)
                size += len(raw.payload)
        return taken

    async def _counted(self, raws: list[Raw]) -> list[_Taken]:
        """Note a try of each message that is ours before it is made; when that cannot be noted, none is made."""
        attempts = self._member.attempt(raws)
        try:
            if any(attempts):
                await self._member.note(ANSWER_SECONDS)
        except BaseException:
            self._member.retract(raws)
            self._returned.extendleft(reversed(raws))
            raise
        return [_Taken(raw, attempt) for raw, attempt in zip(raws, attempts, strict=True) if attempt]

    async def _sort_out(self, taken: _Taken) -> KafkaDelivery | None:
        """Make a delivery of a message, or bury it; one that cannot be buried now comes again."""
        raw = taken.raw
        reason = f"no answer in {self.most_attempts} attempts"
        if taken.attempt <= self.most_attempts:
            try:
                stored = stored_of(raw.headers, raw.payload, (raw.partition, raw.offset), raw.milliseconds)
            except UnreadableError as unreadable:
                reason = str(unreadable)
            else:
                taken.limit = asyncio.get_running_loop().call_later(self._ack_seconds, self.give_back, taken, 0.0)
                return KafkaDelivery(stored, taken, self)
        try:
            await self.bury(taken, reason)
        except BrokerError as error:
            _log.warning("burial_postponed", queue=self._queue.name, error=str(error))
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._again, raw)
        return None

    def _again(self, raw: Raw) -> None:
        self._returned.append(raw)
        self._member.wake()
