# SPDX-License-Identifier: Apache-2.0
"""An end to every conversation with a receiver, however slowly it speaks: its socket is shut when the time is over."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer


class Deadline:
    """Whether the time is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False


@contextmanager
def deadline(seconds: float, find: Callable[[], socket.socket | None]) -> Iterator[Deadline]:
    """Shut the socket that is found when the time is over: its own timeout ends one read, this ends them all."""
    limit = Deadline(seconds)

    def shut() -> None:
        limit.over = True
        found = find()
        if found is not None:
            with suppress(OSError):
                # A TLS socket's own `shutdown` drops the state that another thread is reading with.
                socket.socket.shutdown(found, socket.SHUT_RDWR)

    timer = Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield limit
    finally:
        timer.cancel()
