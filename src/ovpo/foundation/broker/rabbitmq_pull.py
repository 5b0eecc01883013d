# SPDX-License-Identifier: Apache-2.0
"""Pulling messages of one work queue: at once what is there, bounded in number and bytes, else the next one.

Memory stays bounded because nothing is sent to us unasked: a slow consumer makes the queue grow, not the process. Ends
a channel, then all that was pulled from it comes again, and its tags mean nothing any more.
"""

import asyncio
from typing import Final

from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage

from ovpo.foundation.broker.message import MAX_FETCH_BYTES, MAX_PAYLOAD_BYTES
from ovpo.foundation.broker.rabbitmq_link import ASK_SECONDS, Link, from_channel, shut

_ONE_AT_A_TIME: Final = 1


class Puller:
    """The receiving end of one work queue. One `pull` at a time."""

    def __init__(self, link: Link, work: str) -> None:
        self._link = link
        self._work = work
        self._channel: AbstractChannel | None = None
        self._noting: asyncio.Task[spec.Basic.QosOk] | None = None

    async def close(self) -> None:
        """Stop; what was pulled and not answered comes again."""
        if self._channel is not None:
            await shut(self._channel)

    async def open(self, until: float) -> AbstractChannel:
        """Give the present channel, or a new one."""
        if self._channel is None or self._channel.is_closed:
            channel = await self._link.channel(until)
            await channel.basic_qos(prefetch_count=_ONE_AT_A_TIME, timeout=ASK_SECONDS)
            self._channel = channel
        return self._channel

    async def pull(self, channel: AbstractChannel, most: int, until: float) -> list[DeliveredMessage]:
        """Take what is there, up to `most`; else wait for the next message, up to a moment."""
        pulled = await self._take(channel, most, 0)
        if pulled or asyncio.get_running_loop().time() >= until:
            return pulled
        first = await self._wait(channel, until)
        if first is None:
            return []
        return [first, *await self._take(channel, most - 1, len(first.body))]

    async def noted(self, channel: AbstractChannel) -> None:
        """Return when the server has handled the answers sent so far; answers given together share one question."""
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._ask(channel))
        await asyncio.shield(self._noting)

    async def _ask(self, channel: AbstractChannel) -> spec.Basic.QosOk:
        question, self._noting = channel.basic_qos(prefetch_count=_ONE_AT_A_TIME, timeout=ASK_SECONDS), None
        return await question

    async def _take(self, channel: AbstractChannel, most: int, size: int) -> list[DeliveredMessage]:
        taken: list[DeliveredMessage] = []
        while len(taken) < most and size + MAX_PAYLOAD_BYTES <= MAX_FETCH_BYTES:
            raw = await channel.basic_get(self._work, timeout=ASK_SECONDS)
            if isinstance(raw.delivery, spec.Basic.GetEmpty):
                break
            taken.append(raw)
            size += len(raw.body)
        return taken

    async def _wait(self, channel: AbstractChannel, until: float) -> DeliveredMessage | None:
        """Subscribe until one message came; at most one comes, for it stays unanswered."""
        arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        begun = await channel.basic_consume(self._work, arrived.put, timeout=ASK_SECONDS)
        try:
            await from_channel(channel, _any(arrived), until)
        finally:
            if begun.consumer_tag is not None and not channel.is_closed:
                await channel.basic_cancel(begun.consumer_tag, timeout=ASK_SECONDS)
        return None if arrived.empty() else arrived.get_nowait()


async def _any(arrived: asyncio.Queue[DeliveredMessage]) -> None:
    """Wait for a message and leave it where it is."""
    arrived.put_nowait(await arrived.get())
