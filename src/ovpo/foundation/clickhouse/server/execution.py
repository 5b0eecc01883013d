# SPDX-License-Identifier: Apache-2.0
"""One statement on one connection: prepare it, run it, hand its result out as a source of chunks.

Everything here blocks and runs in a worker thread; what it raises is a QueryError.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ovpo.foundation.clickhouse.server.engine import ENGINE_FAULTS, Connection, Stream, literal
from ovpo.foundation.clickhouse.server.errors import QueryError, from_engine
from ovpo.foundation.clickhouse.server.spool import CHUNK, Spool, prove_room
from ovpo.foundation.clickhouse.server.statements import Command, Insert, Rows

STREAMED_FORMATS = frozenset(
    {
        "native",
        "tabseparated",
        "tsv",
        "tabseparatedraw",
        "tsvraw",
        "csv",
        "rowbinary",
        "jsoneachrow",
        "jsoncompacteachrow",
        "jsonlines",
        "ndjson",
    }
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a statement read, wrote and answered."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0


class Source(Protocol):
    """A result, chunk by chunk."""

    counts: Counts

    def read(self) -> bytes:
        """The next chunk; empty at the end."""

    def close(self) -> None:
        """Stop it and free what it holds."""


class Whole:
    """A result that is in memory already."""

    def __init__(self, data: bytes, counts: Counts) -> None:
        self._data = data
        self.counts = counts

    def read(self) -> bytes:
        """All of it, once."""
        data, self._data = self._data, b""
        return data

    def close(self) -> None:
        """Nothing is held."""


class Filed:
    """A result the engine wrote to a file."""

    def __init__(self, file: IO[bytes], counts: Counts) -> None:
        self._file = file
        self.counts = counts

    def read(self) -> bytes:
        """The next chunk."""
        return self._file.read(CHUNK)

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()


class Streamed:
    """A result the engine computes as it is read."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.counts = Counts()

    def read(self) -> bytes:
        """The next block."""
        with engine_errors():
            block = self._stream.fetch()
        if block is None:
            return b""
        data = block.bytes()
        done = self.counts
        self.counts = Counts(
            result_rows=done.result_rows + block.rows_read(), result_bytes=done.result_bytes + len(data)
        )
        return data or self.read()

    def close(self) -> None:
        """Stop the query where it still runs."""
        with suppress(*ENGINE_FAULTS):
            self._stream.cancel()


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what the engine raises into a QueryError."""
    try:
        yield
    except ENGINE_FAULTS as error:
        raise from_engine(str(error)) from error


def apply(connection: Connection, settings: Mapping[str, str], database: str | None) -> None:
    """Give a connection the settings and the database of a query."""
    with engine_errors():
        if settings:
            connection.query(
                "SET " + ", ".join(f"{name} = {literal(value)}" for name, value in settings.items()), "Null"
            )
        if database:
            connection.query(f"USE `{database.replace(chr(92), chr(92) * 2).replace('`', chr(92) + '`')}`", "Null")


def forget(connection: Connection, names: Iterable[str]) -> None:
    """Put settings back to what the engine starts with."""
    with engine_errors():
        for name in names:
            connection.query(f"SET {name} = DEFAULT", "Null")


def command(connection: Connection, statement: Command, parameters: Mapping[str, str]) -> Whole:
    """Run a statement that answers nothing."""
    with engine_errors():
        answer = connection.query(statement.sql, "TabSeparated", dict(parameters))
    counts = Counts(
        read_rows=answer.storage_rows_read(),
        read_bytes=answer.storage_bytes_read(),
        written_rows=answer.rows_written(),
        written_bytes=answer.bytes_written(),
    )
    return Whole(answer.bytes(), counts)


def rows(
    connection: Connection, statement: Rows, format_name: str, parameters: Mapping[str, str], spool: Spool
) -> Source:
    """Start a statement that answers rows, in the way that holds the least of them in memory."""
    if statement.streams and format_name.lower() in STREAMED_FORMATS:
        with engine_errors():
            return Streamed(connection.send_query(statement.sql, format_name, dict(parameters)))
    if statement.kind in {"SELECT", "WITH", "FROM"}:
        return _filed(connection, statement, format_name, parameters, spool)
    with engine_errors():
        answer = connection.query(statement.sql, format_name, dict(parameters))
    data = answer.bytes()
    return Whole(data, Counts(result_rows=answer.rows_read(), result_bytes=len(data)))


def _filed(
    connection: Connection, statement: Rows, format_name: str, parameters: Mapping[str, str], spool: Spool
) -> Filed:
    """Formats with one header or footer around all blocks cannot be streamed by this engine: it writes a file."""
    path = spool.new_path("result")
    clause = f"\nINTO OUTFILE {literal(str(path))}\nFORMAT {format_name} ".encode()
    try:
        with engine_errors():
            answer = connection.query(statement.head + clause + statement.tail, "Null", dict(parameters))
        file = path.open("r+b")
    finally:
        path.unlink(missing_ok=True)
    size = file.seek(0, 2)
    try:
        prove_room(file)
    except QueryError:
        file.close()
        raise
    counts = Counts(
        read_rows=answer.storage_rows_read(),
        read_bytes=answer.storage_bytes_read(),
        result_rows=answer.rows_read(),
        result_bytes=size,
    )
    return Filed(file, counts)


def insert(
    connection: Connection,
    statement: Insert,
    format_name: str | None,
    parameters: Mapping[str, str],
    rows_file: Path,
    rows_size: int,
) -> Whole:
    """Let the engine read the rows behind an INSERT from their file; an error of any row or of the disk is raised.

    The engine's own streaming insert is not used: it reports success when the disk is full at its end.
    """
    if rows_size == 0:
        format_name = "TabSeparated"
    elif format_name is None:
        raise QueryError(108, "NO_DATA_TO_INSERT", "The INSERT names no format for its rows. Add FORMAT or VALUES.")
    source = f"\nFROM INFILE {literal(str(rows_file))} COMPRESSION 'none'\n".encode()
    sql = statement.head + source + statement.settings + f"\nFORMAT {format_name}".encode()
    try:
        with engine_errors():
            written = connection.query(sql, "Null", dict(parameters))
    except QueryError as error:
        message = error.message.replace(f"(in file/uri {rows_file}): ", "").replace(str(rows_file), "the request body")
        raise QueryError(error.code, error.name, message) from error
    return Whole(b"", Counts(written_rows=written.rows_written(), written_bytes=written.bytes_written()))
