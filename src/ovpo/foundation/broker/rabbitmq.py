# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ as a broker: the exchange, log and queues behind a queue, and the ways into them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Final

from aiormq.abc import AbstractChannel

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.capability import Capability
from ovpo.foundation.broker.message import (
    MAX_PAYLOAD_BYTES,
    FromSequence,
    FromTime,
    Queue,
    Retries,
    Stored,
    consumer_name,
)
from ovpo.foundation.broker.rabbitmq_consumer import RabbitConsumer
from ovpo.foundation.broker.rabbitmq_letters import RabbitDeadLetters
from ovpo.foundation.broker.rabbitmq_link import Link, NotThereError
from ovpo.foundation.broker.rabbitmq_log import read, walk
from ovpo.foundation.broker.rabbitmq_publish import RabbitPublisher
from ovpo.foundation.broker.rabbitmq_wire import (
    SETTLED,
    Envelope,
    dead_arguments,
    dead_of,
    exchange_of,
    filled_of,
    log_arguments,
    log_of,
    to_one,
    work_arguments,
    work_of,
)

READY_SECONDS: Final = 3.0
FILL_SECONDS: Final = 600.0
FILL_MESSAGES: Final = 256
COPY_SECONDS: Final = 10.0
# Release 3.10 writes the names of new quorum queues and of the streams' coordinator to disk up to a second late: killed
# before, it knows them no more. Besides, a message that was under way when a queue was bound is in the log by then.
SETTLE_SECONDS: Final = 1.2


class RabbitBroker:
    """A connection to a RabbitMQ server or cluster, 3.10 or newer."""

    capabilities = frozenset({Capability.SHARING, Capability.COUNTING})

    def __init__(self, link: Link, replicas: int) -> None:
        self._link = link
        self._replicas = replicas

    @classmethod
    async def open(
        cls, servers: Sequence[str], virtual_host: str, login: Login, replicas: int, within: float = 5.0
    ) -> "RabbitBroker":
        """Connect."""
        return cls(await Link.open(servers, virtual_host, login, within), replicas)

    async def ensure(self, queue: Queue) -> None:
        """Make the exchange, the log and the queue of dead letters; what exists with other arguments is refused."""

        async def declare(channel: AbstractChannel) -> None:
            await channel.exchange_declare(exchange_of(queue), exchange_type="fanout", durable=True)
            await channel.queue_declare(log_of(queue), durable=True, arguments=log_arguments(self._replicas))
            await channel.queue_bind(log_of(queue), exchange_of(queue))
            await channel.queue_declare(dead_of(queue), durable=True, arguments=dead_arguments(self._replicas))

        await self._link.call(declare)
        if not await self._exists(SETTLED):
            await asyncio.sleep(SETTLE_SECONDS)
            await self._flag(SETTLED)

    def publisher(self, queue: Queue) -> RabbitPublisher:
        """Open the sending side of a queue."""
        return RabbitPublisher(self._link, queue)

    async def consumer(self, queue: Queue, name: str, retries: Retries) -> RabbitConsumer:
        """Open the receiving side of a queue for the group of consumers called `name`.

        The first of a name makes its work queue and fills it from the log; the others wait until that is done.
        """
        filled = filled_of(queue, consumer_name(name))
        if not await self._exists(filled):
            async with self._link.alone(work_of(queue, name), FILL_SECONDS):
                if not await self._exists(filled):
                    await self._fill(queue, name)
        return RabbitConsumer(self._link, queue, name, retries)

    def dead_letters(self, queue: Queue) -> RabbitDeadLetters:
        """Open the dead letters of a queue."""
        return RabbitDeadLetters(self._link, queue)

    def read(self, queue: Queue, start: FromSequence | FromTime) -> AsyncIterator[Stored]:
        """Read again what the queue's log holds, from `start` to its present end."""
        return read(self._link, queue, start)

    async def forget(self, queue: Queue, before: datetime) -> int:  # noqa: ARG002
        """Free nothing: the log goes by age, and a work queue holds only what is not finished."""
        return 0

    async def ready(self) -> None:
        """Open a channel, which a server that is starting or stopping does not give."""
        await self._link.call(_nothing, READY_SECONDS)

    async def close(self) -> None:
        """End the connection."""
        await self._link.close()

    async def _fill(self, queue: Queue, name: str) -> None:
        """Bind the work queue, then give it what the log holds: what came in between comes twice rather than never."""
        work = work_of(queue, name)

        async def bind(channel: AbstractChannel) -> None:
            await channel.queue_declare(work, durable=True, arguments=work_arguments(self._replicas))
            await channel.queue_bind(work, exchange_of(queue))

        await self._link.call(bind)
        await asyncio.sleep(SETTLE_SECONDS)
        batch: list[Envelope] = []
        async with aclosing(walk(self._link, queue, 0)) as log:
            async for envelope in log:
                batch.append(envelope)
                if len(batch) == FILL_MESSAGES or sum(len(one.payload) for one in batch) > MAX_PAYLOAD_BYTES:
                    await self._copy(batch, work)
                    batch = []
        await self._copy(batch, work)
        await self._flag(filled_of(queue, name))

    async def _copy(self, batch: list[Envelope], work: str) -> None:
        until = asyncio.get_running_loop().time() + COPY_SECONDS
        await asyncio.gather(*(self._link.publish(to_one(work), envelope, until) for envelope in batch))

    async def _exists(self, flag: str) -> bool:
        async def look(channel: AbstractChannel) -> None:
            await channel.exchange_declare(flag, passive=True)

        try:
            await self._link.call(look)
        except NotThereError:
            return False
        return True

    async def _flag(self, flag: str) -> None:
        """Note something for ever: an exchange that nobody sends to is the least thing that lasts."""

        async def note(channel: AbstractChannel) -> None:
            await channel.exchange_declare(flag, exchange_type="fanout", durable=True)

        await self._link.call(note)


async def _nothing(channel: AbstractChannel) -> None:
    """Ask no more than that the channel opens."""
