# SPDX-License-Identifier: Apache-2.0
"""How well the SOP engine finds what is wrong in drawn procedures whose truth is known.

Videos are rendered once into a folder among the temporary files and taken again as long as what draws them is the same.
The judging set is drawn by a generator of its own, which nothing was tuned on.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import msgspec
from rich.console import Console
from rich.progress import Progress, track

from bench.goals import Goal, print_goals
from bench.sop import report
from bench.sop.goals import goals
from bench.sop.judging import Judged
from bench.sop.pairs import SETS, Pair, pairs
from bench.sop.rendering import cache, files, render_all
from bench.sop.running import run

ENGINE = "bench.sop.engine:compare"
WIDTH = 150


def main(words: Sequence[str] | None = None) -> int:
    """Render, compare, print, and say by the exit code whether every goal was reached."""
    asked = _arguments().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    chosen = [pair for pair in pairs(asked.set, asked.pairs, asked.seed) if _wanted(pair, asked.only)]
    folder, begun = cache(), perf_counter()
    _render(console, chosen, folder)
    rendered = perf_counter()
    found = run(chosen, folder, asked.engine, found_steps=asked.found_steps)
    judged = sorted(track(found, "Comparing", total=len(chosen), console=console), key=lambda one: one.pair)
    took = perf_counter() - rendered
    console.print(
        f"{len(judged)} pairs, set {asked.set}: rendered in {rendered - begun:.0f} s, compared in {took:.0f} s"
    )
    report.print_types(console, judged)
    report.print_clean(console, judged)
    report.print_boundaries(console, judged)
    report.print_ranks(console, judged)
    report.print_verdicts(console, judged)
    reached = goals(judged)
    report.print_worst(console, judged, asked.worst)
    print_goals(console, reached)
    if asked.json is not None:
        _keep(asked.json, chosen, folder, judged, reached)
    return 0 if all(goal.ok for goal in reached) else 1


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser("bench.sop", description=__doc__)
    arguments.add_argument("--set", choices=sorted(SETS), default="judge", help="which generator draws the videos")
    arguments.add_argument("--pairs", type=int, default=216, help="how many pairs of videos")
    arguments.add_argument("--seed", type=int, default=1, help="another number makes other procedures")
    arguments.add_argument("--only", help="pairs of this kind, or with this type of deviation, or under this nuisance")
    arguments.add_argument("--found-steps", action="store_true", help="give no definition: steps are found in the gold")
    arguments.add_argument("--worst", type=int, default=0, metavar="K", help="print the K pairs with most errors")
    arguments.add_argument("--json", type=Path, help="a file for what was true and what was found in each pair")
    arguments.add_argument("--engine", default=ENGINE, help="module:function that compares gold, trainee, definition")
    return arguments


def _wanted(pair: Pair, only: str | None) -> bool:
    labels = {pair.kind.value, pair.trainee.nuisance.name} | {fault.type.value for fault in pair.trainee.faults}
    return only is None or only in labels


def _render(console: Console, chosen: Sequence[Pair], folder: Path) -> None:
    with Progress(console=console) as progress:
        task = progress.add_task("Rendering")
        render_all(chosen, folder, lambda done, of: progress.update(task, completed=done, total=of))


def _keep(path: Path, chosen: Sequence[Pair], folder: Path, judged: Sequence[Judged], reached: Sequence[Goal]) -> None:
    videos = {pair.name: files(pair, folder) for pair in chosen}
    told = [msgspec.to_builtins(one) | {"files": msgspec.to_builtins(videos[one.pair], enc_hook=str)} for one in judged]
    whole = {"goals": [msgspec.to_builtins(goal) for goal in reached], "pairs": told}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=1))


if __name__ == "__main__":
    sys.exit(main())
