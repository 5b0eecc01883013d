# SPDX-License-Identifier: Apache-2.0
"""The gold's side of a comparison, made once for any number of trainees: its rows, its steps, and what is usual.

Without an adapter one is fitted to the gold alone, and without a calibration the gold alone is calibrated by; neither
is kept.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.applying import apply, refuse_other_maker
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.calibration.calibration import DEFAULT, Calibration
from ovpo.sop.calibration.learning import ENOUGH_RETAKES, Measure, from_retakes, learnt, others
from ovpo.sop.calibration.synthetic import from_nuisances, stretches
from ovpo.sop.definitions.procedure import Definition
from ovpo.sop.embedders.interface import Embedder
from ovpo.sop.embedding import Embedding, Sidecar
from ovpo.sop.errors import EmbeddingError, SopError
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.scoring.judgeable import QUICK
from ovpo.sop.scoring.settings import USUAL, Scoring
from ovpo.sop.steps.gold_steps import gold_steps, without_ends
from ovpo.sop.watching import Keeper, Side

Progress = Callable[[str, float], None]
"""Is told what is being done and which share of it is done."""
_NOT_IN_TASK: Final = re.compile(r"[^a-z0-9_-]+")
_LONGEST_TASK: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """What a trainee is compared with."""

    task: str
    gold: Embedding
    """Adapted."""
    steps: tuple[GoldStep, ...]
    adapter: Adapter | None
    """Absent where the gold's stored rows were adapted already."""
    calibration: Calibration


def prepare(
    gold: Side,
    embedder: Embedder,
    *,
    definition: Definition | None = None,
    adapter: Adapter | None = None,
    calibration: Calibration | None = None,
    retakes: Sequence[Embedding] = (),
    progress: Progress | None = None,
    now: datetime,
) -> Standard:
    """Embed and adapt the gold, find its steps, and learn from it (and its raw `retakes`) what was not given."""
    told = progress or _nobody
    if adapter is not None:
        refuse_other_maker(adapter, gold.sidecar)
        for sidecar in (gold.sidecar, *(retake.sidecar for retake in retakes)):
            refuse_other_adapter(adapter, sidecar)
    needs_pictures = calibration is None and len(others(gold.sidecar, retakes)) < ENOUGH_RETAKES
    keeper = _keeper(gold) if needs_pictures and gold.stored is None else None
    raw = gold.embedded(embedder, keeper, lambda share: told("gold video", share))
    scoring = definition.scoring if definition else USUAL
    refuse_bad_gold(raw, scoring)
    if adapter is None and raw.sidecar.adapter is None:
        adapter = fit([raw, *retakes], now=now, id=raw.sidecar.video.sha256[:12])
    adapted = adapted_by(adapter, raw)
    steps = gold_steps(adapted, definition)
    if calibration is None:
        measures = _from_retakes(adapted, [adapted_by(adapter, retake) for retake in retakes], steps, scoring)
        sources = [_counted(len(measures), len(retakes))] if measures else []
        if gold.stored is None and len(measures) < ENOUGH_RETAKES:
            keeper = keeper or gold.kept(embedder, _keeper(gold))
            found = _from_nuisances(adapted, steps, embedder, adapter, keeper, told)
            measures += found
            sources += [f"{len(found)} synthetic nuisances of the gold video"] if found else []
        calibration = learnt(measures, " and ".join(sources)) if measures else DEFAULT
    return Standard(
        task=definition.task if definition else task_of(gold.sidecar.video.name),
        gold=adapted,
        steps=steps,
        adapter=adapter,
        calibration=calibration,
    )


def adapted_by(adapter: Adapter | None, embedding: Embedding) -> Embedding:
    """Apply an adapter, unless the rows went through it already; raise EmbeddingError if they did through another."""
    if adapter is None:
        return embedding
    refuse_other_adapter(adapter, embedding.sidecar)
    return embedding if embedding.sidecar.adapter is not None else apply(adapter, embedding)


def refuse_other_adapter(adapter: Adapter, sidecar: Sidecar) -> None:
    """Raise EmbeddingError for rows that went through another adapter than the one that is given."""
    if sidecar.adapter not in {None, adapter.record.name}:
        raise EmbeddingError(
            "mixed_adapters",
            f"the rows of {sidecar.video.name} went through {sidecar.adapter}, and {adapter.record.name} is given; "
            "give that adapter, or the raw embedding or the video itself",
        )


def refuse_bad_gold(gold: Embedding, scoring: Scoring) -> None:
    """Raise SopError for a gold video that shows no procedure."""
    video, seconds = gold.sidecar.video, len(gold.rows) * gold.sidecar.maker.clips.row_seconds
    if seconds < scoring.least_seconds:
        raise SopError(
            "gold_too_short",
            f"{video.name} has {video.seconds:.1f} s, a gold video needs {scoring.least_seconds:.1f} s; "
            "give the whole demonstration",
        )
    if np.median(gold.sidecar.brightness) < scoring.dark_brightness:
        raise SopError("gold_too_dark", f"{video.name} is too dark for a gold video; record it in more light")
    if np.percentile(gold.sidecar.motion, QUICK) < scoring.still_motion:
        raise SopError("gold_still", f"nothing moves in {video.name}; give a video in which the procedure is done")


def task_of(name: str) -> str:
    """Make a task's name of a video's, where no definition gives one."""
    plain = unicodedata.normalize("NFKD", PurePath(name).stem).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_TASK.sub("-", plain).strip("-_")[:_LONGEST_TASK] or "unnamed"


def _keeper(gold: Side) -> Keeper:
    clips = gold.sidecar.maker.clips
    return Keeper(stretches(max(round(gold.sidecar.video.seconds * clips.frames_per_second), 1), clips))


def _counted(measured: int, given: int) -> str:
    """Say how many retakes were learnt from, and how many were given if some did not count."""
    return f"{measured}{f' of {given}' if measured < given else ''} retake{'s' if given > 1 else ''}"


def _from_retakes(
    gold: Embedding, retakes: Sequence[Embedding], steps: Sequence[GoldStep], scoring: Scoring
) -> list[Measure]:
    cut, inner = without_ends(gold, steps)
    return list(from_retakes(cut, retakes, inner, scoring.dark_brightness))


def _from_nuisances(
    gold: Embedding,
    steps: Sequence[GoldStep],
    embedder: Embedder,
    adapter: Adapter | None,
    keeper: Keeper,
    told: Progress,
) -> list[Measure]:
    stride = gold.sidecar.maker.clips.stride
    parts = [(part[0] // stride, keeper.of(part)) for part in keeper.stretches]
    of_all, share_told = _steps_of_all(gold, steps), lambda share: told("calibration", share)
    return list(from_nuisances(embedder, gold.sidecar, parts, of_all, adapter, share_told))


def _steps_of_all(gold: Embedding, steps: Sequence[GoldStep]) -> NDArray[np.int32]:
    """Give each gold row's step; what is before the first or after the last belongs to these."""
    ends = np.array([step.end for step in steps[:-1]], dtype=np.int64)
    return np.searchsorted(ends, np.arange(len(gold.rows)), side="right").astype(np.int32)


def _nobody(_what: str, _share: float) -> None:
    """Tell nobody."""
