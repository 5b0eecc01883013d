# SPDX-License-Identifier: Apache-2.0
"""Times taken in turns in one process, and what only a process of its own can say: memory, and the first call."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import process_time
from typing import Final

ROUNDS: Final = 31
SECONDS: Final = 6.0
"""So long at most is given to a way, and one round at least."""

MEMORY: Final = """
import re, tracemalloc, numpy as np
from pathlib import Path
from bench.dtw.pairs import pair
from ovpo.sop.dtw.alignment import align
from ovpo.sop.dtw.compiled.loading import LOADING
assert LOADING.ready(120)
def resident(kind):
    return int(re.search(kind + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
gold, (other,) = pair(2000, 1)
small = gold[:64].copy()
room = np.empty((2000, 2000), np.float32)
np.dot(gold, other.T, out=room)
align(small, small, device="cpu")
Path("/proc/self/clear_refs").write_text("5")
before = resident("VmRSS")
align(gold, other, device="cpu")
peak = resident("VmHWM") - before
tracemalloc.start()
align(gold, other, device="cpu")
print(peak * 1.048576, tracemalloc.get_traced_memory()[1] / 1e6)
"""
FIRST: Final = """
from time import perf_counter
begun = perf_counter()
from ovpo.sop.dtw.alignment import align
imported = perf_counter()
from bench.dtw.pairs import pair
gold, (other,) = pair(320, 1)
called = perf_counter()
align(gold, other, device="cpu")
print(perf_counter() - called, imported - begun)
"""


def in_turns(work: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Give the median of the seconds of CPU that each took."""
    for run in work.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in work}
    order = list(work.items())
    for _ in range(ROUNDS):
        # Whoever goes after one that fills the caches pays for that, so each goes first in its turn.
        order = [*order[1:], order[0]]
        for name, run in order:
            if sum(times[name]) < SECONDS:
                begun = process_time()
                run()
                times[name].append(process_time() - begun)
    return {name: median(seen) for name, seen in times.items()}


def memory() -> tuple[float, float]:
    """Say how many MB one alignment of 2000 x 2000 rows adds: to the process, and in NumPy's arrays."""
    return _alone(MEMORY)


def first_call() -> tuple[float, float]:
    """Say how many seconds the first call of a process takes at 320 x 320 rows, and the import before it."""
    return _alone(FIRST)


def _alone(code: str) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.split()
    return float(first), float(second)
