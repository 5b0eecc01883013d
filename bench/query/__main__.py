# SPDX-License-Identifier: Apache-2.0
"""How fast the query service answers over a hundred thousand traces, a million spans and two million frame events.

The stores are filled first, in a data directory of their own; then the real service is asked over HTTP. The client runs
on the same cores, so its share is taken from the service's.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from time import perf_counter, sleep
from typing import Final

import httpx
from rich.console import Console
from rich.progress import track

from bench.goals import Goal, print_goals
from bench.query import measuring, plans, report, shape
from bench.query.ground import fill, survey
from bench.query.kinds import KINDS, Ground, Kind
from bench.query.machine import Cores, memory
from bench.query.measuring import Seen
from bench.query.plans import Plan
from bench.query.stack import new_key, query_service, stores
from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.home import Home

WIDTH: Final = 150
DEEP_PAGES: Final = 60
DEEP_PAGE: Final = 1000
TOGETHER_SECONDS: Final = 20.0
COUNTED_WITHIN: Final = 2.0
"""How long PostgreSQL may take to add a closed connection's scans to its statistics."""
AGAIN: Final = ("trace of 300 frames", "bottlenecks, 30 days")


def main() -> int:
    """Fill the stores, measure, look at the plans, print, and say by the exit code whether every goal was reached."""
    arguments = argparse.ArgumentParser("bench.query", description=__doc__)
    arguments.add_argument("--traces", type=int, default=100_000, help="with ten spans and twenty frame events each")
    arguments.add_argument("--seed", type=int, default=1, help="another number makes other data")
    arguments.add_argument("--requests", type=int, default=300, help="timed requests of each kind")
    arguments.add_argument("--clients", type=int, default=8, help="clients that ask at the same time, at the end")
    arguments.add_argument("--home", type=Path, help="a data directory to keep and to take again; else one that goes")
    arguments.add_argument("--plans", action="store_true", help="print whole plans")
    asked = arguments.parse_args()
    console, begun = _console(), perf_counter()
    with _folder(asked.home) as home, stores(home) as settings:
        scale = fill(settings, asked.traces, asked.seed, lambda text: _say(console, begun, text))
        ground, key = survey(settings, scale), new_key(settings, shape.LARGE)
        goals = _measure(console, settings, ground, key, asked.requests, asked.clients)
        found = _explain(settings, ground, key)
        report.print_plans(console, found, whole=asked.plans)
    goals.append(report.plan_goal(found))
    print_goals(console, goals)
    return 0 if all(goal.ok for goal in goals) else 1


def _measure(console: Console, settings: Settings, ground: Ground, key: str, requests: int, clients: int) -> list[Goal]:
    before = plans.sequential_scans(settings)
    port = settings.query.port
    with query_service(settings) as service, measuring.connect(port, key) as client:
        there = measuring.routes(client)
        ground = replace(ground, cursors=measuring.walk(client, DEEP_PAGES, DEEP_PAGE))
        cores = Cores(settings, service)
        present = [kind for kind in KINDS if measuring.has(there, kind, ground)]
        measured = {kind.name: Seen() for kind in KINDS}
        for kind in track(present, "Measuring", console=console):
            measured[kind.name] = measuring.measure(client, kind, ground, requests)
        again = _again(client, present, ground, requests)
        together, rate = measuring.measure_together(
            port, key, present, ground, clients=clients, seconds=TOGETHER_SECONDS
        )
        held, others = memory(settings, service), cores.of_others()
    sleep(COUNTED_WITHIN)
    after = plans.sequential_scans(settings)
    report.print_times(console, "One client", measured | again)
    report.print_times(console, f"{clients} clients at once, {rate:.0f} requests/s", together)
    report.print_memory(console, held)
    console.print(f"Other programs were busy on {others:.1f} cores meanwhile; times of a busy machine say little.")
    everything = {**measured, **again, **{f"{name} at once": seen for name, seen in together.items()}}
    return [
        *report.time_goals(KINDS, measured),
        report.fault_goal(everything),
        report.scan_goal(before, after),
    ]


def _again(client: httpx.Client, present: Sequence[Kind], ground: Ground, requests: int) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    for kind in present:
        if kind.name in AGAIN:
            found[f"{kind.name}, the same again"] = measuring.measure_again(client, kind, ground, requests)
            found[f"{kind.name}, unchanged"] = measuring.measure_unchanged(client, kind, ground, requests)
    return found


def _explain(settings: Settings, ground: Ground, key: str) -> list[Plan]:
    """Ask for one of each kind and explain what the service asked the stores."""
    log = Home(settings.home).log("postgres")
    plans.log_statements(settings, wanted=True)
    found: dict[str, Plan] = {}
    try:
        with query_service(settings), measuring.connect(settings.query.port, key) as client:
            there = measuring.routes(client)
            ground = replace(ground, cursors=measuring.walk(client, 1, DEEP_PAGE))
            for kind in KINDS:
                if measuring.has(there, kind, ground):
                    ask = next(kind.asks(Random(kind.name), ground))
                    for plan in plans.explain(settings, client, kind.name, ask, log):
                        found.setdefault(plan.statement, plan)
    finally:
        plans.log_statements(settings, wanted=False)
    return [*found.values(), *plans.of_clickhouse(settings, ground)]


@contextmanager
def _folder(home: Path | None) -> Iterator[Path]:
    if home is not None:
        yield home
        return
    with tempfile.TemporaryDirectory(prefix="ovpo-bench-") as folder:
        yield Path(folder) / "home"


def _console() -> Console:
    """Write as wide as the terminal, and wide enough where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def _say(console: Console, begun: float, text: str) -> None:
    console.print(f"{perf_counter() - begun:6.1f} s  {text}")


if __name__ == "__main__":
    sys.exit(main())
