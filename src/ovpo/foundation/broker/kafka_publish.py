# SPDX-License-Identifier: Apache-2.0
"""Publishing to Kafka: nothing counts as sent before all replicas in step have stored it."""

import asyncio
from collections.abc import Sequence

from ovpo.foundation.broker.envelope import headers_of
from ovpo.foundation.broker.errors import BrokerError, UnconfirmedError
from ovpo.foundation.broker.kafka_link import Link
from ovpo.foundation.broker.kafka_wire import key_of, topic_of
from ovpo.foundation.broker.message import Message, Queue


class KafkaPublisher:
    """The sending side of one queue."""

    def __init__(self, link: Link, queue: Queue) -> None:
        self._link = link
        self._topic = topic_of(queue)
        self._name = queue.name

    async def publish_many(self, messages: Sequence[Message], within: float = 10.0) -> None:
        """Return when every message is durable; else raise `UnconfirmedError`, which names the others."""
        until = asyncio.get_running_loop().time() + within
        outcomes = await asyncio.gather(*(self._publish(message, until) for message in messages))
        failures = {m.message_id: why for m, why in zip(messages, outcomes, strict=True) if why is not None}
        if failures:
            raise UnconfirmedError(self._name, failures)

    async def _publish(self, message: Message, until: float) -> str | None:
        """Publish one; say why when it is not confirmed, so that the fate of the others is still awaited."""
        try:
            key = key_of(message.tenant, message.trace_key)
            fate = await self._link.send(self._topic, key, headers_of(message), message.payload, until)
            await self._link.confirmed(fate, until)
        except BrokerError as error:
            return str(error)
        return None
