# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 spoken byte by byte, so that nothing between a test and the server mends what is sent."""

import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ovpo.foundation.settings.tree import LOOPBACK

PATIENCE_SECONDS = 30.0
_STREAM = b"text/event-stream"
_NO_BODY = frozenset({204, 304})
_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: of a stream, its first event."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """Give a header's value, none where it is not there."""
        return next((value for found, value in self.headers if found == name), None)


class ClosedError(Exception):
    """The server closed the connection before an answer was whole."""


class Connection:
    """A connection that is opened when it is used, and again after either side closed it."""

    def __init__(self, port: int, patience: float = PATIENCE_SECONDS) -> None:
        self._port = port
        self._patience = patience
        self._socket: socket.socket | None = None
        self._held = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._hang_up()
        self._held = b""

    def ask(self, raw: bytes, *, is_head: bool = False) -> Answer:
        """Send a request and read its answer; a connection that was closed since the last one is opened anew."""
        was_open = self._socket is not None
        try:
            return self._ask(raw, is_head)
        except (ClosedError, OSError):
            self.close()
            if not was_open:
                raise
        return self._ask(raw, is_head)

    def send(self, raw: bytes) -> None:
        """Send bytes, whatever they are; what the server no longer takes is left."""
        try:
            self._opened().sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            return

    def stop_sending(self) -> None:
        """Tell the server that nothing more comes."""
        try:
            self._opened().shutdown(socket.SHUT_WR)
        except OSError:
            return

    def read(self, *, is_head: bool = False) -> Answer:
        """Read one answer."""
        status, headers = self._head()
        answer = Answer(status, headers, b"")
        if is_head or status in _NO_BODY:
            body = b""
        elif (answer.header(b"content-type") or b"").startswith(_STREAM):
            body = self._until(b"\n\n")
            self.close()
        elif (length := answer.header(b"content-length")) is not None:
            body = self._exactly(int(length))
        elif answer.header(b"transfer-encoding") == b"chunked":
            body = self._chunks()
        else:
            body = self._rest()
        if (answer.header(b"connection") or b"").lower() == b"close":
            self.close()
        return Answer(status, headers, body)

    def _ask(self, raw: bytes, is_head: bool) -> Answer:
        self.send(raw)
        return self.read(is_head=is_head)

    def _opened(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((LOOPBACK, self._port), self._patience)
        return self._socket

    def _head(self) -> tuple[int, tuple[tuple[bytes, bytes], ...]]:
        first, *lines = self._until(b"\r\n\r\n").removesuffix(b"\r\n\r\n").split(b"\r\n")
        pairs = (line.partition(b":") for line in lines)
        headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
        return int(first.split(b" ", 2)[1]), headers

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._until(b"\r\n"), 16):
            parts.append(self._exactly(size))
            self._exactly(2)
        self._until(b"\r\n")
        return b"".join(parts)

    def _until(self, mark: bytes) -> bytes:
        while (at := self._held.find(mark)) < 0:
            self._more()
        found, self._held = self._held[: at + len(mark)], self._held[at + len(mark) :]
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._held) < size:
            self._more()
        found, self._held = self._held[:size], self._held[size:]
        return found

    def _rest(self) -> bytes:
        try:
            while True:
                self._more()
        except ClosedError:
            found, self._held = self._held, b""
            return found

    def _more(self) -> None:
        came = self._opened().recv(_AT_ONCE)
        if not came:
            self._hang_up()
            raise ClosedError(f"closed after {self._held[:200]!r}")
        self._held += came

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
