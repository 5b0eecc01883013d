# SPDX-License-Identifier: Apache-2.0
"""The collector's end of the queue: connected when it is first needed, so that a broker may start after us."""

import asyncio
from collections.abc import Sequence

from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError
from ovpo.foundation.broker.interface import Broker, Publisher
from ovpo.foundation.broker.message import Message
from ovpo.foundation.settings import tree
from ovpo.telemetry.queue import QUEUE


class Outbox:
    """Publishes to the telemetry queue, and makes the queue where it is missing.

    All that wait for the broker wait for one attempt to reach it, each within its own time.
    """

    def __init__(self, settings: tree.Broker, within_seconds: float) -> None:
        self._settings = settings
        self._within = within_seconds
        self._broker: Broker | None = None
        self._opening: asyncio.Task[Publisher] | None = None

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when every message is durable; raise BrokerError when that cannot be said of all of them."""
        try:
            async with asyncio.timeout(self._within) as limit:
                opening = self._open()
                publisher = await asyncio.shield(opening)
        except TimeoutError:
            raise BrokerUnavailableError(f"the queue could not be opened within {self._within:g} s") from None
        left = (limit.when() or 0.0) - asyncio.get_running_loop().time()
        try:
            await publisher.publish_many(messages, left)
        except BrokerError:
            self._look_again_after(opening)
            raise

    async def ready(self) -> None:
        """Ask the broker whether it can serve."""
        await asyncio.shield(self._open())
        if self._broker is not None:
            await self._broker.ready()

    async def close(self) -> None:
        """End the connection."""
        if self._opening is not None:
            self._opening.cancel()
        if self._broker is not None:
            await self._broker.close()

    def _open(self) -> asyncio.Task[Publisher]:
        """Give the attempt that is on its way or that succeeded, else begin another."""
        known = self._opening
        if known is None or (known.done() and (known.cancelled() or known.exception())):
            known = self._opening = asyncio.create_task(self._ensured(), name="open the telemetry queue")
            known.add_done_callback(_note_error)
        return known

    async def _ensured(self) -> Publisher:
        if self._broker is None:
            self._broker = await open_broker(self._settings)
        await self._broker.ensure(QUEUE)
        return self._broker.publisher(QUEUE)

    def _look_again_after(self, opening: asyncio.Task[Publisher]) -> None:
        """Have the queue made again before the next message: it may have gone with its server's data."""
        if self._opening is opening:
            self._opening = None


def _note_error(opening: asyncio.Task[Publisher]) -> None:
    """Take note of an error that nobody may be left to wait for; those who are left get it too."""
    if not opening.cancelled():
        opening.exception()
