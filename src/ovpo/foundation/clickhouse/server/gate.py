# SPDX-License-Identifier: Apache-2.0
"""How many queries run at once, how many may wait for a place, and the refusal of the rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ovpo.foundation.clickhouse.server.errors import too_busy


class Gate:
    """A number of places to run and a number of places to wait."""

    def __init__(self, running: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(running)
        self._places = running
        self._most_waiting = waiting
        self.running = 0
        self.waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place to run; wait for one where all are taken, and raise where the waiting room is full too."""
        if self._free.locked() and self.waiting >= self._most_waiting:
            raise too_busy(self._places, self._most_waiting)
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._free.release()
