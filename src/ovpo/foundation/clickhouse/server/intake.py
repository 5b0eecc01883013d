# SPDX-License-Identifier: Apache-2.0
"""A request body on its way in: the statement is kept in memory, the rows behind an INSERT go straight to a file.

The file is what the engine reads (INSERT ... FROM INFILE): a body is complete and decoded before a row of it counts.
"""

from typing import IO

from ovpo.foundation.clickhouse.server.encoding import Decoder
from ovpo.foundation.clickhouse.server.errors import QueryError, too_large
from ovpo.foundation.clickhouse.server.spool import Spool, disk_errors
from ovpo.foundation.clickhouse.server.statements import Insert, Statement, leading_insert, parse

LONGEST_SQL = 16 << 20
_HEAD = 1 << 20


class Intake:
    """One body, together with the text of the URL that stands in front of it."""

    def __init__(self, spool: Spool, decoder: Decoder, prefix: bytes, limit: int) -> None:
        self._decoder = decoder
        self._prefix = prefix
        self._limit = limit
        self._text = bytearray()
        self._tried = False
        self._insert: Insert | None = None
        self._file: IO[bytes] | None = None
        self._size = 0
        self.rows = spool.new_path("rows")
        self.rows_size = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes from the wire."""
        for piece in self._decoder.feed(data):
            self._size += len(piece)
            if self._size > self._limit:
                raise too_large(self._limit)
            if self._file is not None:
                self._write_rows(self._file, piece)
                continue
            self._text += piece
            if len(self._text) > _HEAD and not self._tried:
                self._tried = True
                self._split(whole=False)
            if self._file is None and len(self._text) > LONGEST_SQL:
                message = f"The statement is longer than {LONGEST_SQL} bytes. Shorten it, or send its values as rows."
                raise QueryError(229, "QUERY_IS_TOO_LARGE", message)

    def finish(self) -> Statement:
        """The body is complete: the statement it carries. Its rows, where it has some, lie in the file `rows`."""
        self._decoder.finish()
        if self._file is None:
            self._split(whole=True)
        if self._file is not None:
            with disk_errors():
                self._file.close()
        return self._insert or parse(self._whole())

    def raw(self) -> bytes:
        """The body as text, for a form."""
        self._decoder.finish()
        return bytes(self._text)

    def close(self) -> None:
        """Give the disk back."""
        if self._file is not None:
            self._file.close()
            self.rows.unlink(missing_ok=True)

    def _whole(self) -> bytes:
        gap = b"\n" if self._prefix and self._text and not self._prefix.endswith(b"\n") else b""
        return self._prefix + gap + bytes(self._text)

    def _split(self, *, whole: bool) -> None:
        text = self._whole()
        try:
            self._insert = leading_insert(text)
        except QueryError:
            if whole:
                raise
        if self._insert is not None:
            rows = text[self._insert.data_at :]
            with disk_errors():
                self._file = self.rows.open("xb")
            self._text.clear()
            self._write_rows(self._file, rows if rows.strip() else b"")

    def _write_rows(self, file: IO[bytes], data: bytes) -> None:
        with disk_errors():
            file.write(data)
        self.rows_size += len(data)
