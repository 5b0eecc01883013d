# SPDX-License-Identifier: Apache-2.0
"""A counter of media time that wraps, as those of a fixed width do: the second half of the video begins at 0 again."""

from typing import Final

from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from examples.pipelines.scenarios.scenario import Scenario
from ovpo_sdk import TraceStatus


def _machine(request: Request, hardware: str) -> Machine:
    return Machine(hardware, media_wraps_ms=(request.frames + 1) // 2 * 1000 / request.fps)


SCENARIO: Final = Scenario(
    name="media_time",
    title="the media time of the frames runs back once",
    request=Request(prompt="waves fold over one another", seed=23),
    machine=_machine,
    ends=TraceStatus.COMPLETED,
    settles=TraceStatus.PARTIAL,
)
