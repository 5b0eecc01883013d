# SPDX-License-Identifier: Apache-2.0
"""The supervisor's own process: `python -m ovpo.foundation.stack PART...`, started by `control` and by nobody else.

It stops when asked by a signal, and with `--attached` also when its standard input ends, that is, when its parent dies.
"""

import asyncio
import fcntl
import os
import signal
import sys
import time
from dataclasses import replace

from ovpo.foundation.observability import logs
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack import children, secrets
from ovpo.foundation.stack.errors import AlreadyRunningError, NoSpaceError, StackError, already_running, from_os_error
from ovpo.foundation.stack.home import Home, open_home
from ovpo.foundation.stack.orphans import sweep
from ovpo.foundation.stack.parts.kinds import Part, Process
from ovpo.foundation.stack.plan import choose, plan
from ovpo.foundation.stack.protocol import ATTACHED, Exit
from ovpo.foundation.stack.state import Condition, Identity, PartState, Phase, StackState, read, write
from ovpo.foundation.stack.supervisor import Supervisor


def main(arguments: list[str]) -> int:
    """Supervise a stack until told to stop."""
    settings = load()
    logs.configure(settings.log, "stack")
    home = Home(settings.home)
    own = children.identify(os.getpid()) or Identity(os.getpid(), 0.0)
    try:
        home = open_home(settings.home, settings.stack.least_free_mb)
        with home.lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise already_running(home.root) from None
            return _supervise(settings, home, own, arguments)
    except OSError as error:
        return _report(from_os_error(error, home.root), home, own)
    except StackError as error:
        return _report(error, home, own)


def _supervise(settings: Settings, home: Home, own: Identity, arguments: list[str]) -> int:
    sweep(home, settings.stack.stop_timeout_seconds)
    secrets.generate(home.root)
    settings = load()
    parts = choose(plan(settings, home), [name for name in arguments if name != ATTACHED])
    state = StackState(own, Phase.STARTING, time.time(), tuple(_waiting(part) for part in parts))
    supervisor = Supervisor(parts, home, settings.stack, state)
    asyncio.run(_run(supervisor, attached=ATTACHED in arguments))
    return 0


async def _run(supervisor: Supervisor, *, attached: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.stopping.set)
    if attached:
        loop.add_reader(sys.stdin.fileno(), supervisor.stopping.set)
    await supervisor.run()


def _waiting(part: Part) -> PartState:
    address = part.address if isinstance(part, Process) else ""
    return PartState(part.name, part.title, address, Condition.WAITING, time.time())


def _report(error: StackError, home: Home, own: Identity) -> int:
    """Leave the reason where whoever started us looks for it: in the state, else in the exit code."""
    sys.stderr.write(f"{error}\n")
    if isinstance(error, AlreadyRunningError):
        return Exit.ALREADY_RUNNING
    if isinstance(error, NoSpaceError):
        return Exit.NO_SPACE
    known = read(home.state) or StackState(own, Phase.FAILED, time.time(), ())
    write(home.state, replace(known, supervisor=own, phase=Phase.FAILED, message=str(error)))
    return Exit.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
