# SPDX-License-Identifier: Apache-2.0
"""How fast two sequences of rows are aligned, on one core, beside the matrix product that it needs and other libraries.

Everything is measured in turns in one run, as CPU time, so that a busy machine slows all alike; ratios count, not
milliseconds.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.goals import Goal, print_goals

WIDTH: Final = 120
LENGTHS: Final = (96, 320, 1024, 2016)
BATCH: Final = 64
BATCH_LENGTH: Final = 300
ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
RATIOS: Final = {"torchdtw": 1.0, "tslearn": 1.4, "librosa": 2.0, "dtaidistance": 30.0}
"""How many times as long as ours each library is to take at the longest."""
ABOVE_FLOOR: Final = 1.15
FALLBACK_RATIO: Final = 1.6
MEGABYTES: Final = 8.0
BATCH_SHARE: Final = 0.8
FIRST_SECONDS: Final = 0.1


def main() -> int:
    """Measure, print, and say by the exit code whether every goal was reached."""
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        # A BLAS reads these when it is loaded, which was already done for whoever imports NumPy before.
        command = [sys.executable, "-m", "bench.dtw", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | ONE_THREAD)
    return _measure(Console(width=WIDTH, highlight=False))


def _measure(console: Console) -> int:
    from bench.dtw.measuring import first_call, memory
    from bench.dtw.ways import FALLBACK, FLOOR, OURS, absent
    from ovpo.sop.dtw.compiled.loading import LOADING

    if not LOADING.ready(120):
        console.print("The compiled programme did not become ready; see the warning above.")
        return 1
    times = {length: _single(length) for length in LENGTHS}
    _print(console, times)
    if absent():
        names = " ".join(absent())
        console.print(f"Not installed, so not measured: {names}. To have them: pip install {names}")
    floor_rate, rate = _batch()
    process, arrays = memory()
    first, imported = first_call()
    console.print(
        f"{BATCH} trainees of {BATCH_LENGTH} rows against one gold: {rate:.0f} pairs/s a core, "
        f"one matrix product for all of them {floor_rate:.0f}"
    )
    console.print(f"2000 x 2000 rows: {process:.1f} MB more of the process, {arrays:.1f} MB of it NumPy arrays")
    console.print(f"a fresh process: import {imported:.2f} s, first call {first:.3f} s at 320 x 320")
    last = times[LENGTHS[-1]]
    goals = [
        _ratio("above the matrix product", last[OURS] / last[FLOOR], most=ABOVE_FLOOR),
        _ratio("NumPy only, to ours", last[FALLBACK] / last[OURS], most=FALLBACK_RATIO),
        *(
            _ratio(f"{name}, to ours", last[name] / last[OURS], least=least)
            for name, least in RATIOS.items()
            if name in last
        ),
        _ratio("batch, of its matrix product", rate / floor_rate, least=BATCH_SHARE),
        Goal("memory beyond 2000 x 2000", f"≤ {MEGABYTES:g} MB", f"{process:.1f} MB", process <= MEGABYTES),
        Goal("first call", f"≤ {FIRST_SECONDS:g} s", f"{first:.3f} s", first <= FIRST_SECONDS),
    ]
    print_goals(console, goals)
    return int(not all(goal.ok for goal in goals))


def _single(length: int) -> dict[str, float]:
    from bench.dtw.measuring import in_turns
    from bench.dtw.pairs import pair
    from bench.dtw.ways import ways

    gold, (trainee,) = pair(length, seed=length)
    return in_turns({name: lambda way=way: way(gold, trainee) for name, way in ways().items()})  # type: ignore[misc]


def _batch() -> tuple[float, float]:
    """Say how many pairs go through one matrix product and through align_many in a second."""
    import numpy as np

    from bench.dtw.measuring import in_turns
    from bench.dtw.pairs import pair
    from ovpo.sop.dtw.alignment import align_many

    gold, trainees = pair(BATCH_LENGTH, 1, BATCH)
    everything = np.concatenate(trainees).T
    products = np.empty((BATCH_LENGTH, BATCH * BATCH_LENGTH), np.float32)
    seen = in_turns(
        {
            "floor": lambda: np.dot(gold, everything, out=products),
            "ours": lambda: align_many(gold, trainees, device="cpu"),
        }
    )
    return BATCH / seen["floor"], BATCH / seen["ours"]


def _print(console: Console, times: Mapping[int, Mapping[str, float]]) -> None:
    table = Table("", box=None, header_style="bold", title="ms of CPU, and how often ours", title_justify="left")
    for length in times:
        table.add_column(f"{length} x {length}", justify="right")
    for name in times[LENGTHS[0]]:
        cells = [f"{seen[name] * 1000:,.2f}  {seen[name] / seen['ours']:6.2f}" for seen in times.values()]
        table.add_row(name, *cells)
    console.print(table)


def _ratio(name: str, seen: float, *, most: float | None = None, least: float | None = None) -> Goal:
    wanted = f"≤ {most:g}" if most is not None else f"≥ {least:g}"
    ok = (most is None or seen <= most) and (least is None or seen >= least)
    return Goal(name, wanted, f"{seen:.2f}", ok)


if __name__ == "__main__":
    sys.exit(main())
