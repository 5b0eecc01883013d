# SPDX-License-Identifier: Apache-2.0
"""Servers that misbehave below HTTP, where the receiver cannot: certificates, silent ports, proxies, raw bytes."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Serve = Callable[[socket.socket], None]


def certificate_for(folder: Path, name: str = "127.0.0.1") -> Path:
    """Write a self-signed certificate for an address and its key into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    """Make a server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def port(serve: Serve | None, backlog: int = 16) -> Iterator[int]:
    """Listen on a free port; each connection is served in a thread, or never even taken where nobody serves."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    taken: list[socket.socket] = []

    def take() -> None:
        with contextlib.suppress(OSError):
            while serve is not None:
                connection, _ = listening.accept()
                taken.append(connection)
                threading.Thread(target=_served, args=(serve, connection), daemon=True).start()

    taking = threading.Thread(target=take, daemon=True)
    taking.start()
    try:
        yield listening.getsockname()[1]
    finally:
        for open_socket in (listening, *taken):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        listening.close()
        taking.join()


def request_on(connection: socket.socket) -> bytes:
    """Read one request; nothing when there is none any more."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = connection.recv(65_536)
        if not more:
            return b""
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    left = (int(lengths[0]) if lengths else 0) - len(body)
    while left > 0:
        left -= len(connection.recv(65_536))
    return read


def silent(_: socket.socket) -> None:
    """Neither read nor answer for longer than anybody waits."""
    threading.Event().wait(20)


def always(answer: bytes) -> Serve:
    """Answer each connection's first request with these bytes, and close."""

    def serve(connection: socket.socket) -> None:
        if request_on(connection):
            connection.sendall(answer)

    return serve


def tunnel(wanted: list[bytes], answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> Serve:
    """Serve as a proxy that connects to where it is asked to; what it was asked is noted."""

    def serve(connection: socket.socket) -> None:
        asked = request_on(connection)
        wanted.append(asked)
        connection.sendall(answer)
        if b" 200 " not in answer:
            return
        host, _, number = asked.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(number))) as other:
            back = threading.Thread(target=_pour, args=(other, connection), daemon=True)
            back.start()
            _pour(connection, other)
            back.join()

    return serve


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while more := source.recv(65_536):
            target.sendall(more)
        target.shutdown(socket.SHUT_RDWR)


def _served(serve: Serve, connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        serve(connection)
