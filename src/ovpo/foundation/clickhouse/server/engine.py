# SPDX-License-Identifier: Apache-2.0
"""The chDB engine of this process: its data folder, its connections and the stop of a running query.

One engine per process, any number of connections; each has its own settings, database and temporary tables.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import chdb
from chdb import ChdbError

from ovpo.foundation.clickhouse.server.errors import from_engine

_IDENTITY = "SELECT version() AS version, timezone() AS timezone, hostName() AS host"
_KILL = "KILL QUERY WHERE Settings['log_comment'] = {query_id:String} ASYNC"
ENGINE_FAULTS = (RuntimeError, ChdbError)
_LIVE = "SELECT 1"
_DROP_DEFAULT = "DROP DATABASE default"
_CREATE_DEFAULT = "CREATE DATABASE default ENGINE = Atomic"
_DETACH_DEFAULT = "DETACH DATABASE default"
_ATTACH_DEFAULT = "ATTACH DATABASE default"


class Answer(Protocol):
    """What the engine gives for a statement, or for one block of a stream."""

    def bytes(self) -> bytes:
        """The result in its format."""

    def rows_read(self) -> int:
        """Rows of the result."""

    def rows_written(self) -> int:
        """Rows the statement wrote."""

    def bytes_written(self) -> int:
        """Bytes the statement wrote."""

    def storage_rows_read(self) -> int:
        """Rows read from tables."""

    def storage_bytes_read(self) -> int:
        """Bytes read from tables."""


class Stream(Protocol):
    """A result that comes block by block."""

    def fetch(self) -> Answer | None:
        """The next block, or None at the end."""

    def cancel(self) -> None:
        """Stop it."""


class Connection(Protocol):
    """One connection to the engine."""

    def query(self, query: str | bytes, format: str = ..., params: Mapping[str, str] | None = ...) -> Answer:  # noqa: A002
        """Run a statement to its end."""

    def send_query(self, query: str | bytes, format: str = ..., params: Mapping[str, str] | None = ...) -> Stream:  # noqa: A002
        """Start a statement whose result is read block by block."""

    def close(self) -> None:
        """Close it and stop what it runs."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the engine says of itself."""

    version: str
    timezone: str
    host: str


class EngineUnavailableError(Exception):
    """The engine did not open its data folder."""


class Engine:
    """The engine over one data folder, open from construction to `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        try:
            self._root = self.connect()
            _keep_host_files_out(self._root, folder)
            self.identity = _identity(self._root)
        except (*ENGINE_FAULTS, OSError) as error:
            raise EngineUnavailableError(str(error)) from error

    def connect(self) -> Connection:
        """A new connection (about a millisecond), with the engine's default settings."""
        return cast("Connection", chdb.connect(self._folder))  # type: ignore[no-untyped-call]

    def alive(self) -> bool:
        """Whether the engine answers."""
        connection = self.connect()
        try:
            return connection.query(_LIVE, "TabSeparated").bytes() == b"1\n"
        finally:
            connection.close()

    def kill(self, query_id: str) -> None:
        """Ask every query of this id to stop; it ends with QUERY_WAS_CANCELLED at the next block."""
        connection = self.connect()
        try:
            connection.query(_KILL, "Null", {"query_id": escaped(query_id)})
        except ENGINE_FAULTS as error:
            raise from_engine(str(error)) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close the engine; the data of acknowledged inserts is on disk before."""
        self._root.close()


def escaped(value: str) -> str:
    """A text in the escaped form in which ClickHouse reads the value of a parameter."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("'", "\\'")


def literal(value: str) -> str:
    """A text as an SQL string."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _identity(connection: Connection) -> Identity:
    row = json.loads(connection.query(_IDENTITY, "JSONEachRow").bytes())
    return Identity(row["version"], row["timezone"], row["host"])


def _keep_host_files_out(connection: Connection, folder: Path) -> None:
    """Make `default` an ordinary database: the engine opens it as an overlay that takes any host path for a table.

    The engine cannot attach an Atomic database that never held a table (it has no folder), so that one is made anew.
    """
    described = folder / "metadata" / "default.sql"
    known = described.exists() and _has_folder(described.read_text(encoding="utf-8"), folder)
    if not known:
        described.unlink(missing_ok=True)
    for statement in (_DETACH_DEFAULT, _ATTACH_DEFAULT) if known else (_DROP_DEFAULT, _CREATE_DEFAULT):
        connection.query(statement, "Null")


def _has_folder(described: str, folder: Path) -> bool:
    """Whether the database that a metadata file describes has its folder of tables."""
    uuid = described.partition("UUID '")[2].partition("'")[0]
    return (folder / "store" / uuid[:3] / uuid).is_dir()
