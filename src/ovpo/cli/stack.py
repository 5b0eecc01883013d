# SPDX-License-Identifier: Apache-2.0
"""`ovpo up`, `down`, `status` and `logs`: the embedded stack for a person."""

import signal
import subprocess
import sys
from threading import Event
from typing import Annotated

import typer
from rich.console import Console

from ovpo.cli import show
from ovpo.foundation.settings.load import load
from ovpo.foundation.stack import control
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.state import Condition, Phase, StackState, read

NOT_RUNNING = 3

Only = Annotated[list[str] | None, typer.Option("--only", help="Start this part and what it needs; may be repeated.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Delete OVPO_HOME first: every trace, key and run in it.")]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Leave the stack running and return when it is ready.")]
Lines = Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines from the end.")]
FollowLog = Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what is added, until Ctrl-C.")]
Name = Annotated[str, typer.Argument(help="A part's name as `ovpo status` prints it, or `stack` for the supervisor.")]


def up(only: Only = None, fresh: Fresh = False, detach: Detach = False) -> None:
    """Start everything on this machine, on loopback: stores, queue, services and Dagster.

    Data is kept in OVPO_HOME (`./.ovpo`) and found again at the next start. Without `--detach` the stack runs until
    Ctrl-C. A part whose URL is set (see `ovpo config show`) is used from there and not started.
    """
    settings = load()
    console = show.console()
    progress = show.Progress(console)
    started = control.start(settings, only or [], fresh=fresh, attached=not detach)
    interrupted = _interrupt()
    for state in control.follow(started, interrupted.is_set):
        progress.tell(state)
        if state.phase is Phase.READY and not progress.announced:
            progress.announce(state, show.first_key(load(), state))
            if detach:
                return
    if interrupted.is_set():
        _stop(console, progress)


def down() -> None:
    """Stop the stack of OVPO_HOME, in order; the data stays."""
    console = show.console()
    progress = show.Progress(console)
    state = control.running(Home(load().home))
    if state is None:
        console.print("No stack runs here.")
    else:
        progress.know(state)
    _stop(console, progress)


def status() -> None:
    """Print each part with its state, address and restarts; exits with 0 when all are ready, with 3 when none runs."""
    home = Home(load().home)
    state = control.running(home)
    if state is None:
        last = read(home.state)
        why = f" The last one failed: {last.message}" if last and last.phase is Phase.FAILED else ""
        typer.echo(f"No stack runs in {home.root}; `ovpo up` starts one.{why}")
        raise typer.Exit(NOT_RUNNING)
    show.console().print(show.table(state))
    raise typer.Exit(0 if _all_ready(state) else 1)


def logs(name: Name, lines: Lines = 50, follow: FollowLog = False) -> None:
    """Print the end of one part's log."""
    home = Home(load().home)
    file = home.log(name)
    if not file.is_file():
        known = ", ".join(sorted(log.stem for log in home.logs.glob("*.log"))) or "none yet"
        raise StackError(f"there is no log of {name!r} in {home.logs}; there are: {known}")
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(file)]
    try:
        sys.exit(subprocess.run(command, check=False).returncode)
    except KeyboardInterrupt:
        return


def _interrupt() -> Event:
    """Have Ctrl-C end the watching and nothing halfway: as an exception it may be raised where nobody can catch it."""
    pressed = Event()
    signal.signal(signal.SIGINT, lambda *_: pressed.set())
    return pressed


def _stop(console: Console, progress: show.Progress) -> None:
    console.print("Stopping …")
    for state in control.stop(load()):
        progress.tell(state)
    console.print("Stopped; the data is kept.")


def _all_ready(state: StackState) -> bool:
    return all(part.condition is Condition.READY for part in state.parts)
