# SPDX-License-Identifier: Apache-2.0
"""A bounded pool of ClickHouse clients for services that answer people from many threads. No table is named here."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Final

from clickhouse_connect.driver.client import Client

from ovpo.foundation.clickhouse.connect import ClickHouseUnavailableError, DatabaseError, KeptClient
from ovpo.foundation.settings.tree import ClickHouse

WAIT_SECONDS: Final = 5.0
QUERY_SECONDS: Final = 20
# What ClickHouse answers when it stops, is full, or had no time or memory for the query: it may have next time.
_NOT_NOW: Final = frozenset({159, 160, 202, 203, 209, 210, 236, 241, 394, 439, 745})


class ClientPool:
    """Lends one client to one thread at a time; a client that met a fault of the connection is opened anew."""

    def __init__(self, settings: ClickHouse, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._size = settings.pool_size
        self._wait_seconds = wait_seconds
        self._clients: LifoQueue[KeptClient] = LifoQueue()
        for _ in range(self._size):
            self._clients.put(KeptClient(settings, QUERY_SECONDS))

    @contextmanager
    def lent(self) -> Iterator[Client]:
        """Lend a client; raise ClickHouseUnavailableError when ClickHouse is away, or too busy to answer in time."""
        try:
            kept = self._clients.get(timeout=self._wait_seconds)
        except Empty:
            raise ClickHouseUnavailableError(
                f"all {self._size} ClickHouse clients were busy for {self._wait_seconds:g} s; "
                "raise OVPO_CLICKHOUSE__POOL_SIZE"
            ) from None
        try:
            with kept.lent() as client:
                yield client
        except DatabaseError as error:
            if error.code not in _NOT_NOW:
                raise
            raise ClickHouseUnavailableError(f"ClickHouse cannot answer now: {error.code} {error.name}") from error
        finally:
            self._clients.put(kept)

    def close(self) -> None:
        """Close every client that is not lent; the pool may be used again, which opens them again."""
        idle = []
        while True:
            try:
                idle.append(self._clients.get_nowait())
            except Empty:
                break
        for kept in idle:
            kept.close()
            self._clients.put(kept)
