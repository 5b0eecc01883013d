# SPDX-License-Identifier: Apache-2.0
"""Everything between a caller and the collector put together, and its life: begun late, forked, ended."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Final

from ovpo_sdk.configuration import Configuration
from ovpo_sdk.counters import Counters
from ovpo_sdk.transport import lifecycle
from ovpo_sdk.transport.courier import Courier, Route
from ovpo_sdk.transport.pipe import Marker, Pipe
from ovpo_sdk.transport.sending import Sender
from ovpo_sdk.transport.spool import Spool, SpoolError
from ovpo_sdk.transport.waiting import Waiting

if TYPE_CHECKING:
    from ovpo_sdk.shaping.personal import PersonalData
    from ovpo_sdk.transport.answers import ItemError
    from ovpo_sdk.transport.pipe import Item

STOP_SECONDS: Final = 1.0
LAST_SECONDS: Final = 0.1
"""What the thread has to end where all the time is spent."""
_log: Final = logging.getLogger("ovpo_sdk")


class Nowhere:
    """What a client that traces nothing has in place of a line."""

    def __init__(self, *, is_meant: bool = True) -> None:
        self._is_meant = is_meant

    def put(self, item: Item) -> None:
        """Take nothing."""

    def send_now(self) -> None:
        """Send nothing."""

    def refused_here(self) -> None:
        """Count nothing."""

    def flush(self, seconds: float | None) -> bool:  # noqa: ARG002
        """Tell that nothing is left, unless somebody meant to trace and cannot."""
        return self._is_meant

    def close(self, seconds: float) -> None:
        """End nothing."""

    def counters(self) -> Counters:
        """Tell of nothing."""
        return Counters()


class Line:
    """The pipe, the thread at its other end and what that needs."""

    def __init__(
        self,
        configuration: Configuration,
        personal: PersonalData,
        say: Callable[[str], None],
        on_error: Callable[[ItemError], None] | None,
        in_child: Callable[[], None],
    ) -> None:
        """Make it; a forked child that has something to send calls `in_child` first."""
        self._exit_seconds = configuration.exit_seconds
        self._pipe = Pipe(configuration.buffer_bytes, personal, say, self._start)
        self._sender = Sender(
            configuration.endpoint,
            configuration.key,
            configuration.request_seconds,
            proxy=configuration.proxy,
            ca_file=configuration.ca_file,
        )
        self._waiting = Waiting(self._pipe, _spool(configuration))
        self._courier = Courier(
            self._pipe,
            self._waiting,
            self._sender,
            Route(configuration.tenant, configuration.flush_seconds, on_error),
        )
        self._lock = RLock()
        self._closed = self._is_child = False
        self._last: Marker | None = None
        self._in_child = in_child
        self._handle_sigterm = configuration.handle_sigterm
        self._say = say
        self.put = self._pipe.put
        """Leave an item; the pipe's own method, because a call between costs a tenth of a frame."""
        lifecycle.join(self, handle_sigterm=configuration.handle_sigterm)
        if configuration.spool is not None:
            self._start()

    def send_now(self) -> None:
        """Have what is here sent."""
        self._pipe.send_now()

    def refused_here(self) -> None:
        """Count something that was left out."""
        with self._pipe.lock:
            self._pipe.tally.refused_here += 1

    def flush(self, seconds: float | None) -> bool:
        """Wait until everything that was put in is delivered."""
        marker = self._pipe.put_marker(gives_up=False)
        if marker.wait(seconds):
            return True
        self._pipe.give_up(marker)
        return False

    def hurry(self) -> None:
        """Begin to send what is left at the end of the program; the first try that fails is the last."""
        if self._pipe.running and not self._closed:
            self._last = self._pipe.put_marker(gives_up=True)

    def leave(self, begun: float) -> None:
        """Wait for that, at most so long as the end of the program may take in all."""
        self._end(max(self._exit_seconds - (monotonic() - begun), 0.0))

    def close(self, seconds: float) -> None:
        """Send what is left, then take nothing more."""
        self._end(seconds)
        lifecycle.part(self)

    def counters(self) -> Counters:
        """Tell what became of everything."""
        return self._pipe.counters(*self._waiting.sizes())

    def after_fork_in_child(self) -> None:
        """Begin anew in the child."""
        self._lock = RLock()
        self._is_child = True
        self._last = None
        self._pipe.fresh()
        self._sender.abandon()
        self._waiting.after_fork_in_child()
        self._courier.after_fork_in_child()

    def _start(self) -> None:
        with self._lock:
            if self._pipe.running:
                return
            if not self._closed:
                self._begin()
                return
        if self._pipe.discard():
            self._say("the client is closed, so what comes now is dropped; close it later")

    def _begin(self) -> None:
        self._pipe.running = True
        lifecycle.begin(handle_sigterm=self._handle_sigterm and self._is_child)
        if self._is_child:
            self._is_child = False
            self._in_child()
        try:
            self._courier.start()
        except RuntimeError as error:
            self._pipe.running = False
            self._say(f"no thread can be started ({error}), so telemetry is kept until one can")

    def _end(self, seconds: float) -> None:
        with self._lock:
            if self._closed:
                return
        if self._pipe.running:
            (self._last or self._pipe.put_marker(gives_up=True)).wait(seconds)
            self._courier.stop(min(STOP_SECONDS, seconds + LAST_SECONDS))
        with self._lock:
            self._closed, self._pipe.running = True, False
        self._pipe.discard()


def _spool(configuration: Configuration) -> Spool | None:
    """Open the spool; it is of one endpoint and key, so that nothing goes to another tenant at the next start."""
    if configuration.spool is None:
        return None
    owner = hashlib.sha256(f"{configuration.endpoint}\n{configuration.key}".encode()).hexdigest()[:16]
    try:
        return Spool(configuration.spool, owner, configuration.spool_bytes)
    except SpoolError as error:
        if configuration.strict:
            raise
        _log.warning("ovpo: %s; what waits is kept in memory", error)
        return None
