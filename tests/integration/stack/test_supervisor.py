# SPDX-License-Identifier: Apache-2.0
"""The supervisor with small real children: order, readiness, restart, giving up, and stopping everything."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from ovpo.foundation.settings.tree import LOOPBACK, Stack
from ovpo.foundation.stack import children
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.home import Home, open_home
from ovpo.foundation.stack.parts.kinds import Listener, Part, Process, Task
from ovpo.foundation.stack.state import Condition, Identity, PartState, Phase, StackState, read
from ovpo.foundation.stack.supervisor import Supervisor, pause_before_restart

SETTINGS = Stack(start_timeout_seconds=5, stop_timeout_seconds=2)
TOUCH_AND_SLEEP = """
import pathlib, sys, time
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""
STUBBORN = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(grandchild.pid))
time.sleep(600)
"""
LATEST = 20.0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home", least_free_mb=0)


def sleeper(name: str, home: Home, *needs: str, code: str = TOUCH_AND_SLEEP) -> Process:
    """Describe a child that is ready once it has touched its file."""
    file = home.root / f"{name}.touched"

    def ready() -> None:
        if not file.exists():
            raise ConnectionError("not touched yet")

    return Process(
        name=name,
        title=name,
        command=(sys.executable, "-c", code, str(file)),
        listener=None,
        ready=ready,
        address="",
        needs=frozenset(needs),
        prepare=lambda: file.unlink(missing_ok=True),
    )


def supervisor(home: Home, *plan: Part) -> Supervisor:
    own = children.identify(os.getpid()) or Identity(os.getpid(), 0.0)
    waiting = tuple(PartState(part.name, part.title, "", Condition.WAITING, time.time()) for part in plan)
    return Supervisor(list(plan), home, SETTINGS, StackState(own, Phase.STARTING, time.time(), waiting))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LATEST):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def while_running(kept: Supervisor, script: Callable[[Supervisor], Awaitable[None]]) -> None:
    """Run the supervisor, do something to it once it is ready, and stop it."""

    async def both() -> None:
        running = asyncio.create_task(kept.run())
        try:
            await until(lambda: kept.state.phase is Phase.READY or running.done())
            if not running.done():
                await script(kept)
        finally:
            kept.stopping.set()
            await running

    asyncio.run(both())


def pid_of(kept: Supervisor, name: str) -> int:
    identity = kept.state.part(name).identity
    assert identity is not None
    return identity.pid


def test_a_part_starts_only_when_what_it_needs_is_ready(home: Home) -> None:
    order: list[str] = []

    def task(name: str, *needs: str) -> Task:
        def run() -> str:
            order.append(name)
            return f"{name} done"

        return Task(name, name, run, frozenset(needs))

    tasks = [task("last", "middle"), task("middle", "first"), task("first")]

    async def nothing(kept: Supervisor) -> None:
        assert kept.state.part("first").note == "first done"

    while_running(supervisor(home, *tasks), nothing)
    assert order == ["first", "middle", "last"]


def test_a_killed_child_is_started_again_and_the_state_says_so(home: Home) -> None:
    kept = supervisor(home, sleeper("one", home))

    async def kill_it(kept: Supervisor) -> None:
        first = pid_of(kept, "one")
        os.kill(first, signal.SIGKILL)
        await until(lambda: kept.state.part("one").condition is Condition.RESTARTING)
        assert "signal 9" in kept.state.part("one").note
        await until(lambda: kept.state.part("one").condition is Condition.READY)
        assert pid_of(kept, "one") != first
        assert kept.state.part("one").restarts == 1
        assert read(home.state) == kept.state

    while_running(kept, kill_it)


def test_the_pause_before_a_restart_doubles_up_to_a_bound() -> None:
    assert [pause_before_restart(failures) for failures in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 30.0]


def test_stopping_ends_a_child_that_ignores_the_signal_and_what_it_started(home: Home) -> None:
    kept = supervisor(home, sleeper("stubborn", home, code=STUBBORN))
    pids: list[int] = []

    async def remember(kept: Supervisor) -> None:
        pids.extend([pid_of(kept, "stubborn"), int((home.root / "stubborn.touched").read_text())])
        assert all(psutil.pid_exists(pid) for pid in pids)

    while_running(kept, remember)
    assert pids
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)
    assert kept.state.phase is Phase.STOPPED


def test_a_part_is_stopped_before_what_it_needs(home: Home) -> None:
    kept = supervisor(home, sleeper("base", home), sleeper("top", home, "base"))

    async def nothing(_: Supervisor) -> None:
        return

    while_running(kept, nothing)
    assert kept.state.part("top").since < kept.state.part("base").since


def test_a_child_that_never_starts_fails_the_stack_with_the_end_of_its_log_and_stops_the_rest(home: Home) -> None:
    broken = sleeper("broken", home, "base", code="import sys; sys.exit('no such thing')")
    kept = supervisor(home, sleeper("base", home), broken)
    with pytest.raises(StackError, match=r"broken ended by itself \(exit code 1\).*no such thing"):
        asyncio.run(kept.run())
    assert kept.state.phase is Phase.FAILED
    assert kept.state.part("base").condition is Condition.STOPPED


def test_a_child_that_never_becomes_ready_is_given_up(home: Home) -> None:
    kept = supervisor(home, sleeper("mute", home, code="import time; time.sleep(600)"))
    kept.settings = Stack(start_timeout_seconds=5, stop_timeout_seconds=1).model_copy(
        update={"start_timeout_seconds": 1}
    )
    with pytest.raises(StackError, match="mute was not ready after 1 s"):
        asyncio.run(kept.run())


def test_a_failed_task_fails_the_stack_in_one_line(home: Home) -> None:
    def fail() -> str:
        raise ValueError("first line\nsecond line")

    with pytest.raises(StackError, match=r"^Tables: first line$"):
        asyncio.run(supervisor(home, Task("tables", "Tables", fail)).run())


def test_a_taken_port_is_said_with_its_owner_and_its_setting_before_anything_starts(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        part = sleeper("one", home)
        listening = replace(part, listener=Listener(LOOPBACK, port, "OVPO_X__PORT"))
        with pytest.raises(StackError) as raised:
            asyncio.run(supervisor(home, listening).run())
    assert f"port {port} for one is taken by" in str(raised.value)
    assert f"(pid {os.getpid()})" in str(raised.value)
    assert "set OVPO_X__PORT" in str(raised.value)
    assert not (home.root / "one.touched").exists()


def test_two_parts_on_one_port_are_refused_with_both_settings(home: Home) -> None:
    parts = []
    for name in ("one", "two"):
        where = Listener(LOOPBACK, 1, f"OVPO_{name.upper()}__PORT")
        parts.append(replace(sleeper(name, home), listener=where))
    with pytest.raises(StackError, match="OVPO_TWO__PORT or OVPO_ONE__PORT"):
        asyncio.run(supervisor(home, *parts).run())


def test_a_restart_that_cannot_be_prepared_yet_is_tried_again(home: Home) -> None:
    part, prepared = sleeper("one", home), [0]

    def prepare() -> None:
        part.prepare()
        prepared[0] += 1
        if prepared[0] == 2:
            raise ValueError("its database is not back yet")

    kept = supervisor(home, replace(part, prepare=prepare))

    async def kill_it(kept: Supervisor) -> None:
        os.kill(pid_of(kept, "one"), signal.SIGKILL)
        await until(lambda: "cannot be prepared: its database is not back yet" in kept.state.part("one").note)
        await until(lambda: kept.state.part("one").condition is Condition.READY)

    while_running(kept, kill_it)
    assert prepared == [3]
