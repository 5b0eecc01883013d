# SPDX-License-Identifier: Apache-2.0
"""From the address of a collector to a connection: where it is, by way of which proxy, found and reached in time."""

import base64
import codecs
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection

from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.transport.answers import Cause
from ovpo_sdk.transport.watching import Watch

codecs.lookup("idna")
"""What looks a name up needs it; its first use imports a module, and in a child forked meanwhile that never ends."""
_PORTS: Final = {"http": 80, "https": 443}


class UnreachableError(Exception):
    """There is no way to the collector for now."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where requests go first."""

    host: str
    port: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """Where the collector is, and the way to it."""

    secure: bool
    host: str
    port: int
    prefix: str
    proxy: Proxy | None

    @property
    def base(self) -> str:
        """The address, for messages and for proxies; it never holds a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.prefix}"

    @property
    def forwarding(self) -> Mapping[str, str]:
        """What a proxy wants to see in each request that it forwards; one that makes a tunnel is told once."""
        return self.proxy.headers if self.proxy and not self.secure else {}

    def target(self, path: str) -> str:
        """Name a path in a request: with its server where a proxy forwards it."""
        return f"{self.base}{path}" if self.proxy and not self.secure else f"{self.prefix}{path}"


def read_route(endpoint: str, proxy: str | None) -> Route:
    """Read the addresses of a collector and of a proxy; raise ConfigurationError where one is none."""
    parts, port = _split("endpoint (OVPO_ENDPOINT)", endpoint, {"http", "https"})
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("endpoint (OVPO_ENDPOINT) holds a name or a password; the key goes into OVPO_KEY")
    if parts.query or parts.fragment:
        raise ConfigurationError("endpoint (OVPO_ENDPOINT) must end after its path; remove what follows ? or #")
    prefix = parts.path.rstrip("/")
    return Route(parts.scheme == "https", str(parts.hostname), port, prefix, _read_proxy(proxy) if proxy else None)


def read_certificates(ca_file: str | None) -> ssl.SSLContext:
    """Give what a server's certificate is checked against: the system's authorities, or those of a file alone."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"ca_file ({ca_file}) cannot be read: {error}; name a file of PEM certificates"
        ) from None


def dial(host: str, port: int, seconds: float) -> socket.socket:
    """Open a socket to the first address of a host that takes it; raise UnreachableError where none does in time."""
    until = time.monotonic() + seconds
    addresses = _addresses(host, port, seconds)
    refusal: OSError | None = None
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (until - time.monotonic()) / (len(addresses) - index)
        if share <= 0:
            break
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(share)
            opened.connect(address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            opened.close()
            refusal = error
        else:
            return opened
    if refusal is None or isinstance(refusal, TimeoutError):
        raise UnreachableError(Cause.TIMEOUT, f"{host}:{port} took no connection within {seconds:g} s")
    raise UnreachableError(Cause.CONNECT, f"{host}:{port} takes no connection: {refusal.strerror or refusal}")


def connection_for(route: Route, certificates: ssl.SSLContext | None, watch: Watch, seconds: float) -> HTTPConnection:
    """Make a connection that is not open yet and may take so long to be."""
    host, port = (route.proxy.host, route.proxy.port) if route.proxy else (route.host, route.port)
    if not route.secure:
        return _Plain(watch, host, port, timeout=seconds)
    connection = _Secure(watch, host, port, timeout=seconds, ssl_context=certificates)
    if route.proxy:
        connection.set_tunnel(route.host, route.port, route.proxy.headers)
    return connection


class _Plain(HTTPConnection):
    def __init__(self, watch: Watch, host: str, port: int, *, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._watch = watch
        self._seconds = timeout

    def _new_conn(self) -> socket.socket:
        return _watched(self._watch, self.host, int(self.port or 0), self._seconds)


class _Secure(HTTPSConnection):
    def __init__(
        self, watch: Watch, host: str, port: int, *, timeout: float, ssl_context: ssl.SSLContext | None
    ) -> None:
        super().__init__(host, port, timeout=timeout, ssl_context=ssl_context)
        self._watch = watch
        self._seconds = timeout

    def _new_conn(self) -> socket.socket:
        return _watched(self._watch, self.host, int(self.port or 0), self._seconds)


def _watched(watch: Watch, host: str, port: int, seconds: float) -> socket.socket:
    opened = dial(host, port, seconds)
    try:
        watch.hold(opened)
    except OSError:
        opened.close()
        raise
    opened.settimeout(seconds)
    return opened


_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


def _addresses(host: str, port: int, seconds: float) -> Sequence[_Address]:
    """Look a name up beside us: a resolver has no timeout, and one that is away keeps its caller for half a minute."""
    found: list[Sequence[_Address] | OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    looking = threading.Thread(target=look_up, name="ovpo-lookup", daemon=True)
    try:
        looking.start()
        looking.join(seconds)
    except RuntimeError:
        look_up()
    if not found:
        raise UnreachableError(Cause.DNS, f"{host} was not found within {seconds:g} s; is the network up?")
    if isinstance(found[0], Exception):
        message = f"{host} is not a known host ({found[0]}); correct OVPO_ENDPOINT, or the network's name server"
        raise UnreachableError(Cause.DNS, message)
    return found[0]


def _read_proxy(address: str) -> Proxy:
    parts, port = _split("proxy", address if "://" in address else f"http://{address}", {"http"})
    headers: dict[str, str] = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Proxy(str(parts.hostname), port, headers)


def _split(name: str, address: str, schemes: set[str]) -> tuple[SplitResult, int]:
    """Take an address apart; it is not repeated in the error, for it may hold a password."""
    wanted = f"{name} must be an address such as {min(schemes)}://host:port"
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{wanted}: {error}") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigurationError(wanted)
    return parts, port if port is not None else _PORTS[parts.scheme]
