# SPDX-License-Identifier: Apache-2.0
"""What the Python SDK costs whoever uses it: a call, memory while the collector is away, the time of a whole run."""

import argparse
import sys
from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.goals import Goal, print_goals
from bench.sdk.collector import collector
from bench.sdk.emitting import BURST, Cost, costs
from bench.sdk.holding import EMITS, Held, held
from bench.sdk.slowing import slowing
from ovpo_sdk.testing.intervals import Excess

WIDTH: Final = 120
FRAME_US: Final = 3.0
SPAN_US: Final = 6.0
MEGABYTES: Final = 50.0
SHARE: Final = 0.02


def main() -> int:
    """Measure, print, and say by the exit code whether every goal was reached."""
    arguments = argparse.ArgumentParser("bench.sdk", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=90, help="at most so long for each way of running")
    asked = arguments.parse_args()
    console = Console(width=WIDTH, highlight=False)
    with collector() as (endpoint, key):
        calls = costs(endpoint, key)
        _print_calls(console, calls)
        sync = slowing(endpoint, key, asynchronous=False, seconds=asked.seconds)
        console.print(f"the fake pipeline, sync: {sync}")
        coroutine = slowing(endpoint, key, asynchronous=True, seconds=asked.seconds)
        console.print(f"the fake pipeline, async: {coroutine}")
    memory = held()
    console.print(
        f"{EMITS:,} frames in {memory.seconds:.1f} s to a collector that is away: {memory.peak:.1f} MB over the "
        f"imported SDK (itself {memory.imported:.1f} MB), {memory.kept:,} kept, {memory.dropped:,} dropped"
    )
    goals = _goals(calls, memory, sync, coroutine)
    print_goals(console, goals)
    return int(not all(goal.ok for goal in goals))


def _goals(calls: Mapping[str, Cost], memory: Held, sync: Excess, coroutine: Excess) -> list[Goal]:
    frame, span = calls["frame, 3 metrics"].in_bursts, calls["span, 8 attributes"].in_bursts
    return [
        Goal("a frame event with 3 metrics", f"≤ {FRAME_US:g} µs", f"{frame:.2f} µs", frame <= FRAME_US),
        Goal("a span with 8 attributes", f"≤ {SPAN_US:g} µs", f"{span:.2f} µs", span <= SPAN_US),
        Goal("memory of a million frames", f"≤ {MEGABYTES:g} MB", f"{memory.peak:.1f} MB", memory.peak <= MEGABYTES),
        Goal(
            "fake pipeline, sync", f"< {SHARE:.0%}", f"{sync.share:+.1%}, at worst {sync.high:+.1%}", sync.high < SHARE
        ),
        Goal(
            "fake pipeline, async",
            f"< {SHARE:.0%}",
            f"{coroutine.share:+.1%}, at worst {coroutine.high:+.1%}",
            coroutine.high < SHARE,
        ),
    ]


def _print_calls(console: Console, calls: Mapping[str, Cost]) -> None:
    table = Table(
        "µs on the caller's thread",
        f"in bursts of {BURST}",
        "at a stretch",
        "of it CPU",
        box=None,
        header_style="bold",
        title="What a call costs",
    )
    for name, cost in calls.items():
        table.add_row(name, f"{cost.in_bursts:.2f}", f"{cost.at_a_stretch:.2f}", f"{cost.cpu_at_a_stretch:.2f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
