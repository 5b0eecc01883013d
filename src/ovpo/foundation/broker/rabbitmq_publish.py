# SPDX-License-Identifier: Apache-2.0
"""Publishing to RabbitMQ: nothing counts as sent before the server said that it is stored."""

import asyncio
from collections.abc import Sequence

from ovpo.foundation.broker.errors import BrokerError, UnconfirmedError
from ovpo.foundation.broker.message import Message, Queue
from ovpo.foundation.broker.rabbitmq_link import Link
from ovpo.foundation.broker.rabbitmq_wire import Envelope, envelope_of, to_everyone


class RabbitPublisher:
    """The sending side of one queue."""

    def __init__(self, link: Link, queue: Queue) -> None:
        self._link = link
        self._route = to_everyone(queue)
        self._name = queue.name

    async def publish_many(self, messages: Sequence[Message], within: float = 10.0) -> None:
        """Return when every message is durable; else raise `UnconfirmedError`, which names the others.

        A message that is sent again because its confirmation was lost may lie in the queue twice, in one place.
        """
        until = asyncio.get_running_loop().time() + within
        envelopes = [envelope_of(message, self._link.place()) for message in messages]
        outcomes = await asyncio.gather(*(self._publish(envelope, until) for envelope in envelopes))
        failures = {m.message_id: why for m, why in zip(messages, outcomes, strict=True) if why is not None}
        if failures:
            raise UnconfirmedError(self._name, failures)

    async def _publish(self, envelope: Envelope, until: float) -> str | None:
        """Publish one; say why when it is not confirmed, so that the fate of the others is still awaited."""
        try:
            await self._link.publish(self._route, envelope, until)
        except BrokerError as error:
            return str(error)
        return None
