# SPDX-License-Identifier: Apache-2.0
"""One kept-alive connection to the collector: a batch goes out, what became of it comes back, always in time.

When to send again is the caller's decision; what an answer means is in `answers`, how the collector is reached in
`dialing`.
"""

import http.client
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import urllib3.exceptions
from urllib3.connection import HTTPConnection

from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.transport.answers import (
    Cause,
    Conflict,
    Denied,
    HttpAnswer,
    ItemError,
    Outcome,
    Refused,
    Taken,
    TooLarge,
    TryAgain,
    read_outcome,
    read_tenant,
)
from ovpo_sdk.transport.dialing import UnreachableError, connection_for, read_certificates, read_route
from ovpo_sdk.transport.watching import Watch, close_quietly

__all__ = ["Cause", "Conflict", "Denied", "ItemError", "Outcome", "Refused", "Sender", "Taken", "TooLarge", "TryAgain"]

MOST_ANSWER_BYTES: Final = 2_000_000
CONNECT_SECONDS: Final = 3.0
INGEST: Final = "/v1/ingest/batch"
WHOAMI: Final = "/v1/whoami"
_NETWORK_ERRORS: Final = (
    OSError,
    ValueError,
    UnreachableError,
    http.client.HTTPException,
    urllib3.exceptions.HTTPError,
)
_ENDED: Final = (
    ConnectionError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    http.client.IncompleteRead,
    urllib3.exceptions.ProtocolError,
)
"""The other side went away in the middle."""


