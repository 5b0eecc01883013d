# SPDX-License-Identifier: Apache-2.0
"""A run that goes well."""

from typing import Final

from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from examples.pipelines.scenarios.scenario import Scenario
from ovpo_sdk import TraceStatus

SCENARIO: Final = Scenario(
    name="fake_video_gen",
    title="twenty frames, each with a thumbnail and measured quality, and a video",
    request=Request(),
    machine=lambda _, hardware: Machine(hardware),
    ends=TraceStatus.COMPLETED,
    settles=TraceStatus.COMPLETED,
)
