# SPDX-License-Identifier: Apache-2.0
"""The dead letters of one queue: a queue of their own that only an operator empties.

RabbitMQ finds no message by its number, so every look goes through all letters, payloads and all: each is taken, looked
at and put back. One process at a time does so; the others wait.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import AMQPError

from ovpo.foundation.broker.burial import DEAD_ID, letter_of, missing, page_of, revival_headers, same
from ovpo.foundation.broker.errors import BrokerUnavailableError
from ovpo.foundation.broker.message import DeadLetter, Queue
from ovpo.foundation.broker.rabbitmq_link import ASK_SECONDS, LOST, Link
from ovpo.foundation.broker.rabbitmq_wire import PLACE, Envelope, dead_of, headers_in, own_part, tag_of, to_everyone

LOOK_SECONDS: Final = 10.0
REPLAY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Pile:
    """The letters of a queue, in our hands."""

    channel: AbstractChannel
    queue: str

    async def letters(self) -> AsyncIterator[tuple[str, DeliveredMessage]]:
        """Take one letter after the other."""
        while True:
            raw = await self.channel.basic_get(self.queue, timeout=ASK_SECONDS)
            if isinstance(raw.delivery, spec.Basic.GetEmpty):
                return
            yield headers_in(raw.header.properties).get(DEAD_ID, ""), raw

    async def burn(self, tags: list[int]) -> None:
        """Forget letters for ever."""
        for tag in tags:
            await self.channel.basic_ack(tag)

    async def put_back(self) -> None:
        """Return what is left; it is back when this returns."""
        await self.channel.basic_nack(0, multiple=True, requeue=True)
        await self.channel.basic_qos(prefetch_count=0, timeout=ASK_SECONDS)


class RabbitDeadLetters:
    """Lists, shows, replays and removes."""

    def __init__(self, link: Link, queue: Queue) -> None:
        self._link = link
        self._queue = queue

    async def page(self, after: str | None, most: int) -> list[DeadLetter]:
        """List the oldest first."""
        async with self._taken() as pile:
            letters = [_read(raw) async for letter_id, raw in pile.letters() if letter_id]
        return page_of(letters, after, most)

    async def inspect(self, letter_id: str) -> DeadLetter:
        """Show one letter."""
        async with self._taken() as pile:
            found = await self._find(pile, letter_id)
        return _read(found[0])

    async def payload(self, letter_id: str) -> bytes:
        """Give the bytes of one letter."""
        async with self._taken() as pile:
            found = await self._find(pile, letter_id)
        return found[0].body

    async def replay(self, letter_id: str) -> None:
        """Put the message back into its queue, then remove the letter."""
        async with self._taken() as pile:
            found = await self._find(pile, letter_id)
            headers = revival_headers(own_part(headers_in(found[0].header.properties)))
            anew = Envelope({**headers, PLACE: str(self._link.place())}, found[0].body)
            until = asyncio.get_running_loop().time() + REPLAY_SECONDS
            await self._link.publish(to_everyone(self._queue), anew, until)
            await pile.burn([tag_of(raw) for raw in found])

    async def remove(self, letter_id: str) -> None:
        """Forget the letter for ever."""
        async with self._taken() as pile:
            await pile.burn([tag_of(raw) for raw in await self._find(pile, letter_id)])

    async def _find(self, pile: _Pile, letter_id: str) -> list[DeliveredMessage]:
        """Find a letter, and the second copy that a broken-off burial may have left."""
        found = [raw async for other, raw in pile.letters() if other and same(other, letter_id)]
        if not found:
            raise missing(self._queue, letter_id)
        return found

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[_Pile]:
        """Have all letters for ourselves; they go back even if we end in the middle, for they were never answered."""
        name = dead_of(self._queue)
        try:
            async with self._link.alone(name, LOOK_SECONDS) as channel:
                pile = _Pile(channel, name)
                try:
                    yield pile
                finally:
                    with suppress(AMQPError, *LOST):
                        await pile.put_back()
        except (AMQPError, *LOST) as lost:
            raise BrokerUnavailableError(f"RabbitMQ: {name}: {lost}") from None


def _read(raw: DeliveredMessage) -> DeadLetter:
    return letter_of(headers_in(raw.header.properties), len(raw.body))
