# SPDX-License-Identifier: Apache-2.0
"""What a scenario is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from ovpo_sdk import TraceStatus


@dataclass(frozen=True, slots=True)
class Scenario:
    """A request, the machine that it meets, and how that has to end."""

    name: str
    title: str
    request: Request
    machine: Callable[[Request, str], Machine]
    """Makes the machine for a request, with this hardware; a new one for each run, since clocks have a memory."""
    ends: TraceStatus
    """What the run says of itself."""
    settles: TraceStatus
    """What the observatory makes of it."""
    raises: type[Exception] | None = None
    """What the caller gets instead of a video."""
