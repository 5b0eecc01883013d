# SPDX-License-Identifier: Apache-2.0
"""Pulling messages of one JetStream consumer: at once what is there, bounded in number and bytes, else the next one.

Memory stays bounded because nothing is sent to us unasked: a slow consumer makes the queue grow, not the process.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import orjson
from nats.aio.msg import Msg

from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError
from ovpo.foundation.broker.message import MAX_FETCH_BYTES
from ovpo.foundation.broker.nats_link import API, RETRY_SECONDS, Link

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

IDLE_SECONDS: Final = 2.0
_NO_RESPONDERS: Final = "503"
_CONFLICT: Final = "409"
_NANOSECONDS: Final = 1_000_000_000


class Puller:
    """The receiving end of one consumer. One `pull` at a time."""

    def __init__(self, link: Link, stream: str, consumer: str) -> None:
        self._link = link
        self._call = f"{API}.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._info = f"CONSUMER.INFO.{stream}.{consumer}"
        self._name = f"consumer {consumer} of {stream}"
        self._inbox = link.inbox()
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()
        self._requests = 0
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Start to listen."""
        self._subscription = await self._link.listen(f"{self._inbox}.*", self._arrived.put)

    async def close(self) -> None:
        """Stop to listen."""
        if self._subscription is not None:
            await self._link.hush(self._subscription)
            self._subscription = None

    async def pull(self, most: int, wait: float) -> list[Msg]:
        """Take what is there, up to `most`; else wait for the next message, at most `wait` seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            await self._link.online(until)
            pulled, status = await self._request({"batch": most, "no_wait": True}, loop.time() + IDLE_SECONDS)
            left = until - loop.time()
            if pulled or left <= 0:
                return pulled
            if status != _NO_RESPONDERS:
                one = {"batch": 1, "expires": int(left * _NANOSECONDS)}
                pulled, status = await self._request(one, until + RETRY_SECONDS)
            if pulled:
                rest = {"batch": most - 1, "no_wait": True}
                return pulled + ((await self._request(rest, loop.time() + IDLE_SECONDS))[0] if most > 1 else [])
            if loop.time() + RETRY_SECONDS >= until:
                if status == _NO_RESPONDERS:
                    raise BrokerUnavailableError(f"NATS: {self._name} does not answer")
                return []
            if status is not None:
                await asyncio.sleep(RETRY_SECONDS)

    async def pending(self) -> int:
        """Ask how many messages were never sent to anybody."""
        return int((await self._link.api(self._info, {}))["num_pending"])

    async def _request(self, body: dict[str, Any], until: float) -> tuple[list[Msg], str | None]:
        """Ask once and collect until the batch is full, the server says that it ends, or nothing comes any more.

        Messages that came too late for an earlier request count for this one: they are ours, and unanswered.
        """
        self._requests += 1
        reply = f"{self._inbox}.{self._requests}"
        await self._link.tell(self._call, orjson.dumps({**body, "max_bytes": MAX_FETCH_BYTES}), reply)
        pulled: list[Msg] = []
        while len(pulled) < body["batch"]:
            message = await self._next(until)
            if message is None:
                break
            status = (message.headers or {}).get("Status") if not message.reply else None
            if status is None:
                pulled.append(message)
                until = max(until, asyncio.get_running_loop().time() + IDLE_SECONDS)
            elif message.subject == reply:
                if status == _CONFLICT and "Deleted" in (message.headers or {}).get("Description", ""):
                    raise BrokerError(f"NATS: {self._name} was deleted")
                return pulled, status
        return pulled, None

    async def _next(self, until: float) -> Msg | None:
        if not self._arrived.empty():
            return self._arrived.get_nowait()
        try:
            async with self._link.attempt(until):
                return await self._arrived.get()
        except TimeoutError:
            return None
