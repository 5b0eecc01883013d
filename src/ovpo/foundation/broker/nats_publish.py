# SPDX-License-Identifier: Apache-2.0
"""Publishing to JetStream: nothing counts as sent before the server said that it is stored."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError, UnconfirmedError
from ovpo.foundation.broker.message import Message, Queue
from ovpo.foundation.broker.nats_link import RETRY_SECONDS, ApiError, Link
from ovpo.foundation.broker.nats_wire import headers_of, subject_of


class NatsPublisher:
    """The sending side of one queue."""

    def __init__(self, link: Link, queue: Queue) -> None:
        self._link = link
        self._queue = queue

    async def publish_many(self, messages: Sequence[Message], within: float = 10.0) -> None:
        """Return when every message is durable; else raise `UnconfirmedError`, which names the others."""
        outcomes = await asyncio.gather(*(self._publish(message, within) for message in messages))
        failures = {m.message_id: why for m, why in zip(messages, outcomes, strict=True) if why is not None}
        if failures:
            raise UnconfirmedError(self._queue.name, failures)

    async def _publish(self, message: Message, within: float) -> str | None:
        """Publish one; say why when it is not confirmed, so that the fate of the others is still awaited."""
        subject, headers = subject_of(self._queue, message), headers_of(self._queue, message)
        try:
            await publish(self._link, subject, message.payload, headers, within)
        except BrokerError as error:
            return str(error)
        return None


async def publish(link: Link, subject: str, payload: bytes, headers: dict[str, str], within: float) -> None:
    """Store one message; its deduplication id makes it safe to send again when the answer was lost."""
    until = asyncio.get_running_loop().time() + within
    while True:
        left = max(until - asyncio.get_running_loop().time(), RETRY_SECONDS)
        answer: dict[str, Any] = orjson.loads((await link.ask(subject, payload, headers=headers, within=left)).data)
        if "error" not in answer:
            return
        refusal = ApiError(answer["error"])
        if not refusal.transient:
            raise refusal
        if asyncio.get_running_loop().time() + RETRY_SECONDS >= until:
            raise BrokerUnavailableError(str(refusal))
        await asyncio.sleep(RETRY_SECONDS)
