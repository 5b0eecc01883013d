# SPDX-License-Identifier: Apache-2.0
"""What it costs to take in a video: to decode it, to sample it, to make its rows, and how much memory that holds."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.embed import measuring
from bench.embed.measuring import DECODE, INTAKE, SAMPLE, Took
from bench.embed.scene import minute, minutes
from bench.goals import Goal, print_goals

WIDTH: Final = 120
SAMPLE_RATIO: Final = 1.15
INTAKE_RATIO: Final = 1.3
CLIPS: Final = 2_000.0
GROWTH_MB: Final = 10.0
SHORT_MINUTES: Final = 3


def main() -> int:
    """Measure, print, and say by the exit code whether every goal was reached."""
    arguments = argparse.ArgumentParser("bench.embed", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7, help="times that every way is timed")
    arguments.add_argument("--minutes", type=int, default=30, help="length of the video that memory is measured with")
    asked = arguments.parse_args()
    console = Console(width=WIDTH, highlight=False)
    film = minute()
    turns = track(range(-1, asked.rounds), "A minute of 720p30 H.264", console=console)
    taken = measuring.times(film, turns)
    rate = measuring.rows_per_second(film, asked.rounds)
    lengths = (SHORT_MINUTES, asked.minutes)
    films = [minutes(length) for length in lengths]
    held = {way: measuring.peaks(films, way) for way in (SAMPLE, INTAKE)}
    _print_times(console, taken)
    _print_memory(console, lengths, held)
    goals = _goals(taken, rate, held[SAMPLE])
    print_goals(console, goals)
    return int(not all(goal.ok for goal in goals))


def _goals(taken: Mapping[str, Sequence[Took]], rate: float, held: Sequence[float]) -> list[Goal]:
    sampling, intake = measuring.ratio(taken, SAMPLE), measuring.ratio(taken, INTAKE)
    growth = held[-1] - held[0]
    return [
        Goal("sampling to decoding only", f"≤ {SAMPLE_RATIO:g}", f"{sampling:.2f}", sampling <= SAMPLE_RATIO),
        Goal("whole intake to decoding only", f"≤ {INTAKE_RATIO:g}", f"{intake:.2f}", intake <= INTAKE_RATIO),
        Goal("heuristic rows of samples in memory", f"≥ {CLIPS:,.0f}/s/core", f"{rate:,.0f}/s/core", rate >= CLIPS),
        Goal("memory of sampling, by length", f"≤ {GROWTH_MB:g} MB more", f"{growth:+.1f} MB", growth <= GROWTH_MB),
    ]


def _print_times(console: Console, taken: Mapping[str, Sequence[Took]]) -> None:
    table = Table(box=None, header_style="bold", title="A minute of 720p30 H.264", title_justify="left")
    for heading in ("", "s by the clock", "s of all cores", "least", "most", "to decoding only"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, seen in taken.items():
        processor = [took.processor for took in seen]
        numbers = median(took.clock for took in seen), median(processor), min(processor), max(processor)
        ratio = "" if name == DECODE else f"{measuring.ratio(taken, name):.2f}"
        table.add_row(name, *(f"{value:.2f}" for value in numbers), ratio)
    console.print(table)


def _print_memory(console: Console, lengths: Sequence[int], held: Mapping[str, Sequence[float]]) -> None:
    table = Table(box=None, header_style="bold", title="Memory at the most, MB", title_justify="left")
    table.add_column("")
    for length in lengths:
        table.add_column(f"{length} minutes", justify="right")
    for way, peaks in held.items():
        table.add_row(way, *(f"{peak:,.0f}" for peak in peaks))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
