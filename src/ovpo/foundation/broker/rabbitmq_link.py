# SPDX-License-Identifier: Apache-2.0
"""One connection to RabbitMQ that outlives the server: whoever asks gets an answer, or an error at a deadline.

Knows connections, channels and confirmed publishing. What is declared and consumed is the business of others.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiormq
import structlog
from aiormq import spec
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import (
    AMQPConnectionError,
    AMQPError,
    AuthenticationError,
    ChannelClosed,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    DeliveryError,
    InvalidFrameError,
    ProbableAuthenticationError,
    PublishError,
)

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError
from ovpo.foundation.broker.rabbitmq_wire import Envelope, Route, lock_of, mark_of, to_one

ASK_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.05
RECONNECT_SECONDS: Final = 0.2
HEARTBEAT_SECONDS: Final = 10
CLOSE_SECONDS: Final = 2.0
PROOF_SECONDS: Final = 1.0

# The client says RuntimeError where a channel or a connection is already closed.
LOST: Final = (AMQPConnectionError, ConnectionError, TimeoutError, RuntimeError, ssl.SSLError)

# The client logs what it raises as well: a line with a traceback for every try to connect.
for _name in ("aiormq.connection", "aiormq.channel"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


class NotThereError(BrokerError):
    """The queue or exchange does not exist."""


class Link:
    """A client that connects again whenever it is needed, with every wait bounded."""

    def __init__(self, servers: Sequence[str], virtual_host: str, login: Login) -> None:
        self._servers = list(servers)
        path = "" if virtual_host == "/" else quote(virtual_host, safe="")
        self._path = f"/{path}?heartbeat={HEARTBEAT_SECONDS}&name=ovpo"
        self._virtual_host = virtual_host
        self._login = login
        self._connection: AbstractConnection | None = None
        self._connecting = asyncio.Lock()
        self._confirming: AbstractChannel | None = None
        self._opening = asyncio.Lock()
        self._proven: set[str] = set()
        self._closed = False
        self._last_error = ""
        self._last_place = 0

    @classmethod
    async def open(cls, servers: Sequence[str], virtual_host: str, login: Login, within: float) -> "Link":
        """Connect, or say within the given seconds why that cannot be done."""
        link = cls(servers, virtual_host, login)
        await link._connected(asyncio.get_running_loop().time() + within)
        return link

    async def close(self) -> None:
        """End the connection; every open request fails."""
        self._closed = True
        if self._connection is not None:
            await shut(self._connection)

    def place(self) -> int:
        """Give the next place in any queue: the present microsecond, and never the same twice."""
        self._last_place = max(self._last_place + 1, time.time_ns() // 1000)
        return self._last_place

    async def channel(self, until: float, *, confirms: bool = False) -> AbstractChannel:
        """Open a channel, as soon as the connection stands."""
        while True:
            connection = await self._connected(until)
            try:
                async with asyncio.timeout_at(until):
                    return await connection.channel(publisher_confirms=confirms)
            except LOST as lost:
                await self._pause(until, lost)

    async def call(self, work: Callable[[AbstractChannel], Awaitable[Answer]], within: float = ASK_SECONDS) -> Answer:
        """Do on a channel what may be done twice; again when the connection breaks off."""
        until = asyncio.get_running_loop().time() + within
        while True:
            channel = await self.channel(until)
            try:
                async with asyncio.timeout_at(until):
                    return await work(channel)
            except ChannelNotFoundEntity as unknown:
                raise NotThereError(f"RabbitMQ: {unknown}") from None
            except ChannelClosed as refused:
                raise BrokerError(f"RabbitMQ: {refused}") from None
            except LOST as lost:
                await self._pause(until, lost)
            finally:
                await shut(channel)

    async def publish(self, route: Route, envelope: Envelope, until: float) -> None:
        """Return when every queue that the message goes to has it on disk; send again while there is no answer.

        After a start the server routes for some milliseconds past a stream that is not up again, and confirms. So each
        new channel first proves that the log takes messages.
        """
        properties = envelope.properties()
        while True:
            channel = await self._confirming_channel(until)
            try:
                if route.log and route.log not in self._proven:
                    await self._prove(channel, route.log, until)
                async with asyncio.timeout_at(until):
                    await _send(channel, route, envelope.payload, properties)
            except PublishError:
                await self._pause(
                    until, NotThereError(f"no queue takes {route.exchange or route.key}; ensure it first")
                )
            except ChannelClosed as refused:
                raise BrokerError(f"RabbitMQ: {refused}") from None
            except DeliveryError as not_stored:
                await self._pause(until, not_stored)
            except LOST as lost:
                await self._pause(until, lost)
            else:
                return

    async def _prove(self, channel: AbstractChannel, log: str, until: float) -> None:
        """Write to a log; a channel that met the log's former process waits for ever, so a new one must try again."""
        mark = mark_of("proof")
        async with asyncio.timeout_at(until), self._opening:
            if log in self._proven or channel is not self._confirming:
                return
            try:
                async with asyncio.timeout(PROOF_SECONDS):
                    await _send(channel, to_one(log), mark.payload, mark.properties())
            except TimeoutError:
                await shut(channel)
                raise
            self._proven.add(log)

    @asynccontextmanager
    async def alone(self, name: str, within: float) -> AsyncIterator[AbstractChannel]:
        """Give a channel to one at a time, among all processes; who waits longer than `within` seconds is told.

        The lock is a queue that belongs to a connection, so it ends with the connection, as does all else on it.
        """
        until = asyncio.get_running_loop().time() + within
        connection = await self._connect(until)
        try:
            yield await self._locked(connection, name, until)
        finally:
            await shut(connection)

    async def _locked(self, connection: AbstractConnection, name: str, until: float) -> AbstractChannel:
        while True:
            try:
                async with asyncio.timeout_at(until):
                    channel = await connection.channel(publisher_confirms=False)
                    await channel.queue_declare(lock_of(name), exclusive=True, auto_delete=True)
            except ChannelLockedResource:
                await self._pause(until, BrokerError(f"another process is at work on {name}"))
            except LOST as lost:
                raise BrokerUnavailableError(f"RabbitMQ: {name}: {lost}") from None
            else:
                return channel

    async def _confirming_channel(self, until: float) -> AbstractChannel:
        """Give the one channel that all publishers share, so that the order of calls is the order of messages."""
        if self._confirming is None or self._confirming.is_closed:
            async with self._opening:
                if self._confirming is None or self._confirming.is_closed:
                    self._confirming = await self.channel(until, confirms=True)
                    self._proven.clear()
        return self._confirming

    async def _connected(self, until: float) -> AbstractConnection:
        if self._connection is not None and self._connection.is_opened:
            return self._connection
        try:
            async with asyncio.timeout_at(until), self._connecting:
                if self._connection is None or not self._connection.is_opened:
                    again = self._connection is not None
                    self._connection = await self._connect(until)
                    if again:
                        _log.info("broker_reconnected", servers=self._servers)
                return self._connection
        except TimeoutError:
            raise BrokerUnavailableError(self._unreachable()) from None

    async def _connect(self, until: float) -> AbstractConnection:
        """Try one server after the other until one answers."""
        while True:
            for server in self._servers:
                if self._closed:
                    raise BrokerUnavailableError("RabbitMQ: the connection is closed")
                try:
                    async with asyncio.timeout_at(until):
                        return await aiormq.connect(self._url(server))
                except (AuthenticationError, ProbableAuthenticationError):
                    raise BrokerUnavailableError(
                        f"RabbitMQ at {server} refuses the login: check OVPO_BROKER__USER and OVPO_BROKER__PASSWORD, "
                        "and the virtual host in OVPO_BROKER__URL"
                    ) from None
                except InvalidFrameError:
                    self._last_error = f"it does not open the virtual host {self._virtual_host!r}"
                except (AMQPError, *LOST) as error:
                    self._last_error = str(error) or self._last_error
            if asyncio.get_running_loop().time() + RETRY_SECONDS >= until:
                raise BrokerUnavailableError(self._unreachable())
            await asyncio.sleep(min(RECONNECT_SECONDS, max(until - asyncio.get_running_loop().time(), 0)))

    async def _pause(self, until: float, error: Exception) -> None:
        """Wait before the next try, or give up when there is no time for one."""
        if self._closed:
            raise BrokerUnavailableError("RabbitMQ: the connection is closed")
        if asyncio.get_running_loop().time() + RETRY_SECONDS >= until:
            raise BrokerUnavailableError(f"RabbitMQ: no answer in time{f' ({error})' if str(error) else ''}")
        await asyncio.sleep(RETRY_SECONDS)

    def _url(self, server: str) -> str:
        scheme, _, host = server.partition("://")
        return (
            f"{scheme}://{quote(self._login.user, safe='')}:{quote(self._login.password, safe='')}@{host}{self._path}"
        )

    def _unreachable(self) -> str:
        why = f" ({self._last_error})" if self._last_error else ""
        return f"no RabbitMQ server answers at {', '.join(self._servers)}{why}: start it, or check OVPO_BROKER__URL"


async def _send(channel: AbstractChannel, route: Route, payload: bytes, properties: spec.Basic.Properties) -> None:
    await channel.basic_publish(
        payload, exchange=route.exchange, routing_key=route.key, properties=properties, mandatory=True
    )


async def shut(what: AbstractChannel | AbstractConnection) -> None:
    """Close what may be broken already."""
    with suppress(AMQPError, *LOST):
        async with asyncio.timeout(CLOSE_SECONDS):
            await what.close()


async def from_channel(channel: AbstractChannel, coming: Coroutine[Any, Any, Answer], until: float) -> Answer | None:
    """Wait for what a channel is to bring, up to a moment; raise when the channel ends before."""
    waiting, ending = asyncio.ensure_future(coming), channel.closing
    try:
        left = max(until - asyncio.get_running_loop().time(), 0)
        await asyncio.wait({waiting, ending}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        if ending.done():
            raise AMQPConnectionError("the channel was closed")
        return None
    finally:
        waiting.cancel()
        ending.cancel()
