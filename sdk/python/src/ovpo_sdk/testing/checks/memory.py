# SPDX-License-Identifier: Apache-2.0
"""Whether telemetry that cannot be sent stays within bounds: the pipeline runs many times with the collector away."""

from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Final

from ovpo_sdk.testing.child import ChildError
from ovpo_sdk.testing.findings import Finding, failed, not_applicable, passed
from ovpo_sdk.testing.protocol import Call, Called
from ovpo_sdk.testing.receiver import Receiver
from ovpo_sdk.testing.workbench import Workbench, collector

NAME: Final = "memory"
ASKS: Final = "With the collector away, telemetry takes 64 MB at most, however much is emitted."
MEGA: Final = 1_000_000
AT_ONCE_SECONDS: Final = 0.5
"""About how long the calls of one order take."""
PATIENCE_SECONDS: Final = 15.0
PATIENCE_TIMES: Final = 10
"""How long calls may take, beside what healthy ones do: whoever waits for the collector waits longer."""
FAR_BEYOND: Final = 2
"""At so many times the limit there is nothing left to learn, and the machine is somebody's."""


@dataclass(frozen=True, slots=True)
class _Climb:
    """How often the pipeline ran in one process, and the most memory that this took."""

    calls: int
    peak_bytes: int


def check(bench: Workbench) -> Finding:
    """Run it with telemetry, and then as often without, each in a process of its own."""
    per_call = bench.healthy.recording.items
    if not per_call:
        return not_applicable(NAME, "nothing arrived, so there is nothing to keep")
    one_process_a_call = bool(bench.target.command)
    calls = 1 if one_process_a_call else ceil(bench.emits / per_call)
    limit = bench.memory_bytes
    with collector(away=True) as receiver:
        try:
            beside = _climbed(bench, receiver, calls, limit)
            without = _climbed(bench, receiver, beside.calls, None)
        except ChildError as error:
            return not_applicable(NAME, f"cannot say: with the collector away, the pipeline {error} (see fail-open)")
    grown = beside.peak_bytes - without.peak_bytes
    emitted = beside.calls * per_call
    seen = f"{max(grown, 0) / MEGA:.1f} MB more than without telemetry after {emitted:,} items"
    if grown > limit:
        return failed(
            NAME,
            f"with the collector away, the process held {seen}, and {limit / MEGA:g} MB are allowed: bound whatever "
            "keeps telemetry by its bytes, drop the oldest, and count what is dropped",
        )
    if emitted < bench.emits:
        more = "a longer command" if one_process_a_call else "more seconds"
        return not_applicable(NAME, f"cannot say: {seen}, and {bench.emits:,} are needed; give {more}")
    return passed(NAME, seen)


def _climbed(bench: Workbench, receiver: Receiver, calls: int, limit: int | None) -> _Climb:
    """Run it so often; with a limit, not longer than half the time that there is, nor far beyond that limit."""
    began, done, at_once = monotonic(), 0, 1
    base = peak = 0
    with bench.child(receiver) as child:
        while done < calls:
            times = min(at_once, calls - done)
            patience = PATIENCE_SECONDS + PATIENCE_TIMES * times * bench.healthy.seconds
            reply = child.ask(Call(telemetry=limit is not None, times=times), patience)
            if not isinstance(reply, Called):
                raise ChildError("answered with something else")
            done += times
            peak = reply.peak_bytes
            base = base or peak
            at_once = ceil(AT_ONCE_SECONDS / max(sum(reply.seconds) / times, 0.0001))
            if limit is not None and (monotonic() - began > bench.seconds / 2 or peak - base > FAR_BEYOND * limit):
                break
    return _Climb(done, peak)
