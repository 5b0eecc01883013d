# SPDX-License-Identifier: Apache-2.0
"""Two thousand small frames: enough for the timeline, the tier and the batches to matter."""

from typing import Final

from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from examples.pipelines.scenarios.scenario import Scenario
from ovpo_sdk import TraceStatus

SCENARIO: Final = Scenario(
    name="long_run",
    title="two thousand frames in small, one in fifty with a thumbnail",
    request=Request(
        prompt="a night drive past lit windows",
        seed=29,
        frames=2000,
        steps=4,
        width=64,
        height=36,
        fps=25,
        thumbnail_every=50,
    ),
    machine=lambda _, hardware: Machine(hardware),
    ends=TraceStatus.COMPLETED,
    settles=TraceStatus.COMPLETED,
)
