# SPDX-License-Identifier: Apache-2.0
"""Bad memory turns the latents of three frames into no numbers: the decoder passes over them, the video is shorter."""

from typing import Final

from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from examples.pipelines.scenarios.scenario import Scenario
from ovpo_sdk import TraceStatus


def lost(request: Request) -> frozenset[int]:
    """Name the frames that are lost: up to three in the middle, never the first."""
    middle = request.frames // 2
    return frozenset(range(max(1, middle - 1), min(request.frames, middle + 2)))


SCENARIO: Final = Scenario(
    name="missing_frames",
    title="three frames are lost between sampling and decoder",
    request=Request(prompt="paper birds over a harbour", seed=17, steps=5),
    machine=lambda request, hardware: Machine(hardware, damaged=lost(request)),
    ends=TraceStatus.PARTIAL,
    settles=TraceStatus.PARTIAL,
)
