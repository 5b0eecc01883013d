# SPDX-License-Identifier: Apache-2.0
"""Processes that come from a process: each tells of itself, and nothing is told twice or lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ovpo_sdk.testing import Receiver
from ovpo_sdk.testing.faults import Answering, Cutting, Fault, Hanging, Healthy
from tests.integration.sdk.programs import FRAMES
from tests.integration.sdk.started import LATE, ended, go_on, line, run, runs, started

METHODS = ["fork", "spawn"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started_receiver:
        yield started_receiver


@pytest.mark.parametrize("spooled", [False, True])
def test_parent_and_child_each_tell_of_themselves_and_the_parent_of_what_was_before(
    receiver: Receiver, tmp_path: Path, spooled: bool
) -> None:
    assert run("forks", receiver, spool=str(tmp_path) if spooled else None)[0] == 0
    assert runs(receiver) == {"before": "GENERATING", "child": "COMPLETED", "parent": "COMPLETED"}


def test_a_fork_in_the_middle_of_a_request_harms_neither_side(receiver: Receiver) -> None:
    receiver.fault = Hanging(for_requests=1)
    with started("forks_while_asking", receiver, request_seconds=2, exit_seconds=20) as process:
        assert line(process) == "asking"
        assert receiver.until(lambda seen: bool(seen.requests), LATE)
        go_on(process)
        code, said = ended(process)
    assert (code, said) == (0, ["0"])
    assert runs(receiver) == {"before": "COMPLETED", "child": "COMPLETED", "parent": "COMPLETED"}


def test_forks_among_threads_that_emit_never_hang_and_lose_nothing(receiver: Receiver) -> None:
    code, [children, flushed, emitted] = run("forks_often", receiver, flush_seconds=0.05)
    assert (code, children, flushed) == (0, "0", "True")
    assert not receiver.repeats
    children_runs = [one for one in receiver.traces() if str(one.pipeline_config["model"]).startswith("child")]
    assert [one.status for one in children_runs] == ["COMPLETED"] * 20
    of_children = {one.trace_id for one in children_runs}
    of_parent = [one for one in receiver.frames() if one.trace_id not in of_children]
    assert len(receiver.frames()) - len(of_parent) == 20 * FRAMES
    assert len(of_parent) + 4 == int(emitted)


@pytest.mark.parametrize("fault", [Healthy(), Cutting(for_requests=1), Answering(503, for_requests=1)])
def test_no_other_thread_imports_anything_which_a_child_forked_meanwhile_would_wait_for_for_ever(
    receiver: Receiver, tmp_path: Path, fault: Fault
) -> None:
    receiver.fault = fault
    assert run("imports", receiver, gpu_seconds=0.01, spool=str(tmp_path)) == (0, ["True", "[]"])


@pytest.mark.parametrize("method", METHODS)
def test_a_child_of_multiprocessing_has_delivered_all_when_it_ends(receiver: Receiver, method: str) -> None:
    assert run(f"processes {method}", receiver) == (0, ["0"])
    assert runs(receiver) == {"before": "GENERATING", "child": "COMPLETED"}


@pytest.mark.parametrize("way", ["closed", "terminated", "executor"])
@pytest.mark.parametrize("method", METHODS)
def test_the_workers_of_a_pool_have_delivered_all_when_it_ends(receiver: Receiver, method: str, way: str) -> None:
    assert run(f"workers {method} {way}", receiver) == (0, ["6"])
    assert runs(receiver) == {"before": "GENERATING"} | {f"child {number}": "COMPLETED" for number in range(6)}
