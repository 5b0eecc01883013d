# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: what is left is sent, then the program ends as it would have, and its own handlers stay its own."""

import os
import signal
from collections.abc import Iterator

import pytest

from ovpo_sdk.testing import Receiver
from ovpo_sdk.testing.faults import Hanging
from tests.integration.sdk.started import LATE, ended, line, run, runs, started

BOTH = {"whole": "COMPLETED", "open": "GENERATING"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started_receiver:
        yield started_receiver


@pytest.mark.parametrize("program", ["is_terminated", "is_terminated_in_asyncio"])
def test_a_program_that_is_terminated_sends_what_is_left_and_dies_by_the_signal(
    receiver: Receiver, program: str
) -> None:
    with started(program, receiver) as process:
        assert line(process) == "ready"
        process.terminate()
        assert process.wait(LATE) == -signal.SIGTERM
    assert runs(receiver) == BOTH


def test_a_forked_child_that_is_terminated_does_so_too(receiver: Receiver) -> None:
    with started("forks_and_is_terminated", receiver) as process:
        told = {line(process), line(process)}
        [child] = told - {"ready"}
        os.kill(int(child), signal.SIGTERM)
        assert ended(process) == (0, [str(-signal.SIGTERM)])
    assert runs(receiver) == BOTH


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_workers_of_a_pool_end_at_once_as_pools_expect(receiver: Receiver, method: str) -> None:
    assert run(f"tells_who_handles_sigterm {method}", receiver) == (0, ["[False, True, True, True]"])


@pytest.mark.parametrize("program", ["handles_sigterm_before", "handles_sigterm_after"])
def test_a_program_that_handles_the_signal_itself_goes_on_doing_so(receiver: Receiver, program: str) -> None:
    with started(program, receiver) as process:
        assert line(process) == "ready"
        process.terminate()
        assert line(process) == "own handler"
        assert process.wait(LATE) == 7
    assert runs(receiver) == BOTH


def test_a_program_that_ignores_the_signal_goes_on_doing_so(receiver: Receiver) -> None:
    with started("ignores_sigterm", receiver) as process:
        assert line(process) == "ready"
        process.terminate()
        assert ended(process)[0] == 0
    assert runs(receiver) == BOTH


def test_a_client_that_may_not_handle_the_signal_does_not(receiver: Receiver) -> None:
    receiver.fault = Hanging()
    with started("is_terminated", receiver, handle_sigterm=False, exit_seconds=120) as process:
        assert line(process) == "ready"
        process.terminate()
        assert process.wait(LATE) == -signal.SIGTERM


def test_a_collector_that_hangs_does_not_keep_a_terminated_program_alive(receiver: Receiver) -> None:
    receiver.fault = Hanging()
    with started("is_terminated", receiver, exit_seconds=0.5, request_seconds=120) as process:
        assert line(process) == "ready"
        assert receiver.until(lambda seen: bool(seen.requests), LATE)
        process.terminate()
        assert process.wait(LATE / 2) == -signal.SIGTERM


def test_a_second_signal_ends_the_program_at_once(receiver: Receiver) -> None:
    receiver.fault = Hanging()
    program = "is_terminated_before_it_has_sent_anything"
    with started(program, receiver, exit_seconds=120, request_seconds=120) as process:
        assert line(process) == "ready"
        process.terminate()
        assert receiver.until(lambda seen: bool(seen.requests), LATE)
        assert process.poll() is None
        process.terminate()
        assert process.wait(LATE / 2) == -signal.SIGTERM
