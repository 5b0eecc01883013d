# SPDX-License-Identifier: Apache-2.0
"""How programs end: with everything delivered where that can be, and never kept from ending."""

import time
from collections.abc import Iterator

import pytest

from ovpo_sdk.testing import Receiver
from ovpo_sdk.testing.faults import Answering, Hanging
from tests.integration.sdk.programs import FRAMES
from tests.integration.sdk.started import LATE, ended, line, run, runs, started

BOTH = {"whole": "COMPLETED", "open": "GENERATING"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started_receiver:
        yield started_receiver


@pytest.mark.parametrize(
    ("program", "code"),
    [("ends", 0), ("exits", 3), ("leaves_a_thread", 0), ("runs_asyncio", 0), ("begins_at_exit", 0)],
)
def test_a_program_that_ends_has_delivered_all(receiver: Receiver, program: str, code: int) -> None:
    assert run(program, receiver)[0] == code
    assert runs(receiver) == BOTH


def test_a_program_that_an_exception_ends_has_delivered_all(receiver: Receiver) -> None:
    assert run("raises", receiver)[0] == 1
    assert runs(receiver) == {"whole": "FAILED", "open": "GENERATING"}
    [told] = [one for one in receiver.traces() if one.failure is not None]
    assert told.failure is not None
    assert told.failure.message == "no weights"


def test_the_end_of_a_program_waits_for_a_collector_that_hangs_no_longer_than_it_may(receiver: Receiver) -> None:
    receiver.fault = Hanging()
    with started("emits_into_nothing", receiver, exit_seconds=0.5, request_seconds=120) as process:
        assert line(process) == "asking"
        began = time.monotonic()
        assert ended(process)[0] == 0
        assert time.monotonic() - began < LATE / 2


@pytest.mark.parametrize("program", ["ends", "runs_asyncio"])
def test_the_end_of_a_program_is_not_held_up_by_a_port_that_nobody_listens_on(receiver: Receiver, program: str) -> None:
    receiver.stop()
    began = time.monotonic()
    assert run(program, receiver, exit_seconds=120, request_seconds=120)[0] == 0
    assert time.monotonic() - began < LATE / 2


def test_the_end_of_a_program_does_not_wait_to_be_let_back_in(receiver: Receiver) -> None:
    receiver.fault = Answering(429, {"Retry-After": "120"})
    began = time.monotonic()
    assert run("ends", receiver, exit_seconds=120)[0] == 0
    assert time.monotonic() - began < LATE / 2


def test_the_end_of_a_program_is_a_last_try_though_an_earlier_one_failed(receiver: Receiver) -> None:
    receiver.fault = Answering(429, {"Retry-After": "120"}, for_requests=1)
    with started("emits_into_nothing", receiver, exit_seconds=20) as process:
        assert line(process) == "asking"
        assert receiver.until(lambda seen: bool(seen.requests), LATE)
        assert ended(process)[0] == 0
    assert runs(receiver) == BOTH


def test_a_client_that_is_closed_counts_what_comes_later_and_goes_on(receiver: Receiver) -> None:
    code, said = run("closes_and_goes_on", receiver)
    assert (code, said) == (0, [f"False {FRAMES + 3}"])
    assert runs(receiver) == {"before": "COMPLETED"}
