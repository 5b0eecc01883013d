# SPDX-License-Identifier: Apache-2.0
"""Has the engine compare pairs, in two processes of one thread each, and judges what it says."""

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Final

from bench.sop.judging import Judged, judge
from bench.sop.pairs import Pair
from bench.sop.rendering import files
from bench.sop.scenes.script import truth
from ovpo.sop.errors import SopError
from ovpo.sop.result import Result

Compare = Callable[[Path, Path, Path | None], Result]

PROCESSES: Final = 2
THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run(listed: Sequence[Pair], folder: Path, engine: str, *, found_steps: bool) -> Iterator[Judged]:
    """Compare and judge, in the order in which pairs are done; `engine` is module:function of what compares."""
    os.environ |= dict.fromkeys(THREADS, "1")
    task = partial(judge_one, folder=folder, engine=engine, found_steps=found_steps)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(task, pair) for pair in listed]):
            yield future.result()


def judge_one(pair: Pair, folder: Path, engine: str, *, found_steps: bool) -> Judged:
    """Compare one pair and judge it; what the engine raises is kept, for no video may make it."""
    there = files(pair, folder)
    started = perf_counter()
    try:
        result = _compare(engine)(there.gold, there.trainee, None if found_steps else there.definition)
    except SopError as error:
        return _failed(pair, f"{error.code}: {error}", perf_counter() - started)
    except Exception:  # noqa: BLE001 - one pair that fails must not end the measurement of all others
        return _failed(pair, traceback.format_exc(limit=-6), perf_counter() - started)
    return judge(pair, result, perf_counter() - started, found_steps=found_steps)


def _compare(engine: str) -> Compare:
    module, _, function = engine.partition(":")
    compare: Compare = getattr(import_module(module), function)
    return compare


def _failed(pair: Pair, error: str, seconds: float) -> Judged:
    return Judged(
        pair=pair.name,
        kind=pair.kind,
        nuisance=pair.trainee.nuisance.name,
        verdict="error",
        error=error,
        seconds=seconds,
        truths=truth(pair.trainee).faults,
    )
