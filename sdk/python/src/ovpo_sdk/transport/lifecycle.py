# SPDX-License-Identifier: Apache-2.0
"""What a client does when its process forks, ends, or is told to end.

- A forked child begins anew: what the parent has not sent yet is the parent's.
- At the interpreter's end what is left is sent, within `exit_seconds`.
- SIGTERM would end the process at once and lose what is left. Where nobody else handles it, a handler lets the
  program run on while the background thread sends, and then has the signal do what it would have done. The handler
  takes no lock and waits for nothing, so it cannot hang wherever it strikes. The children of `multiprocessing` are
  without it: a pool terminates its workers just as they begin to wait for work, and Python runs no handler for a
  signal that comes right before a wait, so that one pool in a hundred would wait for ever.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
from _thread import start_new_thread
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

AGAIN_SECONDS: Final = 0.2
_log: Final = logging.getLogger("ovpo_sdk")


class Living(Protocol):
    """What hears of these moments."""

    def after_fork_in_child(self) -> None:
        """Begin anew."""

    def hurry(self) -> None:
        """Begin to send what is left."""

    def leave(self, begun: float) -> None:
        """Wait until what is left is sent, for as long as that may take since then, and end."""


class _Signal:
    """What SIGTERM finds."""

    def __init__(self) -> None:
        self.is_leaving = False


_clients: Final[WeakSet[Living]] = WeakSet()
_sigterm: Final = _Signal()


def join(client: Living, *, handle_sigterm: bool) -> None:
    """Have a client told."""
    _clients.add(client)
    if handle_sigterm and not _is_worker():
        _handle(signal.SIG_DFL, _on_sigterm)


def part(client: Living) -> None:
    """Have a client told no more."""
    _clients.discard(client)


def begin(*, handle_sigterm: bool) -> None:
    """Hear that a client has something to send: a worker of `multiprocessing` ends without the interpreter's end."""
    if _is_worker():
        from multiprocessing.util import Finalize

        Finalize(None, _at_exit, exitpriority=100)
    elif handle_sigterm:
        _handle(signal.SIG_DFL, _on_sigterm)


def _is_worker() -> bool:
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None


def _handle(before: object, after: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Have SIGTERM handled by something else, where it is handled by what we know."""
    with suppress(ValueError, OSError):
        if current_thread() is main_thread() and signal.getsignal(signal.SIGTERM) is before:
            signal.signal(signal.SIGTERM, after)


def _at_exit() -> None:
    """Have all clients send at once, so that many take no longer than one."""
    begun, clients = monotonic(), list(_clients)
    for client in clients:
        with _harmless():
            client.hurry()
    for client in clients:
        with _harmless():
            client.leave(begun)


@contextmanager
def _harmless() -> Iterator[None]:
    """Let the fault of one client be no other's."""
    try:
        yield
    except Exception:  # noqa: BLE001
        _log.exception("ovpo: what was left could not be sent")


def _after_fork_in_child() -> None:
    _sigterm.is_leaving = False
    _handle(_on_sigterm, signal.SIG_DFL)
    for client in list(_clients):
        client.after_fork_in_child()


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    if _sigterm.is_leaving:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        return
    _sigterm.is_leaving = True
    try:
        start_new_thread(_leave, ())
    except RuntimeError:
        _on_sigterm(number, frame)


def _leave() -> None:
    try:
        _at_exit()
    finally:
        # One that comes right before the main thread waits for something is heard by nobody; the next one is.
        while signal.getsignal(signal.SIGTERM) is _on_sigterm:
            _have_sigterm_heard()
            sleep(AGAIN_SECONDS)


def _have_sigterm_heard() -> None:
    if sys.platform == "win32":
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        signal.pthread_kill(main_thread().ident or 0, signal.SIGTERM)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
