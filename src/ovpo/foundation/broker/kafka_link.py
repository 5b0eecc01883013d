# SPDX-License-Identifier: Apache-2.0
"""Kafka's client under asyncio: its settings, and one producer whose reports become answers or errors at a deadline.

The client keeps its own threads and connections and connects again by itself; its blocking calls run in threads here.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError
from ovpo.foundation.broker.kafka_wire import MOST_BYTES, written

ASK_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.05
POLL_SECONDS: Final = 0.1
# A message that nobody waits for any more is given up after this time; it may still arrive until then.
LINGERING_MILLISECONDS: Final = 60_000
MOST_QUEUED_KILOBYTES: Final = 256 * 1024

PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001
_UNKNOWN_HERE: Final = KafkaError._UNKNOWN_TOPIC  # noqa: SLF001
_UNKNOWN: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, _UNKNOWN_HERE})
_log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
Settings = dict[str, Any]


class Link:
    """What all parts of the adapter share: settings for clients, and the one producer."""

    def __init__(self, servers: Sequence[str], login: Login) -> None:
        self._servers = [server.partition("://")[2] for server in servers]
        self._settings = settings_of(servers, login)
        self._last_error = ""
        self._said: set[int] = set()
        self._admin = AdminClient(self.client())
        self._producer = self._produce_anew()
        self._closing = threading.Event()
        self._reporter = threading.Thread(target=self._report, name="ovpo-kafka-reports", daemon=True)
        self._reporter.start()

    @property
    def admin(self) -> AdminClient:
        """The client that looks after topics."""
        return self._admin

    def client(self, **more: Any) -> Settings:
        """Give the settings of one more client."""
        return {**self._settings, "error_cb": self._on_error, **more}

    async def metadata(self, within: float) -> ClusterMetadata:
        """Ask the cluster what it is made of; fails when nobody answers."""
        try:
            return await asyncio.to_thread(self._admin.list_topics, timeout=within)
        except KafkaException:
            raise BrokerUnavailableError(self._unreachable()) from None

    async def send(
        self, topic: str, key: bytes, headers: dict[str, str], payload: bytes | None, until: float
    ) -> "asyncio.Future[KafkaError | None]":
        """Hand a message to the producer; the future is what becomes of it."""
        loop = asyncio.get_running_loop()
        fate: asyncio.Future[KafkaError | None] = loop.create_future()

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            loop.call_soon_threadsafe(_settle, fate, error)

        while True:
            try:
                self._producer.produce(topic, payload, key, headers=written(headers), on_delivery=on_delivery)
            except BufferError:
                if loop.time() + RETRY_SECONDS >= until:
                    raise BrokerUnavailableError(self._unreachable()) from None
                await asyncio.sleep(RETRY_SECONDS)
            except KafkaException as refused:
                raise BrokerError(f"Kafka: {reason(refused)}") from None
            else:
                return fate

    async def confirmed(self, fate: "asyncio.Future[KafkaError | None]", until: float) -> None:
        """Return when a message that was handed over is stored by all replicas that are in step."""
        try:
            async with asyncio.timeout_at(until):
                error = await fate
        except TimeoutError:
            raise BrokerUnavailableError(f"Kafka: not confirmed in time{self._why()}") from None
        if error is None:
            self._said.clear()
            return
        if error.fatal():
            self._producer = self._produce_anew()
        if error.code() in _UNKNOWN:
            raise BrokerError("Kafka: the topic does not exist; ensure it first")
        raise BrokerUnavailableError(f"Kafka: {error.str()}")

    async def publish(
        self, topic: str, key: bytes, headers: dict[str, str], payload: bytes | None, within: float
    ) -> None:
        """Store one message."""
        until = asyncio.get_running_loop().time() + within
        await self.confirmed(await self.send(topic, key, headers, payload, until), until)

    async def close(self) -> None:
        """End the producer; what is not confirmed by now is dropped."""
        self._closing.set()
        await asyncio.to_thread(self._reporter.join)
        self._producer.purge()
        self._producer.flush(0)

    def _produce_anew(self) -> Producer:
        return Producer(
            self.client(
                **{
                    "enable.idempotence": True,
                    "acks": "all",
                    "compression.type": "lz4",
                    "linger.ms": 2,
                    "message.max.bytes": MOST_BYTES,
                    "message.timeout.ms": LINGERING_MILLISECONDS,
                    "partitioner": "murmur2_random",
                    "queue.buffering.max.kbytes": MOST_QUEUED_KILOBYTES,
                }
            )
        )

    def _report(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_SECONDS)

    def _on_error(self, error: KafkaError) -> None:
        """Log each kind of error once in an outage, not at every attempt to reconnect."""
        self._last_error = error.str()
        if error.code() not in self._said:
            self._said.add(error.code())
            _log.warning("broker_error", error=self._last_error)

    def _why(self) -> str:
        return f" ({self._last_error})" if self._last_error else ""

    def _unreachable(self) -> str:
        where = ", ".join(self._servers)
        return f"no Kafka broker answers at {where}{self._why()}: start it, or check OVPO_BROKER__URL and the login"


def settings_of(servers: Sequence[str], login: Login) -> Settings:
    """Write what every client needs: where, and who, over TLS for `kafkas://`. Without a password there is no login."""
    encrypted = servers[0].startswith("kafkas:")
    base: Settings = {
        "bootstrap.servers": ",".join(server.partition("://")[2] for server in servers),
        "client.id": "ovpo",
        "log_level": 0,
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 1000,
        "allow.auto.create.topics": False,
        "security.protocol": "SSL" if encrypted else "PLAINTEXT",
    }
    if login.password:
        protocol = "SASL_SSL" if encrypted else "SASL_PLAINTEXT"
        base |= {"security.protocol": protocol, "sasl.mechanism": "PLAIN"}
        base |= {"sasl.username": login.user, "sasl.password": login.password}
    return base


async def ask(call: Callable[[], Answer], within: float) -> Answer:
    """Run a blocking call that may be repeated, until it succeeds or the time is over."""
    until = asyncio.get_running_loop().time() + within
    while True:
        try:
            return await asyncio.to_thread(call)
        except KafkaException as error:
            if asyncio.get_running_loop().time() + RETRY_SECONDS >= until:
                raise BrokerUnavailableError(f"Kafka: {reason(error)}") from None
            await asyncio.sleep(RETRY_SECONDS)


def reason(error: KafkaException) -> str:
    """Say what went wrong."""
    inner = error.args[0] if error.args else error
    return inner.str() if isinstance(inner, KafkaError) else str(inner)


def _settle(fate: "asyncio.Future[KafkaError | None]", error: KafkaError | None) -> None:
    if not fate.done():
        fate.set_result(error)
