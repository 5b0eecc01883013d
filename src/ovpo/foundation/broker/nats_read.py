# SPDX-License-Identifier: Apache-2.0
"""Reading a stream again, from a place to its present end, without touching what others have consumed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC
from typing import Any, Final

from nats.aio.msg import Msg

from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError
from ovpo.foundation.broker.message import FromSequence, FromTime, Queue, Stored
from ovpo.foundation.broker.nats_link import Link
from ovpo.foundation.broker.nats_pull import Puller
from ovpo.foundation.broker.nats_wire import receipt_of, stored_of, stream_of

READ_BATCH: Final = 256
READ_SECONDS: Final = 10.0
_IDLE_NANOSECONDS: Final = 60_000_000_000


async def read(link: Link, queue: Queue, start: FromSequence | FromTime) -> AsyncIterator[Stored]:
    """Give every message from `start` to the present end."""
    async for raw in passage(link, stream_of(queue), starting(start), None):
        yield stored_of(raw.subject, raw.headers, raw.data, receipt_of(raw.reply))


def starting(start: FromSequence | FromTime) -> dict[str, Any]:
    """Say where a consumer begins, in JetStream's words."""
    if isinstance(start, FromSequence):
        return {"deliver_policy": "by_start_sequence", "opt_start_seq": max(start.sequence, 1)}
    moment = start.moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"deliver_policy": "by_start_time", "opt_start_time": moment}


async def passage(link: Link, stream: str, options: Mapping[str, Any], most: int | None) -> AsyncIterator[Msg]:
    """Walk through a stream with a consumer of our own, to its present end or over `most` messages."""
    config = {**options, "ack_policy": "none", "mem_storage": True, "inactive_threshold": _IDLE_NANOSECONDS}
    made = await link.api(f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config})
    name, left = made["name"], int(made["num_pending"])
    left = left if most is None else min(left, most)
    puller = Puller(link, stream, name)
    await puller.open()
    try:
        while left > 0:
            pulled = await puller.pull(min(left, READ_BATCH), READ_SECONDS)
            if not pulled:
                raise BrokerUnavailableError(
                    f"NATS: {stream} broke off with {left} messages to go; read on from the last one"
                )
            left -= len(pulled)
            for raw in pulled:
                yield raw
    finally:
        await puller.close()
        with suppress(BrokerError):
            await link.api(f"CONSUMER.DELETE.{stream}.{name}", {}, within=1.0)
