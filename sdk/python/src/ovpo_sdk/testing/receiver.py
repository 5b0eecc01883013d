# SPDX-License-Identifier: Apache-2.0
"""A collector for tests, in this process: answers as the real one does, keeps what it took, and fails on demand.

It listens on 127.0.0.1 alone and holds its port while it is stopped, so that a client is refused there and nobody else
is met. What a request is answered is `answering`'s business, what can be wrong is `faults`'.
"""

import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from ovpo_sdk.records import FrameRecord, SpanRecord, TraceRecord
from ovpo_sdk.testing.answering import Asked, Reply, UnreadableBodyError, answer, decoded
from ovpo_sdk.testing.book import Book, Repeat
from ovpo_sdk.testing.faults import Fault, Healthy
from ovpo_sdk.testing.judging import ItemFault
from ovpo_sdk.testing.serving import HOST, Server

HEALTHY: Final = Healthy()
ASK_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came; its body is as it was before it was compressed, or empty where it was not or badly sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    idempotency_key: str | None
    body: bytes
    status: int | None
    """What it was answered; `None` where it got no answer."""
    at: float
    """When, on the receiver's clock."""


class Receiver:
    """Takes telemetry from `start` (or `with`) on; can be stopped and started again on the same port."""

    def __init__(
        self,
        *,
        tenant: str = "test",
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tenant: Final = tenant
        self.key: Final = f"ovpo_sk_{secrets.token_hex(4)}_{secrets.token_hex(24)}"
        self._clock = clock
        self._changed = threading.Condition()
        self._book = Book()
        self._fault: Fault = HEALTHY
        self._requests: list[Request] = []
        self._connections = 0
        self._server = Server(self, ssl_context)
        self.endpoint: Final = f"{'https' if ssl_context else 'http'}://{HOST}:{self._server.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Take connections."""
        self._server.start()

    def stop(self) -> None:
        """Cut every connection and refuse new ones; what was taken stays."""
        self._server.stop()

    def close(self) -> None:
        """Stop for good and give the port back."""
        self._server.close()

    @property
    def fault(self) -> Fault:
        """What is wrong with the next request."""
        with self._changed:
            return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        with self._changed:
            self._fault = fault

    @property
    def requests(self) -> tuple[Request, ...]:
        """Every request that came, in order."""
        with self._changed:
            return tuple(self._requests)

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        with self._changed:
            return self._connections

    @property
    def repeats(self) -> Mapping[str, Repeat]:
        """The items that came again in another batch, by id; a batch that came again under its key does not count."""
        with self._changed:
            return dict(self._book.repeats)

    @property
    def refused(self) -> tuple[ItemFault, ...]:
        """The items that broke the contract."""
        with self._changed:
            return tuple(self._book.refused)

    def traces(self) -> tuple[TraceRecord, ...]:
        """Give the latest record of every trace."""
        with self._changed:
            return tuple(records[-1] for records in self._book.traces.values())

    def trace_records(self, trace_id: str) -> tuple[TraceRecord, ...]:
        """Give every record of a trace, in the order in which they came."""
        with self._changed:
            return tuple(self._book.traces.get(trace_id, ()))

    def spans(self) -> tuple[SpanRecord, ...]:
        """Give every span once."""
        with self._changed:
            return tuple(self._book.spans.values())

    def frames(self) -> tuple[FrameRecord, ...]:
        """Give every frame event once."""
        with self._changed:
            return tuple(self._book.frames.values())

    def until(self, question: Callable[["Receiver"], bool], seconds: float = 10.0) -> bool:
        """Wait until the answer is yes, asking after every request and now and then; tell what it was in the end."""
        end = time.monotonic() + seconds
        while not (answered := question(self)) and (left := end - time.monotonic()) > 0:
            with self._changed:
                self._changed.wait(min(left, ASK_SECONDS))
        return answered

    def connected(self) -> None:
        """Count a connection."""
        with self._changed:
            self._connections += 1

    def next_fault(self) -> Fault:
        """Give what is wrong with the next request, which counts as one of those that the fault is for."""
        with self._changed:
            fault = self._fault
            if fault.for_requests is not None:
                left = fault.for_requests - 1
                self._fault = replace(fault, for_requests=left) if left > 0 else HEALTHY
            return fault if fault.for_requests is None or fault.for_requests > 0 else HEALTHY

    def answer(self, asked: Asked) -> Reply:
        """Answer as a healthy collector does."""
        with self._changed:
            return answer(asked, self._book, self.key, self.tenant)

    def note(self, asked: Asked, status: int | None) -> None:
        """Keep that a request came."""
        try:
            body = decoded(asked)
        except UnreadableBodyError:
            body = b""
        key = asked.headers.get("idempotency-key")
        request = Request(asked.method, asked.path, asked.headers, key, body, status, self._clock())
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
