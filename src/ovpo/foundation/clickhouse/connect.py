# SPDX-License-Identifier: Apache-2.0
"""Clients of ClickHouse, embedded or not: the same `clickhouse-connect` everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from ovpo.foundation.settings.tree import LOOPBACK, ClickHouse
from ovpo.foundation.unavailable import StoreUnavailableError

CONNECT_TIMEOUT_SECONDS = 5
MOST_MEMORY = 1_000_000_000
"""Bytes that one query may use whose answer somebody waits for."""
LONGEST_SECONDS = 300
GRACE_SECONDS = 5
SERVER = """
SELECT version(), (SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase())
"""
__all__ = ["ClickHouseUnavailableError", "DatabaseError", "KeptClient", "describe", "session"]


class ClickHouseUnavailableError(StoreUnavailableError):
    """ClickHouse does not answer in time."""


@contextmanager
def session(settings: ClickHouse, database: str | None = None) -> Iterator[Client]:
    """Lend a client of the configured server, in OVPO's database unless another is named."""
    try:
        client = _open(settings, database)
        try:
            yield client
        finally:
            client.close()
    except OperationalError as error:
        raise ClickHouseUnavailableError(f"ClickHouse does not answer: {error}") from error


class KeptClient:
    """A client for work that goes on and on, opened when it is first needed and anew after a fault; for one thread.

    With `most_seconds` the server stops a query that takes longer, and a server that does not is not waited for.
    """

    def __init__(self, settings: ClickHouse, most_seconds: int | None = None) -> None:
        self._settings = settings
        self._most_seconds = most_seconds
        self._client: Client | None = None

    @contextmanager
    def lent(self) -> Iterator[Client]:
        """Lend the client."""
        try:
            if self._client is None:
                self._client = _open(self._settings, None, self._most_seconds)
            yield self._client
        except OperationalError as error:
            self.close()
            raise ClickHouseUnavailableError(f"ClickHouse does not answer: {error}") from error

    def close(self) -> None:
        """Close the client; it is opened again when it is needed again."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _open(settings: ClickHouse, database: str | None, most_seconds: int | None = None) -> Client:
    """Open a client; answers of the embedded server do not leave the machine, so nothing compresses them."""
    parts = urlsplit(settings.url or f"http://{LOOPBACK}:{settings.port}")
    return clickhouse_connect.get_client(
        host=parts.hostname or LOOPBACK,
        port=parts.port or (8443 if parts.scheme == "https" else 8123),
        interface=parts.scheme,
        username=settings.user,
        password=settings.password.get_secret_value(),
        database=database or settings.database,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        send_receive_timeout=LONGEST_SECONDS if most_seconds is None else most_seconds + GRACE_SECONDS,
        settings=None if most_seconds is None else _bounds(most_seconds),
        autogenerate_session_id=False,
        compress=bool(settings.url),
    )


def _bounds(most_seconds: int) -> dict[str, int]:
    return {"max_execution_time": most_seconds, "max_memory_usage": MOST_MEMORY}


def describe(settings: ClickHouse) -> tuple[str, int]:
    """Ask the server for its version and how many bytes OVPO's tables hold."""
    with session(settings) as client:
        version, size = client.query(SERVER).result_rows[0]
    return f"ClickHouse {version}", int(size or 0)
