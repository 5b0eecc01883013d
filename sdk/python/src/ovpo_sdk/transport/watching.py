# SPDX-License-Identifier: Apache-2.0
"""A deadline over everything that is done with a socket, which the timeouts of single operations cannot give."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Watch:
    """Shuts the one socket that it holds when the time is up; whoever waits for that socket is told at once.

    It holds a duplicate of the descriptor, which stays good whatever TLS or HTTP make of the original.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._twin: socket.socket | None = None
        self._turn = 0
        self._has_rung = False
        self._is_cut = False

    @property
    def has_rung(self) -> bool:
        """Whether the time of the present turn, or of the latest, ran out."""
        return self._has_rung

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give what is done inside so many seconds."""
        with self._lock:
            self._turn += 1
            self._has_rung = False
            timer = threading.Timer(max(seconds, 0.0), self._end, (self._turn,))
        timer.daemon = True
        timer.name = "ovpo-deadline"
        # No thread can be started while the interpreter ends; the timeouts of the socket still hold.
        with suppress(RuntimeError):
            timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._turn += 1

    def hold(self, opened: socket.socket) -> None:
        """Watch this socket from now on; raise TimeoutError or ConnectionAbortedError if it comes too late."""
        twin = opened.dup()
        with self._lock:
            self._close_twin()
            self._twin = twin
            if self._is_cut:
                raise ConnectionAbortedError
            if self._has_rung:
                raise TimeoutError

    def release(self) -> None:
        """Let go of the socket."""
        with self._lock:
            self._close_twin()

    def cut(self) -> None:
        """End what is under way, and let nothing more be held."""
        with self._lock:
            self._is_cut = True
            self._shut()

    def abandon(self) -> None:
        """Close our descriptor in a forked child; takes no lock, for a thread of the parent may have held it."""
        if self._twin is not None:
            close_quietly(self._twin)

    def _end(self, turn: int) -> None:
        with self._lock:
            if turn == self._turn:
                self._has_rung = True
                self._shut()

    def _shut(self) -> None:
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)

    def _close_twin(self) -> None:
        if self._twin is not None:
            self._twin.close()
            self._twin = None


def close_quietly(inherited: socket.socket) -> None:
    """Close the descriptor of a socket that a parent process goes on using: nothing is said to the other side."""
    descriptor = inherited.detach()
    if descriptor >= 0:
        os.close(descriptor)
