# SPDX-License-Identifier: Apache-2.0
"""Takes into files of a folder, each once: what is already there under the same take and the same code is kept."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import msgspec

from bench.sop.encoding import encode
from bench.sop.pairs import SETS, Pair
from bench.sop.scenes.script import truth
from bench.sop.scenes.takes import Procedure, Take

PROCESSES: Final = 2
_DIGEST: Final = 16


class Files(msgspec.Struct, frozen=True):
    """Where the videos of a pair and the definition of its procedure are."""

    gold: Path
    trainee: Path
    definition: Path


def cache() -> Path:
    """Name the folder in which rendered videos are kept between runs."""
    return Path(tempfile.gettempdir()) / "ovpo-bench-sop" / _code()


def files(pair: Pair, folder: Path) -> Files:
    """Say where the files of a pair are."""
    own = pair.gold.procedure
    definition = folder / f"{pair.generator}-{own.task_id}.yaml"
    return Files(_video(pair.generator, pair.gold, folder), _video(pair.generator, pair.trainee, folder), definition)


def render_all(listed: Iterable[Pair], folder: Path, progress: Callable[[int, int], None]) -> None:
    """Render what is not there yet, in two processes; `progress` is told how many of how many videos are done."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted: dict[Path, tuple[str, Take]] = {}
    for pair in listed:
        there = files(pair, folder)
        wanted |= {there.gold: (pair.generator, pair.gold), there.trainee: (pair.generator, pair.trainee)}
        _define(pair.gold.procedure, there.definition)
    left = {path: what for path, what in wanted.items() if not path.exists()}
    done = len(wanted) - len(left)
    progress(done, len(wanted))
    if not left:
        return
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(_render, generator, take, path) for path, (generator, take) in left.items()]
        for future in as_completed(running):
            future.result()
            done += 1
            progress(done, len(wanted))


def _render(generator: str, take: Take, path: Path) -> None:
    cv2.setNumThreads(1)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    frames = SETS[generator].render(take)
    encode(frames, unfinished, take.size, take.frames_per_second, low=take.nuisance.low_bitrate)
    unfinished.replace(path)


def _define(procedure: Procedure, path: Path) -> None:
    steps = [{"name": step.name} for step in procedure.steps]
    path.write_text(json.dumps({"task": procedure.task_id, "steps": steps}, indent=1))


def _video(generator: str, take: Take, folder: Path) -> Path:
    told = hashlib.sha256(msgspec.json.encode(take)).hexdigest()[:_DIGEST]
    role = "trainee" if take.person else "gold"
    return folder / f"{generator}-{take.procedure.seed}-{role}{take.person}-{told}.mp4"


def _code() -> str:
    here = Path(__file__).parent
    sources = [*sorted((here / "scenes").glob("*.py")), here / "encoding.py"]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:_DIGEST]


def truth_of(listed: Iterable[Pair], folder: Path) -> list[dict[str, object]]:
    """Say in plain words for a file what is in each pair."""
    told: list[dict[str, object]] = []
    for pair in listed:
        there = files(pair, folder)
        told.append(
            {
                "pair": pair.name,
                "kind": pair.kind,
                "nuisance": pair.trainee.nuisance.name,
                "gold": there.gold.name,
                "trainee": there.trainee.name,
                "definition": there.definition.name,
                "gold_truth": msgspec.to_builtins(truth(pair.gold)),
                "trainee_truth": msgspec.to_builtins(truth(pair.trainee)),
            }
        )
    return told
