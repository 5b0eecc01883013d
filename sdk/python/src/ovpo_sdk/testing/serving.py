# SPDX-License-Identifier: Apache-2.0
"""The sockets of a receiver: HTTP/1.1 with kept-alive connections, a thread each, and what a fault does to them."""

import socket
import ssl
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Final, Protocol

from ovpo_sdk.testing.answering import Asked, Reply
from ovpo_sdk.testing.faults import Answering, Cutting, Dripping, Fault, Hanging, Healthy, Part, TakenThenCut

HOST: Final = "127.0.0.1"
_POLL_SECONDS: Final = 0.02
_HANDSHAKE_SECONDS: Final = 5.0
_PIECE_BYTES: Final = 64 * 1024


class Mind(Protocol):
    """What decides about requests; called from the threads of many connections."""

    def connected(self) -> None:
        """Count a connection."""
        ...

    def next_fault(self) -> Fault:
        """Give what is wrong with the next request."""
        ...

    def answer(self, asked: Asked) -> Reply:
        """Answer as a healthy collector does."""
        ...

    def note(self, asked: Asked, status: int | None) -> None:
        """Keep that a request came, and what status it is given, if any; called before the answer is sent."""
        ...


class Server:
    """Listens on a port from `start` to `stop`, any number of times, and keeps the port to itself until `close`."""

    def __init__(self, mind: Mind, ssl_context: ssl.SSLContext | None) -> None:
        self._mind = mind
        self._ssl = ssl_context
        self._reserved: _Listener | None = _Listener(0, mind, ssl_context)
        self.port = self._reserved.port
        self._running: tuple[_Listener, threading.Thread] | None = None

    def start(self) -> None:
        """Take connections."""
        if self._running is not None:
            return
        listener = self._reserved or _Listener(self.port, self._mind, self._ssl)
        self._reserved = None
        listener.server_activate()
        thread = threading.Thread(target=listener.serve_forever, args=(_POLL_SECONDS,), name="receiver", daemon=True)
        thread.start()
        self._running = (listener, thread)

    def stop(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._running is None:
            return
        listener, thread = self._running
        self._running = None
        listener.end()
        thread.join()
        self._reserved = _Listener(self.port, self._mind, self._ssl)

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        if self._reserved is not None:
            self._reserved.server_close()
            self._reserved = None


class _Listener(ThreadingTCPServer):
    """A bound socket; one that does not listen yet is refused, and keeps the port from others."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, mind: Mind, ssl_context: ssl.SSLContext | None) -> None:
        super().__init__((HOST, port), _Connection, bind_and_activate=False)
        self.server_bind()
        self.mind = mind
        self.ended = threading.Event()
        self._ssl = ssl_context
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        self.ended.set()
        with self._lock:
            for connection in self._open:
                _hang_up(connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._ssl is not None:
            connection = self._ssl.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self.mind.connected()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave alone what a client or a stop does to a connection; print what is a fault of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    """One connection, for as long as both sides keep it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def handle(self) -> None:
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.settimeout(_HANDSHAKE_SECONDS)
            self.connection.do_handshake()
            self.connection.settimeout(None)
        super().handle()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: what came is in the receiver's `requests`."""

    def _serve(self) -> None:
        mind = self.server.mind
        fault = mind.next_fault()
        if isinstance(fault, Cutting):
            mind.note(self._asked(b""), None)
            self._cut()
            return
        asked = self._asked(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        match fault:
            case Hanging():
                mind.note(asked, None)
                while self.connection.recv(_PIECE_BYTES):
                    pass
                self.close_connection = True
            case TakenThenCut():
                mind.answer(asked)
                mind.note(asked, None)
                self._cut()
            case Answering():
                mind.note(asked, fault.status)
                self._write(Reply(fault.status, fault.body, fault.headers))
            case Healthy() | Dripping():
                reply = mind.answer(asked)
                mind.note(asked, reply.status)
                if isinstance(fault, Dripping):
                    self._drip(reply, fault)
                else:
                    self._write(reply)

    def _asked(self, body: bytes) -> Asked:
        headers = {name.lower(): text for name, text in self.headers.items()}
        return Asked(self.command, self.path.partition("?")[0], headers, body)

    def _write(self, reply: Reply) -> None:
        self.wfile.write(_head(reply) + reply.body)
        if "content-length" in {name.lower() for name in reply.headers}:
            self._cut()

    def _drip(self, reply: Reply, fault: Dripping) -> None:
        line, rest = _head(reply).split(b"\r\n", 1)
        at_once, slow = line + b"\r\n", rest + reply.body
        if fault.part is Part.BODY:
            at_once, slow = at_once + rest, reply.body
        self.wfile.write(at_once)
        for byte in slow:
            if self.server.ended.wait(fault.pause_seconds):
                return
            self.wfile.write(bytes((byte,)))

    def _cut(self) -> None:
        _hang_up(self.connection)
        self.close_connection = True


def _head(reply: Reply) -> bytes:
    phrase = HTTPStatus(reply.status).phrase if reply.status in _STATUSES else "Unknown"
    headers = dict(reply.headers)
    if "content-length" not in {name.lower() for name in headers}:
        headers["Content-Length"] = str(len(reply.body))
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


_STATUSES: Final = frozenset(HTTPStatus)


def _hang_up(connection: socket.socket) -> None:
    """End a connection whoever is reading from it; below TLS, whose own goodbye would wait for the other side."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return
