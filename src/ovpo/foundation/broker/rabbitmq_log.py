# SPDX-License-Identifier: Apache-2.0
"""Reading a queue's log again, from a place to its present end, without touching what others have consumed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import AMQPError

from ovpo.foundation.broker.errors import BrokerUnavailableError
from ovpo.foundation.broker.message import FromSequence, FromTime, Queue, Stored
from ovpo.foundation.broker.rabbitmq_link import ASK_SECONDS, LOST, Link, from_channel, shut
from ovpo.foundation.broker.rabbitmq_wire import (
    MARK,
    MICROSECOND,
    Envelope,
    headers_in,
    log_of,
    mark_of,
    moment_of,
    own_part,
    place_at,
    place_of,
    stored_of,
    tag_of,
    to_one,
)

# The log finds a moment by the server's clock, a message tells it by its publisher's: so far may they be apart.
CLOCKS_APART: Final = timedelta(minutes=5)
READ_SECONDS: Final = 10.0
READ_AHEAD: Final = 8


async def read(link: Link, queue: Queue, start: FromSequence | FromTime) -> AsyncIterator[Stored]:
    """Give every message from `start` to the present end.

    Places are publishers' microseconds, so the reading begins at the first message that is not before `start` and
    leaves out nothing that lies behind it.
    """
    first = start.sequence if isinstance(start, FromSequence) else place_at(start.moment)
    begun = False
    async with aclosing(walk(link, queue, first)) as log:
        async for logged in log:
            begun = begun or (place_of(logged.headers) or 0) >= first
            if begun:
                yield stored_of(logged.headers, logged.payload)


async def walk(link: Link, queue: Queue, place: int) -> AsyncGenerator[Envelope, None]:
    """Walk through the log to its present end, from a little before a place.

    The server tells the length of a log seconds late. So the end is marked by a message of ours, which only the log has
    and every reader passes over.
    """
    log, mark = log_of(queue), uuid4().hex
    until = asyncio.get_running_loop().time() + ASK_SECONDS
    await link.publish(to_one(log), mark_of(mark), until)
    begin = min(place, link.place()) - CLOCKS_APART // MICROSECOND
    channel = await link.channel(until)
    try:
        async with aclosing(_follow(channel, log, moment_of(begin) if begin > 0 else "first")) as messages:
            async for raw in messages:
                headers = headers_in(raw.header.properties)
                if headers.get(MARK) == mark:
                    return
                if MARK not in headers:
                    yield Envelope(own_part(headers), raw.body)
    except (AMQPError, *LOST) as lost:
        raise BrokerUnavailableError(f"RabbitMQ: {log} broke off ({lost}); read on from the last one") from None
    finally:
        await shut(channel)


async def _follow(channel: AbstractChannel, log: str, offset: str | datetime) -> AsyncGenerator[DeliveredMessage, None]:
    """Give what the log holds from an offset on; each message is asked for, so a slow reader holds few in memory."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
    await channel.basic_qos(prefetch_count=READ_AHEAD)
    begun = await channel.basic_consume(log, arrived.put, arguments={"x-stream-offset": offset})
    try:
        while True:
            raw = await from_channel(channel, arrived.get(), loop.time() + READ_SECONDS)
            if raw is None:
                raise BrokerUnavailableError(f"RabbitMQ: {log} gives nothing more before its end")
            yield raw
            await channel.basic_ack(tag_of(raw))
    finally:
        if begun.consumer_tag is not None and not channel.is_closed:
            await channel.basic_cancel(begun.consumer_tag)
