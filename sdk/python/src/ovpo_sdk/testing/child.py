# SPDX-License-Identifier: Apache-2.0
"""The suite's end of a process that runs a pipeline: gives it orders, waits so long and no longer, and ends it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from time import monotonic
from typing import Final, Self

from ovpo_sdk.testing.protocol import REPLIES, Begin, Order, Ready, Reply, Unusable, line
from ovpo_sdk.testing.target import Target, TargetError

IMPORT_SECONDS: Final = 300.0
"""What it may import before its first run; torch alone takes ten seconds on a cold disk."""
_TAIL_BYTES: Final = 4096


class ChildError(Exception):
    """A process that ended by itself or did not answer in time; says which."""

    def __init__(self, message: str, *, is_late: bool = False) -> None:
        super().__init__(message)
        self.is_late = is_late


class Child:
    """One process, to be used in a `with` block, which ends it however it is left."""

    def __init__(self, target: Target, environment: Mapping[str, str]) -> None:
        self._target = target
        self._environment = dict(environment)
        self._replies: SimpleQueue[bytes] = SimpleQueue()

    def __enter__(self) -> Self:
        ours = [part for part in sys.path if part]
        self._errors = TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ovpo_sdk.testing.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**self._environment, "PYTHONPATH": os.pathsep.join(ours)},
            start_new_session=True,
        )
        threading.Thread(target=self._listen, name="ovpo-compliance", daemon=True).start()
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        self._errors.close()

    def ask(self, order: Order, seconds: float) -> Reply:
        """Give an order and wait for what comes of it; raise ChildError when nothing does."""
        stdin = self._process.stdin
        if stdin is None:
            raise ChildError("was not started")
        try:
            stdin.write(line(order))
            stdin.flush()
        except BrokenPipeError:
            raise ChildError(self._ending()) from None
        try:
            raw = self._replies.get(timeout=seconds)
        except Empty:
            raise ChildError(f"did not come to its end within {seconds:.0f} s", is_late=True) from None
        if not raw:
            raise ChildError(self._ending())
        reply = REPLIES.decode(raw)
        if isinstance(reply, Unusable):
            raise TargetError(reply.reason)
        return reply

    def leave(self, seconds: float) -> float:
        """Wait until the process has ended by itself, and tell how long that took."""
        began = monotonic()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            message = f"did not exit within {seconds:.0f} s of its end"
            raise ChildError(message, is_late=True) from None
        return monotonic() - began

    def said(self) -> str:
        """Give the last line that was printed, which is where a program says what went wrong."""
        printed = self._errors.fileno()
        tail = os.pread(printed, _TAIL_BYTES, max(0, os.fstat(printed).st_size - _TAIL_BYTES))
        lines = tail.decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def _begin(self) -> None:
        begin = Begin(self._target.function, self._target.command, self._environment if self._target.command else {})
        try:
            reply = self.ask(begin, IMPORT_SECONDS)
        except ChildError as error:
            raise TargetError(f"{self._target} {error} while it was made ready") from None
        if not isinstance(reply, Ready):
            raise TargetError(f"{self._target} was not made ready: {reply}")

    def _listen(self) -> None:
        stdout = self._process.stdout
        if stdout is not None:
            for raw in stdout:
                self._replies.put(raw)
        self._replies.put(b"")

    def _ending(self) -> str:
        status = self._process.wait()
        ended = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"
        said = self.said()
        return f"{ended}: {said}" if said else ended