class Sender:
    """Sends one batch at a time; nothing that a server or a network does makes it raise."""

    def __init__(
        self,
        endpoint: str,
        key: str,
        request_seconds: float,
        connect_seconds: float | None = None,
        *,
        proxy: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        if not (key and key.isascii() and key.isprintable() and " " not in key):
            raise ConfigurationError("key (OVPO_KEY) must be one word such as ovpo_sk_…; copy it again")
        self._route = read_route(endpoint, proxy)
        self._key = key
        self._request_seconds = request_seconds
        self._connect_seconds = CONNECT_SECONDS if connect_seconds is None else connect_seconds
        self._certificates = read_certificates(ca_file) if self._route.secure else None
        self._headers: Final = {"Authorization": f"Bearer {key}", "User-Agent": f"ovpo-sdk-python/{_version()}"}
        self._watch = Watch()
        self._in_use = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._is_closed = False

    def send(self, body: bytes, idempotency_key: str, items: int, seconds: float | None = None) -> Outcome:
        """Send so many items as gzip'd JSON; an answer for another number of items is not believed."""
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "Idempotency-Key": idempotency_key,
        }
        answer = self._ask("POST", INGEST, body, headers, seconds)
        return answer if isinstance(answer, TryAgain) else read_outcome(answer, items, datetime.now(UTC))

    def whoami(self, seconds: float | None = None) -> str | Outcome:
        """Ask for the tenant of the key."""
        answer = self._ask("GET", WHOAMI, None, {}, seconds)
        return answer if isinstance(answer, TryAgain) else read_tenant(answer, datetime.now(UTC))

    def abandon(self) -> None:
        """Forget the connection in a forked child: our descriptors are closed, the parent's conversation goes on."""
        if self._connection is not None and self._connection.sock is not None:
            close_quietly(self._connection.sock)
        self._watch.abandon()
        self._connection = None
        self._watch = Watch()
        self._in_use = threading.Lock()

    def close(self) -> None:
        """End the connection and, from whichever thread, what is under way on it."""
        self._is_closed = True
        self._watch.cut()
        self._drop_unless_in_use()

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float | None
    ) -> HttpAnswer | TryAgain:
        """Ask within the time; where a connection was kept that the other side has given up, ask once more."""
        allowed = self._request_seconds if seconds is None else seconds
        until = time.monotonic() + allowed
        with self._in_use, self._watch.within(allowed):
            if self._connection is not None and not self._connection.is_connected:
                self._drop()
            was_kept = self._connection is not None
            answer = self._try(method, path, body, headers, until)
            if was_kept and isinstance(answer, TryAgain) and answer.cause is Cause.CUT:
                answer = self._try(method, path, body, headers, until)
        if self._is_closed:
            self._drop_unless_in_use()
        return answer

    def _try(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], until: float
    ) -> HttpAnswer | TryAgain:
        """Ask once; the connection is kept only after an answer that came whole."""
        left = until - time.monotonic()
        is_up = False
        if self._is_closed:
            return self._closed(is_up)
        if left <= 0:
            return TryAgain(Cause.TIMEOUT, f"{self._route.base} was not asked: no time was left", None, sent=False)
        try:
            connection = self._connected(left)
            is_up = True
            connection.timeout = left
            answer = self._exchange(connection, method, path, body, headers)
        except _NETWORK_ERRORS as error:
            self._drop()
            return self._explain(error, is_up)
        if connection.sock is None or self._watch.has_rung or len(answer.body) > MOST_ANSWER_BYTES:
            self._drop()
        if self._watch.has_rung:
            return TryAgain(Cause.TIMEOUT, f"{self._route.base} gave no whole answer in time", None, sent=True)
        if len(answer.body) > MOST_ANSWER_BYTES:
            message = f"{self._route.base} answered with more than {MOST_ANSWER_BYTES} bytes; is it a collector?"
            return TryAgain(Cause.GARBAGE, message, None, sent=True)
        return answer

    def _connected(self, left: float) -> HTTPConnection:
        """Give the connection, opened where there is none."""
        if self._connection is None:
            seconds = min(self._connect_seconds, left)
            self._connection = connection_for(self._route, self._certificates, self._watch, seconds)
            self._connection.connect()
        return self._connection

    def _exchange(
        self, connection: HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> HttpAnswer:
        """Send a request and read its answer, up to a byte more than it may have; the key is taken out of it."""
        # A server may answer and close before it has read everything: what it said is there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                method,
                self._route.target(path),
                body,
                {**self._headers, **self._route.forwarding, **headers},
                preload_content=False,
                decode_content=False,
            )
        response = connection.getresponse()
        read = bytearray()
        while more := response.read(MOST_ANSWER_BYTES + 1 - len(read)):
            read += more
        told = {name.lower(): text for name, text in response.headers.items()}
        return HttpAnswer(response.status, told, bytes(read).replace(self._key.encode(), b"(the key)"))

    def _explain(self, error: Exception, is_up: bool) -> TryAgain:
        """Say what went wrong; errors are not quoted where they may hold what was sent."""
        base = self._route.base
        if self._is_closed:
            return self._closed(is_up)
        if isinstance(error, UnreachableError):
            return TryAgain(error.cause, str(error), None, sent=False)
        if self._watch.has_rung or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
            message = f"{base} gave no answer in time" if is_up else f"{base} was not reached in time"
            return TryAgain(Cause.TIMEOUT, message, None, sent=is_up)
        if isinstance(error, ssl.SSLCertVerificationError):
            message = (
                f"{base} has a certificate that is not trusted ({error.verify_message}); ca_file names authorities"
            )
            return TryAgain(Cause.TLS, message, None, sent=False)
        if not is_up:
            if isinstance(error, ssl.SSLError):
                message = f"{base} does not speak TLS as expected ({error.reason}); is it an http:// address?"
                return TryAgain(Cause.TLS, message, None, sent=False)
            return TryAgain(Cause.CONNECT, f"{base} was not reached: {error}", None, sent=False)
        if isinstance(error, _ENDED):
            return TryAgain(Cause.CUT, f"{base} closed the connection without an answer", None, sent=True)
        if isinstance(error, ssl.SSLError | urllib3.exceptions.SSLError):
            return TryAgain(Cause.TLS, f"the TLS connection to {base} broke", None, sent=True)
        if isinstance(error, OSError):
            return TryAgain(Cause.CUT, f"the connection to {base} broke: {error.strerror}", None, sent=True)
        return TryAgain(Cause.GARBAGE, f"{base} does not answer in HTTP; is OVPO_ENDPOINT right?", None, sent=True)

    def _closed(self, is_up: bool) -> TryAgain:
        return TryAgain(Cause.CUT, f"sending to {self._route.base} has ended", None, sent=is_up)

    def _drop_unless_in_use(self) -> None:
        """Close the connection, or leave that to the thread that is using it."""
        if self._in_use.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._in_use.release()

    def _drop(self) -> None:
        """Close the connection, so that the next request opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._watch.release()


def _version() -> str:
    try:
        return version("ovpo-sdk")
    except PackageNotFoundError:
        return "0"
