# SPDX-License-Identifier: Apache-2.0
"""Whether telemetry slows the pipeline down: run with it and without it, in turns, until the answer is clear.

The time of a run is that of its call, or of its command's process. What is sent in the background after a call is
waited for, so that it slows down neither the next run with telemetry nor the next without.
"""

from dataclasses import dataclass, field
from math import ceil
from random import Random
from time import monotonic
from typing import Final

from ovpo_sdk.testing.child import Child, ChildError
from ovpo_sdk.testing.findings import Finding, failed, not_applicable, passed
from ovpo_sdk.testing.intervals import Excess, excess
from ovpo_sdk.testing.protocol import Call, Called
from ovpo_sdk.testing.receiver import Receiver
from ovpo_sdk.testing.workbench import LONGEST_SECONDS, SETTLE_SECONDS, Workbench, collector

NAME: Final = "overhead"
ASKS: Final = "With telemetry the pipeline takes at most 2 % longer than with OVPO_TELEMETRY=off."
MOST: Final = 0.02
NARROW: Final = 0.04
"""The width of an interval on which a pipeline is failed before its time is up: a wide one may move away again."""
WARM_UPS: Final = 2
FIRST_LOOK: Final = 20
"""Pairs before the first look: with fewer, an interval around a median says little."""
MOST_PAIRS: Final = 1_000
GROWTH: Final = 1.5
"""How many more pairs to the next look: each look is a chance to err, so there are few."""
ARRIVAL_SECONDS: Final = 1.0
"""How long a run without a handed client may take to send what it has left."""
LEAST_SECONDS: Final = 0.02
"""A shorter call is timed several at a time."""


@dataclass
class _Timings:
    """One pair after the other, of runs in one process."""

    child: Child
    receiver: Receiver
    traces_a_run: int
    without: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    traces_due: int = 0

    def timed(self, *, telemetry: bool, times: int) -> float:
        """Time some calls, each with nothing left of the one before it."""
        return sum(self._timed_call(telemetry=telemetry) for _ in range(times))

    def _timed_call(self, *, telemetry: bool) -> float:
        settle = SETTLE_SECONDS if telemetry else 0.0
        reply = self.child.ask(Call(telemetry=telemetry, settle_seconds=settle), LONGEST_SECONDS)
        if not isinstance(reply, Called):
            raise ChildError("answered with something else")
        if telemetry:
            self.traces_due += self.traces_a_run
            self.receiver.until(lambda one: len(one.traces()) >= self.traces_due, ARRIVAL_SECONDS)
        return sum(reply.seconds)


def check(bench: Workbench, random: Random) -> Finding:
    """Time the pipeline for as long as the answer is open and time is left."""
    per_run = len(bench.healthy.recording.runs())
    if not per_run:
        return not_applicable(NAME, "no trace arrived, so there is no telemetry to time")
    with collector() as receiver, bench.child(receiver) as child:
        timings = _Timings(child, receiver, per_run)
        try:
            found = _measured(timings, bench.seconds, random)
        except ChildError as error:
            return failed(NAME, f"the pipeline {error} when it ran again in the same process: let it be run many times")
        traces = len(receiver.traces())
    if not traces:
        return not_applicable(NAME, "no trace arrived when the pipeline ran many times in one process")
    if traces > timings.traces_due:
        return not_applicable(
            NAME,
            "cannot say: the pipeline sends with OVPO_TELEMETRY=off, too, so there is nothing to compare with; take "
            "the OvpoClient as an argument, or make it in the function that is called",
        )
    if found is None:
        return not_applicable(NAME, _too_slow(timings, bench.seconds))
    if found.low > MOST:
        return failed(
            NAME,
            f"telemetry slows the pipeline down by {found}, and {MOST:.0%} are allowed: emit on the pipeline's thread "
            "nothing but what is at hand, and reckon, copy or encode nothing for telemetry in its loops",
        )
    if found.high <= MOST:
        return passed(NAME, f"{found}")
    return not_applicable(NAME, f"cannot say: {found} leaves it open; give more seconds, or a machine with less to do")


def _measured(timings: _Timings, budget: float, random: Random) -> Excess | None:
    """Time pairs until an interval lies on one side of the limit; None where there was no time for enough of them."""
    warm = [timings.timed(telemetry=telemetry, times=1) for telemetry in (False, True) * WARM_UPS]
    times = ceil(LEAST_SECONDS / max(min(warm), LEAST_SECONDS / 1_000))
    began, look = monotonic(), FIRST_LOOK
    while monotonic() - began < budget and len(timings.beside) < MOST_PAIRS:
        turns = [False, True]
        random.shuffle(turns)
        took = {telemetry: timings.timed(telemetry=telemetry, times=times) for telemetry in turns}
        timings.without.append(took[False])
        timings.beside.append(took[True])
        if len(timings.beside) >= look:
            found = excess(timings.without, timings.beside, random)
            if found.high <= MOST or (found.low > MOST and found.high - found.low <= NARROW):
                return found
            look = ceil(look * GROWTH)
    if len(timings.beside) < FIRST_LOOK:
        return None
    return excess(timings.without, timings.beside, random)


def _too_slow(timings: _Timings, budget: float) -> str:
    pairs = len(timings.beside)
    each = sum(timings.without + timings.beside) / pairs if pairs else budget
    return (
        f"cannot say: {budget:g} s allowed {pairs} pairs of runs, and {FIRST_LOOK} are needed; "
        f"give {ceil(each * FIRST_LOOK * GROWTH)} seconds or more"
    )
