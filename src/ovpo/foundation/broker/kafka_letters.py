# SPDX-License-Identifier: Apache-2.0
"""The dead letters of one queue: a compacted topic. What was removed is an empty message under the letter's key.

Kafka finds no message by its key, so every look goes through the whole topic, payloads and all.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from ovpo.foundation.broker.burial import DEAD_ID, letter_of, missing, page_of, revival_headers, same
from ovpo.foundation.broker.envelope import TENANT, TRACE
from ovpo.foundation.broker.kafka_link import Link
from ovpo.foundation.broker.kafka_read import passage
from ovpo.foundation.broker.kafka_wire import dead_of, headers_in, key_of, payload_in, topic_of
from ovpo.foundation.broker.message import DeadLetter, FromSequence, Queue

WRITE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Letter:
    headers: dict[str, str]
    payload: bytes


class KafkaDeadLetters:
    """Lists, shows, replays and removes."""

    def __init__(self, link: Link, queue: Queue) -> None:
        self._link = link
        self._queue = queue

    async def page(self, after: str | None, most: int) -> list[DeadLetter]:
        """List the oldest first."""
        there: dict[str, DeadLetter] = {}
        async for letter_id, letter in self._letters():
            if letter is None:
                there.pop(letter_id, None)
            else:
                there[letter_id] = letter_of(letter.headers, len(letter.payload))
        return page_of(there.values(), after, most)

    async def inspect(self, letter_id: str) -> DeadLetter:
        """Show one letter."""
        letter = next(iter((await self._find(letter_id)).values()))
        return letter_of(letter.headers, len(letter.payload))

    async def payload(self, letter_id: str) -> bytes:
        """Give the bytes of one letter."""
        return next(iter((await self._find(letter_id)).values())).payload

    async def replay(self, letter_id: str) -> None:
        """Put the message back into its queue, then remove the letter."""
        found = await self._find(letter_id)
        letter = next(iter(found.values()))
        headers = revival_headers(letter.headers)
        key = key_of(headers.get(TENANT, ""), headers.get(TRACE, ""))
        await self._link.publish(topic_of(self._queue), key, headers, letter.payload, WRITE_SECONDS)
        await self._forget(found)

    async def remove(self, letter_id: str) -> None:
        """Forget the letter for ever."""
        await self._forget(await self._find(letter_id))

    async def _forget(self, letters: dict[str, _Letter]) -> None:
        for letter_id in letters:
            await self._link.publish(dead_of(self._queue), letter_id.encode(), {}, None, WRITE_SECONDS)

    async def _find(self, letter_id: str) -> dict[str, _Letter]:
        """Find a letter, and the second copy that a broken-off burial may have left."""
        found: dict[str, _Letter] = {}
        async for other, letter in self._letters():
            if same(other, letter_id):
                if letter is None:
                    found.pop(other, None)
                else:
                    found[other] = letter
        if not found:
            raise missing(self._queue, letter_id)
        return found

    async def _letters(self) -> AsyncIterator[tuple[str, _Letter | None]]:
        async with aclosing(passage(self._link, dead_of(self._queue), FromSequence(0))) as messages:
            async for raw in messages:
                headers = headers_in(raw.headers())
                if DEAD_ID in headers:
                    yield headers[DEAD_ID], _Letter(headers, payload_in(raw.value()))
                else:
                    yield payload_in(raw.key()).decode(), None
