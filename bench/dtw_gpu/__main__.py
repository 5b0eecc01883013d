# SPDX-License-Identifier: Apache-2.0
"""How fast sequences are aligned on a GPU, and whether the paths are the CPU's: first the check, then times and goals.

Goals for an H100 or H200, from rows of 768 numbers on the device to paths in the host's memory: 1.0 ms for 2000 by 2000
rows, 2 ms for 256 pairs of 300 by 300.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ovpo.sop.dtw.alignment import align_from_similarity
from ovpo.sop.dtw.gpu import device
from ovpo.sop.dtw.gpu.aligning import align_many, cheapest_paths
from ovpo.sop.dtw.gpu.geometry import TILING, Tiling

DIMS = 768
ROUNDS = 30
WARM_UP = 5
TILINGS = (TILING, Tiling(1, 4), Tiling(1, 8), Tiling(2, 2), Tiling(4, 2))
SHAPES = [(1, 1), (1, 40), (40, 1), (31, 33), (64, 64), (65, 130), (257, 700), (1000, 900), (2000, 2000)]
CASES = (("2000 by 2000", 2000, 1, 1.0), ("256 pairs of 300 by 300", 300, 256, 2.0))
Matrix = NDArray[np.float32]


def main() -> int:
    """Check and measure, or say why not."""
    console = Console()
    if not device.available():
        print("not measured: CuPy finds no CUDA device of compute capability 8.0 or later here")
        return 0
    wrong = [fault for tiling in TILINGS for fault in _faults(tiling)]
    for fault in wrong:
        console.print(f"[red]other than the CPU:[/red] {fault}")
    if wrong:
        return 1
    console.print(
        f"paths and totals equal the CPU's on {len(SHAPES) * 3 + 1} matrices for each of {len(TILINGS)} tilings"
    )
    console.print(_times())
    return 0


def _faults(tiling: Tiling) -> list[str]:
    cupy, random = device.cupy(), np.random.default_rng(1)
    faults = []
    for rows, columns in SHAPES:
        smooth: Matrix = random.uniform(-1, 1, (rows, columns)).astype(np.float32)
        tied: Matrix = (random.integers(0, 3, (rows, columns)) / 2).astype(np.float32)
        for name, similarity in (("smooth", smooth), ("tied", tied), ("flat", np.zeros_like(tied))):
            if not _agree(cupy, similarity, [columns], tiling):
                faults.append(f"{tiling}, {rows} by {columns}, {name}")
    lengths = random.integers(1, 400, 64).tolist()
    if not _agree(cupy, random.uniform(-1, 1, (300, sum(lengths))).astype(np.float32), lengths, tiling):
        faults.append(f"{tiling}, 64 pairs at once")
    return faults


def _agree(cupy: Any, similarity: Matrix, lengths: list[int], tiling: Tiling) -> bool:
    begins = np.cumsum([0, *lengths])
    for pair, found in enumerate(cheapest_paths(cupy.asarray(similarity), lengths, tiling)):
        expected = align_from_similarity(similarity[:, begins[pair] : begins[pair + 1]])
        if found.total_cost != expected.total_cost or not np.array_equal(found.path, expected.path):
            return False
    return True


def _times() -> Table:
    cupy, random = device.cupy(), np.random.default_rng(2)
    table = Table(title=f"median of {ROUNDS}, ms, on {_name(cupy)}")
    for column in ("what", "rows a lane, warps", "rows to paths", "goal", "reached", "product alone", "paths alone"):
        table.add_column(column)
    for what, rows, pairs, goal in CASES:
        gold = cupy.asarray(random.standard_normal((rows, DIMS), np.float32))
        trainees = [cupy.asarray(random.standard_normal((rows, DIMS), np.float32)) for _ in range(pairs)]
        others, lengths = cupy.concatenate(trainees), [rows] * pairs
        product = _milliseconds(cupy, cupy.dot, gold, others.T)
        similarity = cupy.dot(gold, others.T) / DIMS
        for tiling in TILINGS:
            whole = _milliseconds(cupy, partial(align_many, tiling=tiling), gold, trainees)
            paths = _milliseconds(cupy, cheapest_paths, similarity, lengths, tiling)
            reached = "yes" if whole <= goal else "no"
            tiled = f"{tiling.rows_per_lane}, {tiling.warps}" + (" (shipped)" if tiling == TILING else "")
            table.add_row(what, tiled, f"{whole:.3f}", f"{goal:.1f}", reached, f"{product:.3f}", f"{paths:.3f}")
    return table


def _milliseconds(cupy: Any, work: Callable[..., object], *given: object) -> float:
    taken = []
    for _ in range(WARM_UP + ROUNDS):
        cupy.cuda.Device().synchronize()
        begin = time.perf_counter()
        work(*given)
        cupy.cuda.Device().synchronize()
        taken.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(taken[WARM_UP:])


def _name(cupy: Any) -> str:
    return str(cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode())


if __name__ == "__main__":
    sys.exit(main())
