# SPDX-License-Identifier: Apache-2.0
"""Receivers on loopback: an HTTP and an SMTP server that write down what they are sent and answer as they are told."""

import socket
import socketserver
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ovpo.foundation.settings.tree import LOOPBACK


@dataclass
class Sent:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """An HTTP server; answers are taken from the front of `answers`, then it answers 202."""

    port: int
    received: list[Sent] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{LOOPBACK}:{self.port}/hook"


@contextmanager
def receiver(certificate: Path | None = None) -> Iterator[Receiver]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.received.append(Sent(self.path, dict(self.headers), body))
            status, headers, said = made.answers.pop(0) if made.answers else (202, {}, b"ok")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    if certificate:
        server.socket = _tls(certificate).wrap_socket(server.socket, server_side=True)
    made = Receiver(server.server_address[1], scheme="https" if certificate else "http")
    with serving(server):
        yield made


@contextmanager
def speaking(say: Callable[[socket.socket, Event], None]) -> Iterator[int]:
    """Give a port where whoever connects is spoken to by a function, until the block ends."""
    over = Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                say(self.request, over)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server((LOOPBACK, 0), Handler)
    with serving(server):
        try:
            yield server.server_address[1]
        finally:
            over.set()


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailServer:
    """An SMTP server."""

    port: int
    messages: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    """The answer to a command instead of the usual one, by its first word or by what follows it."""
    offers: tuple[str, ...] = ("STARTTLS", "AUTH PLAIN")


class _Conversation:
    """One connection to the SMTP server."""

    def __init__(self, server: MailServer, connection: socket.socket, certificate: Path) -> None:
        self._server = server
        self._certificate = certificate
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._secure = False

    def hold(self) -> None:
        self._say("220 mail.example ESMTP")
        while line := self._lines.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            refusal = next((said for part, said in self._server.refuses.items() if part in (verb.upper(), rest)), None)
            if refusal:
                self._say(refusal)
            else:
                getattr(self, f"_{verb.lower()}", lambda _: self._say("250 ok"))(rest)

    def _say(self, text: str) -> None:
        self._connection.sendall(text.encode() + b"\r\n")

    def _ehlo(self, _: str) -> None:
        self._say("\r\n".join(f"250-{offer}" for offer in ("mail.example", *self._server.offers)) + "\r\n250 HELP")

    def _starttls(self, _: str) -> None:
        self._say("220 go ahead")
        self._connection = _tls(self._certificate).wrap_socket(self._connection, server_side=True)
        self._lines, self._secure = self._connection.makefile("rb"), True

    def _auth(self, rest: str) -> None:
        self._server.logins.append(rest.partition(" ")[2])
        self._say("235 welcome")

    def _rcpt(self, rest: str) -> None:
        self._server.recipients.append(rest[rest.index("<") + 1 : rest.index(">")])
        self._say("250 ok")

    def _data(self, _: str) -> None:
        self._say("354 go on")
        content = b""
        while (row := self._lines.readline()) != b".\r\n":
            content += row
        self._server.messages.append(content)
        self._server.encrypted.append(self._secure)
        self._say("250 taken")


@contextmanager
def mail_server(certificate: Path) -> Iterator[MailServer]:
    """Serve until the block ends."""
    made = MailServer(0)
    with speaking(lambda connection, _: _Conversation(made, connection, certificate).hold()) as port:
        made.port = port
        yield made


def certificate_of_loopback(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that is its own authority; the file holds its key too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
