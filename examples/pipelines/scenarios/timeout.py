# SPDX-License-Identifier: Apache-2.0
"""A deadline that passes while the sampling has hundreds of steps to go."""

from typing import Final

from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from examples.pipelines.scenarios.scenario import Scenario
from ovpo_sdk import TraceStatus

ALLOWED_SECONDS: Final = 0.5

SCENARIO: Final = Scenario(
    name="timeout",
    title="the sampling takes longer than it may",
    request=Request(
        prompt="an endless train crosses a bridge", seed=13, frames=400, steps=400, width=64, height=36, fps=25
    ),
    machine=lambda _, hardware: Machine(hardware, sampling_seconds=ALLOWED_SECONDS),
    ends=TraceStatus.TIMEOUT,
    settles=TraceStatus.TIMEOUT,
    raises=TimeoutError,
)
