# SPDX-License-Identifier: Apache-2.0
"""One connection to NATS that outlives the server: whoever asks gets an answer, or an error at a deadline.

Knows requests, answers and reconnection. What JetStream is asked is the business of the modules that ask.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn

import nats.errors
import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError

API: Final = "$JS.API"
ASK_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.05
TRY_SECONDS: Final = 1.5
LOGIN_TRIES: Final = 3
RECONNECT_SECONDS: Final = 0.1
DELETE_FAILED: Final = 10_057
_TRANSIENT_CODES: Final = frozenset({500, 503})

_REFUSED: Final = "authorization"

_log = structlog.get_logger(__name__)


class ApiError(BrokerError):
    """JetStream refused a request; `code` is its own number for the reason."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"NATS: {error.get('description', 'refused')} ({error.get('err_code', error.get('code'))})")
        self.code = int(error.get("err_code", 0))
        self.transient = error.get("code") in _TRANSIENT_CODES and self.code != DELETE_FAILED


class Link:
    """A client that reconnects for ever, with every wait bounded."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = list(servers)
        self._client = Client()
        self._online = asyncio.Event()
        self._attempts: set[asyncio.Timeout] = set()
        self._last_error = ""
        self._login_refused = False

    @classmethod
    async def open(cls, servers: Sequence[str], login: Login, within: float) -> "Link":
        """Connect, or say within the given seconds why that cannot be done.

        A server that refuses a login closes at once, and its reason may be lost in a reset: ask again for it.
        """
        for tries_left in range(LOGIN_TRIES, -1, -1):
            link = cls(servers)
            try:
                await link._connect(login, within)
                break
            except (TimeoutError, OSError, nats.errors.Error) as error:
                await link._client.close()
                if isinstance(error, ConnectionResetError) and tries_left:
                    continue
                raise BrokerUnavailableError(link._unreachable(error)) from None
        link._online.set()
        try:
            await link.api("INFO", {}, within=within)
        except BrokerError:
            await link.close()
            raise
        return link

    async def _connect(self, login: Login, within: float) -> None:
        async with asyncio.timeout(within):
            await self._client.connect(
                servers=list(self._servers),
                user=login.user,
                password=login.password,
                name="ovpo",
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]  # sleeps for it, so a fraction is fine
                flush_timeout=ASK_SECONDS,
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnect,
                reconnected_cb=self._on_reconnect,
            )

    @property
    def max_payload(self) -> int:
        """The largest message that the server takes, headers included."""
        return self._client.max_payload

    async def close(self) -> None:
        """End the connection; every open request fails."""
        self._online.clear()
        await self._client.close()

    async def ask(
        self, subject: str, payload: bytes, *, headers: dict[str, str] | None = None, within: float = ASK_SECONDS
    ) -> Msg:
        """Send until there is an answer; only for what has the same effect when it arrives twice.

        One try takes at most `TRY_SECONDS`: a server that recovers its streams may drop what it was just sent.
        """
        now = asyncio.get_running_loop().time
        until = now() + within
        while True:
            await self.online(until)
            try:
                async with self.attempt(min(until, now() + TRY_SECONDS)):
                    return await self._client.request(subject, payload, timeout=within, headers=headers)
            except nats.errors.ConnectionClosedError:
                self._closed()
            except (TimeoutError, nats.errors.NoRespondersError, nats.errors.OutboundBufferLimitError):
                pass
            except nats.errors.MaxPayloadError:
                raise BrokerError(f"NATS: max_payload of the server is {self.max_payload} bytes; raise it") from None
            if now() + RETRY_SECONDS >= until:
                raise BrokerUnavailableError(f"NATS: no answer to {subject} within {within:g} s")
            await asyncio.sleep(RETRY_SECONDS)

    async def api(self, call: str, body: Mapping[str, Any], within: float = ASK_SECONDS) -> dict[str, Any]:
        """Ask JetStream's own interface; its refusal is an `ApiError`."""
        until = asyncio.get_running_loop().time() + within
        while True:
            left = max(until - asyncio.get_running_loop().time(), RETRY_SECONDS)
            answer = await self.ask(f"{API}.{call}", orjson.dumps(body), within=left)
            parsed: dict[str, Any] = orjson.loads(answer.data)
            if "error" not in parsed:
                return parsed
            refusal = ApiError(parsed["error"])
            if not refusal.transient:
                raise refusal
            if asyncio.get_running_loop().time() + RETRY_SECONDS >= until:
                raise BrokerUnavailableError(str(refusal))
            await asyncio.sleep(RETRY_SECONDS)

    async def tell(self, subject: str, payload: bytes, reply: str) -> None:
        """Send without waiting for an answer; it comes, if at all, to `reply`."""
        try:
            await self._client.publish(subject, payload, reply=reply)
        except nats.errors.ConnectionClosedError:
            self._closed()
        except nats.errors.OutboundBufferLimitError:
            raise BrokerUnavailableError("NATS: the connection is lost") from None

    async def listen(self, subject: str, arrived: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """Have every message of a subject handed to `arrived`, over reconnections too and however many they are."""
        try:
            return await self._client.subscribe(subject, cb=arrived, pending_msgs_limit=0, pending_bytes_limit=0)
        except nats.errors.ConnectionClosedError:
            self._closed()

    async def hush(self, subscription: Subscription) -> None:
        """End a subscription."""
        if not self._client.is_closed:
            await subscription.unsubscribe()

    def inbox(self) -> str:
        """Make up a subject that is ours alone."""
        return self._client.new_inbox()

    async def online(self, until: float) -> None:
        """Wait until the connection stands, up to a moment of the loop's clock."""
        if self._online.is_set():
            return
        if self._client.is_closed:
            self._closed()
        try:
            async with asyncio.timeout_at(until):
                await self._online.wait()
        except TimeoutError:
            raise BrokerUnavailableError(f"NATS: not connected to {', '.join(self._servers)}{self._why()}") from None

    @asynccontextmanager
    async def attempt(self, until: float) -> AsyncIterator[None]:
        """Bound one try by a moment, and by the life of the connection: an answer to a lost one never comes."""
        async with asyncio.timeout_at(until) as limit:
            self._attempts.add(limit)
            try:
                yield
            finally:
                self._attempts.discard(limit)

    async def _on_error(self, error: Exception) -> None:
        """Log an error once, not at every attempt to reconnect."""
        said = str(error) or type(error).__name__
        if said != self._last_error:
            _log.warning("broker_error", error=said)
        self._last_error = said
        self._login_refused = self._login_refused or _REFUSED in said.lower()

    async def _on_disconnect(self) -> None:
        self._online.clear()
        now = asyncio.get_running_loop().time()
        for limit in tuple(self._attempts):
            limit.reschedule(now)
        if not self._client.is_closed:
            _log.warning("broker_disconnected", servers=self._servers)

    async def _on_reconnect(self) -> None:
        self._last_error = ""
        self._online.set()
        _log.info("broker_reconnected", servers=self._servers)

    def _closed(self) -> NoReturn:
        raise BrokerUnavailableError(f"NATS: the connection is closed{self._why()}")

    def _why(self) -> str:
        return f" ({self._last_error})" if self._last_error else ""

    def _unreachable(self, error: Exception) -> str:
        where = ", ".join(self._servers)
        if self._login_refused or _REFUSED in str(error).lower():
            return f"NATS at {where} refuses the login: check OVPO_BROKER__USER and OVPO_BROKER__PASSWORD"
        return f"no NATS server answers at {where}{self._why()}: start it, or check OVPO_BROKER__URL"
