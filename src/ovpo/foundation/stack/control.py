# SPDX-License-Identifier: Apache-2.0
"""What a command does with a stack: start its supervisor, follow it, ask for its state, stop it. Prints nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack import children
from ovpo.foundation.stack.errors import StackError, already_running, from_os_error, no_space
from ovpo.foundation.stack.home import Home, open_home, wipe
from ovpo.foundation.stack.orphans import sweep
from ovpo.foundation.stack.protocol import ATTACHED, MODULE, Exit
from ovpo.foundation.stack.state import Phase, StackState, read

POLL_SECONDS = 0.1
SUPERVISOR_LOG = "stack"


@dataclass(frozen=True, slots=True)
class Started:
    """A supervisor that was just started."""

    home: Home
    process: subprocess.Popen[bytes]


def start(settings: Settings, only: Iterable[str], *, fresh: bool, attached: bool) -> Started:
    """Start a supervisor; attached, it stops when this process ends."""
    home = Home(settings.home)
    if running(home):
        raise already_running(home.root)
    if fresh:
        sweep(home, settings.stack.stop_timeout_seconds)
        wipe(home.root)
    home = open_home(settings.home, settings.stack.least_free_mb)
    command = [sys.executable, "-m", MODULE, *only, *([ATTACHED] if attached else [])]
    try:
        with home.log(SUPERVISOR_LOG).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError as error:
        raise from_os_error(error, home.root) from error
    return Started(home, process)


def _never() -> bool:
    return False


def follow(started: Started, enough: Callable[[], bool] = _never) -> Iterator[StackState]:
    """Give each new state of a stack that was just started, until it ends or is enough; a failed start raises."""
    last: StackState | None = None
    while not enough():
        code = started.process.poll()
        state = read(started.home.state)
        if state and state.supervisor.pid == started.process.pid and state != last:
            last = state
            yield state
        if code is not None:
            if code != Exit.STOPPED:
                raise _failure(started, code, last)
            return
        time.sleep(POLL_SECONDS)


def running(home: Home) -> StackState | None:
    """Give the state of the stack that runs here, if one does."""
    state = read(home.state)
    return state if state and children.lives(state.supervisor) else None


def stop(settings: Settings) -> Iterator[StackState]:
    """Stop the stack that runs here and whatever an earlier one left; gives each state on the way."""
    home = Home(settings.home)
    state = running(home)
    if state is None:
        sweep(home, settings.stack.stop_timeout_seconds)
        return
    os.kill(state.supervisor.pid, signal.SIGTERM)
    patience = settings.stack.stop_timeout_seconds * max(1, len(state.parts))
    deadline = time.monotonic() + patience
    last = state
    while children.lives(state.supervisor):
        if time.monotonic() > deadline:
            os.kill(state.supervisor.pid, signal.SIGKILL)
            sweep(home, settings.stack.stop_timeout_seconds)
            raise StackError(f"the stack did not stop within {patience} s and was ended; {home.logs} may say why")
        if (now := read(home.state)) and now != last:
            last = now
            yield now
        time.sleep(POLL_SECONDS)


def _failure(started: Started, code: int, last: StackState | None) -> StackError:
    if code == Exit.ALREADY_RUNNING:
        return already_running(started.home.root)
    if code == Exit.NO_SPACE:
        return no_space(started.home.root)
    if last and last.phase is Phase.FAILED:
        return StackError(last.message)
    return StackError(
        f"the stack's supervisor ended with exit code {code}; {started.home.log(SUPERVISOR_LOG)} says why"
    )
