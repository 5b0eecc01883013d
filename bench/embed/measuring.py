# SPDX-License-Identifier: Apache-2.0
"""What the ways take on the same video, turn by turn, so that a busy moment of the machine meets them all.

They are held against one another by processor time: on two cores that others use, the same way took 5 to 12 s by the
clock and 3.1 to 3.8 s of the processor.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final

import av

from ovpo.sop.embedders.heuristic.embedder import Heuristic
from ovpo.sop.embedders.interface import Seen
from ovpo.sop.video.sampling import sample

DECODE: Final = "decode only"
SAMPLE: Final = "sample"
INTAKE: Final = "sample and embed"


def decode(path: Path) -> None:
    """Decode every picture and look at none."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass


def take(path: Path) -> None:
    """Sample as the embedder would have it."""
    for _ in sample(path, Heuristic().sampling):
        pass


def embed(path: Path) -> Seen:
    """Do what an intake does."""
    embedder = Heuristic()
    return embedder.embed(sample(path, embedder.sampling))


WAYS: Final[Mapping[str, Callable[[Path], object]]] = {DECODE: decode, SAMPLE: take, INTAKE: embed}


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and of all cores together."""

    clock: float
    processor: float


def timed(way: Callable[[], object]) -> Took:
    """Go a way and say what it took."""
    clock, processor = perf_counter(), process_time()
    way()
    return Took(perf_counter() - clock, process_time() - processor)


def times(path: Path, turns: Iterable[int]) -> dict[str, list[Took]]:
    """Give what each way took in every turn; what comes before turn 0 warms up and is left out."""
    taken: dict[str, list[Took]] = {name: [] for name in WAYS}
    for turn in turns:
        for name, way in WAYS.items():
            took = timed(partial(way, path))
            if turn >= 0:
                taken[name].append(took)
    return taken


def ratio(taken: Mapping[str, Sequence[Took]], name: str) -> float:
    """Give by how much more a way takes than decoding does: the median over the turns."""
    pairs = zip(taken[name], taken[DECODE], strict=True)
    return median(mine.processor / other.processor for mine, other in pairs)


def rows_per_second(path: Path, rounds: int) -> float:
    """Tell how many rows the embedder makes a second of a core, of samples in memory: the median over the rounds."""
    embedder = Heuristic()
    samples = list(sample(path, embedder.sampling))
    return median(len(samples) / timed(lambda: embedder.embed(iter(samples))).processor for _ in range(rounds))


def peaks(paths: Sequence[Path], way: str) -> list[float]:
    """Give the most memory in MB that processes took, each with one of the videos."""
    found = []
    for path in paths:
        done = subprocess.run(
            [sys.executable, "-m", "bench.embed.holding", way, str(path)], stdout=subprocess.PIPE, check=True
        )
        found.append(float(json.loads(done.stdout)))
    return found
