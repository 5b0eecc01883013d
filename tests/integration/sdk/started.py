# SPDX-License-Identifier: Apache-2.0
"""Starting the programs of `programs` in processes of their own, and what they have told a receiver."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ovpo_sdk.testing import Receiver
from tests.integration.sdk.programs import FRAMES, SETTINGS

LATE = 25.0
"""How long a program may take before its test fails: far longer than any of them needs."""


@contextmanager
def started(program: str, receiver: Receiver, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a program; it is gone when the block is left."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("OVPO_")}
    environment |= {"OVPO_ENDPOINT": receiver.endpoint, "OVPO_KEY": receiver.key, "OVPO_TENANT": receiver.tenant}
    environment[SETTINGS] = json.dumps(settings)
    environment["PYTHONPATH"] = os.pathsep.join(["sdk/python/src", *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "tests.integration.sdk.programs", *program.split()]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Let a program go on to its end; give its exit code and what it said since."""
    said, _ = process.communicate("\n", timeout=LATE)
    return process.returncode, said.split("\n")[:-1]


def run(program: str, receiver: Receiver, **settings: Any) -> tuple[int, list[str]]:
    """Run a program; give its exit code and what it said."""
    with started(program, receiver, **settings) as process:
        return ended(process)


def line(process: subprocess.Popen[str]) -> str:
    """Give the next line that a program says."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def go_on(process: subprocess.Popen[str]) -> None:
    """Have a program go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def runs(receiver: Receiver, *, repeats_are_fine: bool = False) -> dict[str, str]:
    """Give the runs that are whole at a receiver, by the model that they name, and where each stands.

    Fails where something came twice: under its own id, or a run or frame under another.
    """
    assert repeats_are_fine or not receiver.repeats
    assert not receiver.refused
    found: dict[str, str] = {}
    frames = Counter((one.trace_id, one.frame_index) for one in receiver.frames())
    assert set(frames.values()) <= {1}
    spans = Counter(one.trace_id for one in receiver.spans())
    for trace in receiver.traces():
        name = str(trace.pipeline_config["model"])
        assert name not in found
        if trace.failure is None:
            assert {index for owner, index in frames if owner == trace.trace_id} == set(range(FRAMES)), name
            assert spans[trace.trace_id] >= 1
        found[name] = trace.status.value
    return found
