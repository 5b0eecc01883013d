# SPDX-License-Identifier: Apache-2.0
"""When a key was last used: noted beside the request, never in its way, about once a minute for each key.

Whether the key was good is decided before; who reads the time is the business of whoever lists keys.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

import psycopg
import structlog
from psycopg_pool import ConnectionPool

from ovpo.foundation.postgres.connect import transaction
from ovpo.foundation.unavailable import StoreUnavailableError

TOUCH: Final = "SELECT touch_api_key(%s)"
QUIET_SECONDS: Final = 65.0
"""A little more than the minute for which the table refuses another write, so that each try writes."""
MOST: Final = 10_000
_log: Final = structlog.stdlib.get_logger(__name__)


class LastUse:
    """Notes the use of keys; lives in one event loop."""

    def __init__(self, pool: ConnectionPool, clock: Callable[[], float] = monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._quiet_until: OrderedDict[str, float] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, prefix: str) -> None:
        """Have the present time written, unless it was a short while ago; a failure is tried again after as long."""
        now = self._clock()
        if now < self._quiet_until.get(prefix, now):
            return
        self._quiet_until.pop(prefix, None)
        self._quiet_until[prefix] = now + QUIET_SECONDS
        if len(self._quiet_until) > MOST:
            self._quiet_until.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._write(prefix))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, prefix: str) -> None:
        try:
            await asyncio.to_thread(self._touch, prefix)
        except (StoreUnavailableError, psycopg.Error) as error:
            _log.warning("auth.use_not_noted", key_prefix=prefix, reason=str(error))

    def _touch(self, prefix: str) -> None:
        with transaction(self._pool) as connection:
            connection.execute(TOUCH, (prefix,))
