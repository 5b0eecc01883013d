# SPDX-License-Identifier: Apache-2.0
"""Starting and stopping real stacks from a command: two at once, killed supervisors, killed parents, kept data."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import valkey

from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo.foundation.stack import children, control
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.state import Condition, Phase, StackState, read, write
from tests.conftest import environment, scratch, stack_environment

LATEST = 30.0
ONE_PART = ("valkey",)
GRANDPARENT = """
import pathlib, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(grandchild.pid))
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as made:
        yield made


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LATEST
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


def start(*parts: str) -> tuple[Settings, StackState]:
    """Start a stack in the present environment and wait until it is ready."""
    started = control.start(load(), parts, fresh=False, attached=False)
    for state in control.follow(started):
        if state.phase is Phase.READY:
            return load(), state
    raise AssertionError("the stack ended before it was ready")


def client(settings: Settings) -> valkey.Valkey:
    return valkey.Valkey(LOOPBACK, settings.cache.port, password=settings.cache.password.get_secret_value())


def lives(state: StackState, name: str) -> bool:
    identity = state.part(name).identity
    return identity is not None and children.lives(identity)


def test_two_stacks_with_their_own_homes_run_side_by_side_and_stop_alone(folder: Path) -> None:
    with environment(stack_environment(folder / "a")):
        first, first_state = start(*ONE_PART)
    with environment(stack_environment(folder / "b")):
        second, second_state = start(*ONE_PART)
    try:
        client(first).set("who", "a")
        client(second).set("who", "b")
        assert client(first).get("who") == b"a"
        assert first.cache.password != second.cache.password
        list(control.stop(first))
        assert not lives(first_state, "valkey")
        assert lives(second_state, "valkey")
    finally:
        list(control.stop(first))
        list(control.stop(second))
    assert not lives(second_state, "valkey")


def test_a_second_stack_in_the_same_home_is_refused_and_the_first_goes_on(folder: Path) -> None:
    with environment(stack_environment(folder / "a")):
        settings, state = start(*ONE_PART)
        try:
            with pytest.raises(StackError, match=r"a stack runs in .* already; see `ovpo status`"):
                control.start(load(), ONE_PART, fresh=False, attached=False)
            assert control.running(Home(settings.home)) == state
        finally:
            list(control.stop(settings))


def test_down_ends_what_a_killed_supervisor_left_behind(folder: Path) -> None:
    with environment(stack_environment(folder / "a")):
        settings, state = start(*ONE_PART)
        os.kill(state.supervisor.pid, signal.SIGKILL)
        until(lambda: not children.lives(state.supervisor))
        assert lives(state, "valkey")
        list(control.stop(settings))
        assert not lives(state, "valkey")


def test_the_next_start_ends_what_a_killed_supervisor_left_behind_and_finds_the_data(folder: Path) -> None:
    with environment(stack_environment(folder / "a")):
        settings, state = start(*ONE_PART)
        client(settings).set("kept", "yes")
        client(settings).waitaof(1, 0, 5_000)
        os.kill(state.supervisor.pid, signal.SIGKILL)
        until(lambda: not children.lives(state.supervisor))
        settings, again = start(*ONE_PART)
        try:
            assert not lives(state, "valkey")
            assert lives(again, "valkey")
            assert client(settings).get("kept") == b"yes"
        finally:
            list(control.stop(settings))


def test_a_killed_parent_takes_its_attached_stack_with_it(folder: Path) -> None:
    with environment(stack_environment(folder / "a")):
        command = [sys.executable, "-m", "ovpo.cli.main", "up", "--only", "valkey"]
        parent = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        home = Home(load().home)
        until(lambda: (state := read(home.state)) and state.phase is Phase.READY)
        state = read(home.state)
        assert state is not None
        parent.kill()
        parent.wait()
        until(lambda: not children.lives(state.supervisor))
        assert not lives(state, "valkey")


def test_ctrl_c_stops_everything_in_order(folder: Path) -> None:
    with environment(stack_environment(folder / "a")):
        command = [sys.executable, "-m", "ovpo.cli.main", "up", "--only", "valkey"]
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        home = Home(load().home)
        until(lambda: (state := read(home.state)) and state.phase is Phase.READY)
        state = read(home.state)
        assert state is not None
        parent.send_signal(signal.SIGINT)
        said, _ = parent.communicate(timeout=LATEST)
    assert "Stopped; the data is kept." in said
    assert not lives(state, "valkey")
    assert not children.lives(state.supervisor)


def test_a_killed_child_comes_back_while_the_stack_runs(folder: Path) -> None:
    with environment(stack_environment(folder / "a")):
        settings, state = start(*ONE_PART)
        home = Home(settings.home)
        identity = state.part("valkey").identity
        assert identity is not None
        try:
            psutil.Process(identity.pid).kill()
            until(lambda: (now := read(home.state)) and now.part("valkey").restarts == 1)
            until(lambda: (now := read(home.state)) and now.part("valkey").condition is Condition.READY)
            assert client(settings).ping()
        finally:
            list(control.stop(settings))


def test_fresh_wipes_the_data_and_only_a_folder_that_is_ours(folder: Path) -> None:
    with environment(stack_environment(folder / "a")):
        settings, _ = start(*ONE_PART)
        client(settings).set("kept", "no")
        client(settings).waitaof(1, 0, 5_000)
        list(control.stop(settings))
        started = control.start(load(), ONE_PART, fresh=True, attached=False)
        for state in control.follow(started):
            if state.phase is Phase.READY:
                break
        settings = load()
        try:
            assert client(settings).get("kept") is None
        finally:
            list(control.stop(settings))
    foreign = folder / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("mine")
    with environment(stack_environment(foreign)), pytest.raises(StackError, match="holds files that are not OVPO's"):
        control.start(load(), ONE_PART, fresh=True, attached=False)
    assert (foreign / "letter.txt").read_text() == "mine"


def test_what_a_dead_child_of_a_killed_supervisor_had_started_is_ended_too(folder: Path) -> None:
    command = [sys.executable, "-c", GRANDPARENT, str(folder / "grandchild")]
    with environment(stack_environment(folder / "a")):
        settings, state = start(*ONE_PART)
        child = subprocess.Popen(command, start_new_session=True)
        until(lambda: (folder / "grandchild").exists() and (folder / "grandchild").read_text())
        grandchild = psutil.Process(int((folder / "grandchild").read_text()))
        identity = children.identify(child.pid)
        os.kill(state.supervisor.pid, signal.SIGKILL)
        until(lambda: not children.lives(state.supervisor))
        write(Home(settings.home).state, state.with_part(replace(state.part("valkey"), identity=identity)))
        child.kill()
        child.wait()
        valkey_identity = state.part("valkey").identity
        assert valkey_identity is not None
        assert grandchild.is_running()
        list(control.stop(settings))
        until(lambda: not grandchild.is_running())
        children.end(valkey_identity, signal.SIGTERM, patience=5)


def test_a_pid_that_now_belongs_to_another_is_left_alone() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        found = children.identify(other.pid)
        assert found is not None
        children.end(replace(found, created=found.created - 1000), signal.SIGTERM, patience=0.1)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
