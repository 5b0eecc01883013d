# SPDX-License-Identifier: Apache-2.0
"""A wall clock that is set back by nine seconds in the middle of the decoding: later frames seem to come first."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from examples.pipelines.scenarios.scenario import Scenario
from ovpo_sdk import TraceStatus

SET_BACK: Final = timedelta(seconds=9)


class SteppedClock:
    """A wall clock that tells the right time for so many readings, and an earlier one from then on."""

    def __init__(self, readings: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._left = readings
        self._now = now

    def __call__(self) -> datetime:
        """Read it."""
        self._left -= 1
        return self._now() if self._left >= 0 else self._now() - SET_BACK


def _machine(request: Request, hardware: str) -> Machine:
    sampled = sum(request.watched(step) is not None for step in range(request.steps))
    return Machine(hardware, wall=SteppedClock(sampled + request.frames // 2))


SCENARIO: Final = Scenario(
    name="clock_skew",
    title="the clock is set back by nine seconds between two frames",
    request=Request(prompt="a clock tower in the rain", seed=19),
    machine=_machine,
    ends=TraceStatus.COMPLETED,
    settles=TraceStatus.PARTIAL,
)
