# SPDX-License-Identifier: Apache-2.0
"""Every scenario by its name, in the order in which they are run."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from examples.pipelines.scenarios import clean, clock_skew, long_run, media_time, missing_frames, oom, timeout
from examples.pipelines.scenarios.scenario import Scenario

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        module.SCENARIO.name: module.SCENARIO
        for module in (clean, oom, timeout, missing_frames, clock_skew, media_time, long_run)
    }
)
