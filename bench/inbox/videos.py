# SPDX-License-Identifier: Apache-2.0
"""Which videos are dropped, and dropping them: the drawn procedures of the judging set, each file once."""

import shutil
from collections.abc import Callable
from pathlib import Path

from bench.sop.pairs import Kind, pairs
from bench.sop.rendering import cache, files, render_all

PAIRS_A_VIDEO = 2
"""More pairs than videos are listed, since pairs share their gold."""


def choose(number: int, progress: Callable[[int, int], None]) -> list[tuple[str, str, Path]]:
    """Render so many videos, unless they are there already; give task, role and file of each."""
    chosen: dict[Path, tuple[str, str, Path]] = {}
    wanted = []
    for pair in pairs("judge", PAIRS_A_VIDEO * number, 1):
        if pair.kind in {Kind.UNRELATED, Kind.EMPTY}:
            continue
        there = files(pair, cache())
        task = pair.gold.procedure.task_id
        more = {there.gold: (task, "gold", there.gold), there.trainee: (task, "trainee", there.trainee)}
        if len(chosen | more) > number:
            break
        chosen |= more
        wanted.append(pair)
    render_all(wanted, cache(), progress)
    return list(chosen.values())


def drop(chosen: list[tuple[str, str, Path]], inbox: Path) -> None:
    """Copy every video into the inbox, as a person would who has them all in a folder."""
    for task, role, file in chosen:
        folder = inbox / task / role
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / file.name)
