# SPDX-License-Identifier: Apache-2.0
"""Memory that holds the latents and about half of the decoded frames: DECODE fails in the middle of the video."""

from typing import Final

from examples.pipelines.machine import Machine
from examples.pipelines.memory import OutOfMemoryError
from examples.pipelines.model import CHANNELS
from examples.pipelines.request import PATCH, Request
from examples.pipelines.scenarios.scenario import Scenario
from ovpo_sdk import TraceStatus

_WEIGHTS: Final = 64 * 1024
_FLOAT: Final = 4


def _machine(request: Request, hardware: str) -> Machine:
    pixels = request.width * request.height
    latents = 2 * request.frames * pixels // PATCH**2 * CHANNELS * _FLOAT
    decoding = 3 * pixels * _FLOAT
    decoded = request.frames * 3 * pixels // 2
    return Machine(hardware, memory_bytes=_WEIGHTS + latents + decoding + decoded)


SCENARIO: Final = Scenario(
    name="oom",
    title="the decoder runs out of memory after half of the frames",
    request=Request(prompt="a crowded market, every face in focus", seed=11),
    machine=_machine,
    ends=TraceStatus.FAILED,
    settles=TraceStatus.FAILED,
    raises=OutOfMemoryError,
)
