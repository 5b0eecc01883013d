# SPDX-License-Identifier: Apache-2.0
"""The words that the stories of the broker contract are told in: messages to send, and ways to take them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ovpo.foundation.broker.message import Message, Retries
from tests.integration.broker.limit import Limit

if TYPE_CHECKING:
    from collections.abc import Sized

    from ovpo.foundation.broker.interface import Consumer, Delivery
    from tests.integration.broker.conftest import Rig

PATIENT = Retries(most_attempts=3, ack_within=timedelta(seconds=30))
HASTY = Retries(most_attempts=3, ack_within=timedelta(milliseconds=300))


def message(number: int, *, tenant: str = "acme", trace: str = "trace", payload: bytes = b"x") -> Message:
    return Message(f"id-{number}", tenant, trace, payload)


def messages(total: int, *, start: int = 0, traces: int = 1) -> list[Message]:
    return [message(n, trace=f"trace-{n % traces}") for n in range(start, start + total)]


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.stored.message.message_id for delivery in deliveries]


async def take(consumer: Consumer, total: int) -> list[Delivery]:
    """Take so many different messages, unanswered; a fetch may bring fewer than it was asked for."""
    taken: dict[str, Delivery] = {}
    while len(taken) < total:
        batch = await consumer.fetch(total - len(taken), 5)
        assert batch, f"the queue gave {len(taken)} of {total} messages and then nothing"
        taken |= {delivery.stored.message.message_id: delivery for delivery in batch}
    return list(taken.values())


async def drain(consumer: Consumer, total: int) -> list[Delivery]:
    """Take and acknowledge until so many different messages were seen."""
    taken: list[Delivery] = []
    while len(set(ids(taken))) < total:
        batch = await consumer.fetch(100, 5)
        assert batch, f"the queue gave {len(set(ids(taken)))} of {total} messages and then nothing"
        await asyncio.gather(*(delivery.ack() for delivery in batch))
        taken += batch
    return taken


async def grown(what: Sized, least: int) -> None:
    """Wait until there are so many; the story's own deadline bounds it."""
    while len(what) < least:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def exhaust(consumer: Consumer, reason: str) -> None:
    """Give one message back until it is given up."""
    for attempt in range(1, PATIENT.most_attempts + 1):
        [delivery] = await consumer.fetch(1, 5)
        assert delivery.attempt == attempt
        await delivery.nak(0, reason)


def not_proven(rig: Rig, limit: Limit) -> None:
    """Say at the end of a test which part of it the rig's server could not show."""
    if limit in rig.limits:
        pytest.skip(f"told, but not all of it: the rig {limit}: {rig.limits[limit]}")
