# SPDX-License-Identifier: Apache-2.0
"""NATS JetStream as a broker: the streams behind a queue, and the ways into them."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from nats.js.api import ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.capability import Capability
from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.broker.message import (
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    FromSequence,
    FromTime,
    Queue,
    Retries,
    Stored,
    consumer_name,
)
from ovpo.foundation.broker.nats_consumer import NatsConsumer
from ovpo.foundation.broker.nats_letters import NatsDeadLetters
from ovpo.foundation.broker.nats_link import ApiError, Link
from ovpo.foundation.broker.nats_publish import NatsPublisher
from ovpo.foundation.broker.nats_pull import Puller
from ovpo.foundation.broker.nats_read import read, starting
from ovpo.foundation.broker.nats_wire import dead_stream_of, dead_subject_of, stream_of, subjects_of

SERVER_MAX_PAYLOAD: Final = MAX_PAYLOAD_BYTES + 2 * MAX_HEADER_BYTES
READY_SECONDS: Final = 3.0
MOST_UNACKNOWLEDGED: Final = 20_000
_STREAM_EXISTS_OTHERWISE: Final = 10_058


class NatsBroker:
    """A connection to a NATS server or cluster with JetStream."""

    capabilities = frozenset(Capability)

    def __init__(self, link: Link, replicas: int) -> None:
        self._link = link
        self._replicas = replicas

    @classmethod
    async def open(cls, servers: Sequence[str], login: Login, replicas: int, within: float = 5.0) -> "NatsBroker":
        """Connect and look whether the server can hold our messages."""
        broker = cls(await Link.open(servers, login, within), replicas)
        try:
            await broker.ready()
        except BrokerError:
            await broker.close()
            raise
        return broker

    async def ensure(self, queue: Queue) -> None:
        """Make both streams of a queue, or bring them to the present configuration."""
        for config in (self._stream(queue), self._dead_stream(queue)):
            try:
                await self._link.api(f"STREAM.CREATE.{config['name']}", config)
            except ApiError as error:
                if error.code != _STREAM_EXISTS_OTHERWISE:
                    raise
                await self._link.api(f"STREAM.UPDATE.{config['name']}", config)

    def publisher(self, queue: Queue) -> NatsPublisher:
        """Open the sending side of a queue."""
        return NatsPublisher(self._link, queue)

    async def consumer(self, queue: Queue, name: str, retries: Retries) -> NatsConsumer:
        """Open the receiving side of a queue for the group of consumers called `name`."""
        stream = stream_of(queue)
        config = ConsumerConfig(
            name=consumer_name(name),
            durable_name=name,
            ack_wait=retries.ack_within.total_seconds(),
            max_deliver=-1,
            max_ack_pending=MOST_UNACKNOWLEDGED,
        ).as_dict()
        await self._link.api(f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": config})
        puller = Puller(self._link, stream, name)
        await puller.open()
        return NatsConsumer(self._link, queue, name, retries, puller)

    def dead_letters(self, queue: Queue) -> NatsDeadLetters:
        """Open the dead letters of a queue."""
        return NatsDeadLetters(self._link, queue)

    def read(self, queue: Queue, start: FromSequence | FromTime) -> AsyncIterator[Stored]:
        """Read again what the queue holds, from `start` to its present end."""
        return read(self._link, queue, start)

    async def forget(self, queue: Queue, before: datetime) -> int:
        """Purge what every consumer finished and what is older than `before` and than the deduplication window.

        After a restart the server rebuilds its memory of message ids from the stream, hence the window.
        """
        stream = stream_of(queue)
        oldest_kept = min(before, datetime.now(UTC) - queue.remembers)
        consumers = await self._durables(stream)
        if not consumers:
            return 0
        finished = min(consumer["ack_floor"]["stream_seq"] for consumer in consumers)
        up_to = min(finished + 1, await self._first_sequence(stream, oldest_kept))
        if up_to <= 1:
            return 0
        answer = await self._link.api(f"STREAM.PURGE.{stream}", {"seq": up_to})
        return int(answer["purged"])

    async def ready(self) -> None:
        """Ask JetStream, and look whether the server lets messages of our size through."""
        await self._link.api("INFO", {}, within=READY_SECONDS)
        if self._link.max_payload < SERVER_MAX_PAYLOAD:
            raise BrokerError(
                f"NATS: max_payload of the server is {self._link.max_payload} bytes; "
                f"set it to {SERVER_MAX_PAYLOAD} or more"
            )

    async def close(self) -> None:
        """End the connection."""
        await self._link.close()

    def _stream(self, queue: Queue) -> dict[str, Any]:
        """Keep messages past their consumption, for replay; out of space, refuse new ones rather than drop old."""
        return StreamConfig(
            name=stream_of(queue),
            subjects=[subjects_of(queue)],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            storage=StorageType.FILE,
            num_replicas=self._replicas,
            duplicate_window=queue.remembers.total_seconds(),
            max_msg_size=SERVER_MAX_PAYLOAD,
        ).as_dict()

    def _dead_stream(self, queue: Queue) -> dict[str, Any]:
        return StreamConfig(
            name=dead_stream_of(queue),
            subjects=[dead_subject_of(queue)],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            storage=StorageType.FILE,
            num_replicas=self._replicas,
            duplicate_window=queue.remembers.total_seconds(),
            allow_direct=True,
        ).as_dict()

    async def _durables(self, stream: str) -> list[dict[str, Any]]:
        """List the consumers that outlive their connection, page by page."""
        found: list[dict[str, Any]] = []
        seen, total = 0, 1
        while seen < total:
            page = await self._link.api(f"CONSUMER.LIST.{stream}", {"offset": seen})
            found += [consumer for consumer in page["consumers"] if consumer["config"].get("durable_name")]
            seen, total = seen + max(len(page["consumers"]), 1), page["total"]
        return found

    async def _first_sequence(self, stream: str, moment: datetime) -> int:
        """Find the first message at or after a moment: a consumer that would begin there knows it."""
        config = {**starting(FromTime(moment)), "ack_policy": "none", "mem_storage": True}
        made = await self._link.api(f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config})
        await self._link.api(f"CONSUMER.DELETE.{stream}.{made['name']}", {})
        return int(made["delivered"]["stream_seq"]) + 1
