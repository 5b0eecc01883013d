# SPDX-License-Identifier: Apache-2.0
"""Kafka as a broker: the topics behind a queue, and the ways into them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.capability import Capability
from ovpo.foundation.broker.kafka_consumer import KafkaConsumer
from ovpo.foundation.broker.kafka_letters import KafkaDeadLetters
from ovpo.foundation.broker.kafka_link import ASK_SECONDS, Link, ask
from ovpo.foundation.broker.kafka_member import Member
from ovpo.foundation.broker.kafka_publish import KafkaPublisher
from ovpo.foundation.broker.kafka_read import read
from ovpo.foundation.broker.kafka_wire import (
    PARTITIONS,
    dead_of,
    dead_settings,
    group_of,
    topic_of,
    topic_settings,
)
from ovpo.foundation.broker.message import FromSequence, FromTime, Queue, Retries, Stored, consumer_name

READY_SECONDS: Final = 3.0


class KafkaBroker:
    """A connection to a Kafka cluster, 2.4 or newer."""

    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, link: Link, replicas: int) -> None:
        self._link = link
        self._replicas = replicas
        self._members: list[Member] = []

    @classmethod
    async def open(cls, servers: Sequence[str], login: Login, replicas: int, within: float = 5.0) -> "KafkaBroker":
        """Connect and look whether the cluster answers."""
        link = Link(servers, login)
        try:
            await link.metadata(within)
        except BaseException:
            await link.close()
            raise
        return cls(link, replicas)

    async def ensure(self, queue: Queue) -> None:
        """Make the topics that are not there; those that are keep their settings, which are the operator's."""
        there = (await self._link.metadata(ASK_SECONDS)).topics
        wanted = [
            NewTopic(topic_of(queue), PARTITIONS, self._replicas, config=topic_settings(self._replicas)),
            NewTopic(dead_of(queue), 1, self._replicas, config=dead_settings(self._replicas)),
        ]
        for topic in wanted:
            if topic.topic not in there:
                await ask(partial(self._make, topic), ASK_SECONDS)

    def publisher(self, queue: Queue) -> KafkaPublisher:
        """Open the sending side of a queue."""
        return KafkaPublisher(self._link, queue)

    async def consumer(self, queue: Queue, name: str, retries: Retries) -> KafkaConsumer:
        """Open the receiving side of a queue for the group of consumers called `name`."""
        member = Member(self._link, topic_of(queue), group_of(queue, consumer_name(name)))
        self._members.append(member)
        await member.join()
        return KafkaConsumer(self._link, queue, name, retries, member)

    def dead_letters(self, queue: Queue) -> KafkaDeadLetters:
        """Open the dead letters of a queue."""
        return KafkaDeadLetters(self._link, queue)

    def read(self, queue: Queue, start: FromSequence | FromTime) -> AsyncIterator[Stored]:
        """Read again what the queue holds, from `start` to its present end."""
        return read(self._link, queue, start)

    async def forget(self, queue: Queue, before: datetime) -> int:  # noqa: ARG002
        """Free nothing: a topic's messages go by age."""
        return 0

    async def ready(self) -> None:
        """Ask the cluster what it is made of."""
        await self._link.metadata(READY_SECONDS)

    async def close(self) -> None:
        """End the connection; every consumer leaves its group."""
        await asyncio.gather(*(member.close() for member in self._members))
        await self._link.close()

    def _make(self, topic: NewTopic) -> None:
        [made] = self._link.admin.create_topics([topic], request_timeout=ASK_SECONDS).values()
        try:
            made.result(ASK_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
