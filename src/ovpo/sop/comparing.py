# SPDX-License-Identifier: Apache-2.0
"""The engine: compares a trainee's video with a gold one, from files or from embeddings, and says what came of it.

What cannot be judged gets a result that says why; only what cannot be read, or a gold that shows nothing, is an error.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.aligning import align_steps
from ovpo.sop.calibration.calibration import DEFAULT, Calibration
from ovpo.sop.definitions.procedure import Definition
from ovpo.sop.definitions.reading import load
from ovpo.sop.embedders.choosing import choose
from ovpo.sop.embedders.interface import Embedder
from ovpo.sop.embedding import Embedding, Sidecar, refuse_to_mix
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.judging import comparing as reading
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.finding import find, findings
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.reading import Prices
from ovpo.sop.outcomes import Terms, judged, later, refused
from ovpo.sop.result import Reason, Result
from ovpo.sop.scoring.judgeable import too_short
from ovpo.sop.scoring.settings import USUAL, Scoring
from ovpo.sop.scoring.verdict import judge
from ovpo.sop.standard import Progress, adapted_by, prepare, refuse_bad_gold, refuse_other_adapter, task_of
from ovpo.sop.steps.gold_steps import without_ends
from ovpo.sop.watching import Side, look

DEFAULT_EMBEDDER: Final = "heuristic"
LIMITS: Final = Limits()
PRICES: Final = Prices()
MOST_CELLS: Final = 60_000_000
"""Gold rows times trainee rows that are compared; each takes 22 bytes, 1.3 GB in all. A gold of eight minutes and a
trainee's video of two hours have as many."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A result, and what its explanation is drawn from."""

    result: Result
    likeness: NDArray[np.float32] | None
    """The cosines, a line a gold row; absent where nothing was compared."""
    row_seconds: float
    gold: Path | None = None
    """The video, where there is one at hand."""
    trainee: Path | None = None


def compare(
    gold: Path,
    trainee: Path,
    *,
    definition: Path | Definition | None = None,
    embedder: Embedder | None = None,
    adapter: Adapter | None = None,
    calibration: Calibration | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    now: datetime,
) -> Comparison:
    """Compare two videos, or embeddings in `.npy` files; `progress` is told of each stage and its share.

    `limits` that are given hold instead of those of the definition.
    """
    defined = load(definition) if isinstance(definition, Path) else definition
    embedder = embedder or choose(DEFAULT_EMBEDDER)
    sides = look(gold, embedder), look(trainee, embedder)
    scoring = defined.scoring if defined else USUAL
    limits = limits or (defined.limits if defined else LIMITS)
    if adapter is not None:
        for side in sides:
            refuse_other_adapter(adapter, side.sidecar)
    reason = _unfit(*sides, adapter, scoring)
    if reason is not None:
        terms = Terms(
            calibration=calibration or DEFAULT,
            scoring=scoring,
            limits=limits,
            prices=PRICES,
            task=defined.task if defined else task_of(gold.name),
            now=now,
        )
        result = refused(sides[0].sidecar, sides[1].sidecar, reason, terms=terms)
        return Comparison(result, None, sides[0].sidecar.maker.clips.row_seconds, sides[0].video, sides[1].video)
    standard = prepare(
        sides[0],
        embedder,
        definition=defined,
        adapter=adapter,
        calibration=calibration,
        progress=progress,
        now=now,
    )
    seen = sides[1].embedded(embedder, progress=_stage(progress, "trainee's video"))
    return judge_embeddings(
        standard.gold,
        adapted_by(standard.adapter, seen),
        steps=standard.steps,
        calibration=standard.calibration,
        scoring=scoring,
        limits=limits,
        task=standard.task,
        now=now,
        videos=(sides[0].video, sides[1].video),
    )


def judge_embeddings(
    gold: Embedding,
    trainee: Embedding,
    *,
    steps: Sequence[GoldStep],
    calibration: Calibration,
    scoring: Scoring = USUAL,
    limits: Limits = LIMITS,
    prices: Prices = PRICES,
    task: str,
    now: datetime,
    videos: tuple[Path | None, Path | None] = (None, None),
) -> Comparison:
    """Compare two embeddings that went through the same adapter; nothing is read or written.

    Raise SopError for a gold that shows no procedure.
    """
    refuse_bad_gold(gold, scoring)
    terms = Terms(calibration=calibration, scoring=scoring, limits=limits, prices=prices, task=task, now=now)
    row_seconds = gold.sidecar.maker.clips.row_seconds
    reason = (
        _mixed(gold.sidecar, trainee.sidecar)
        or too_short(len(trainee.rows) * row_seconds, scoring)
        or _too_long(len(gold.rows), len(trainee.rows), row_seconds)
    )
    if reason is not None:
        result = refused(gold.sidecar, trainee.sidecar, reason, steps=steps, terms=terms)
        return Comparison(result, None, row_seconds, *videos)
    cut, inner = without_ends(gold, steps)
    case = reading.compare(cut, trainee, inner, calibration, prices, limits, scoring.dark_brightness)
    found = findings(case, find(case, limits), limits)
    judgement = judge(found, scoring)
    result = judged(
        gold.sidecar,
        trainee.sidecar,
        judgement,
        steps=found.steps,
        deviations=found.deviations,
        alignment=align_steps(case, cut.rows, trainee.rows),
        terms=terms,
    )
    likeness = np.asarray(gold.rows @ trainee.rows.T, dtype=np.float32)
    return Comparison(later(result, steps[0].first * row_seconds), likeness, row_seconds, *videos)


def _unfit(gold: Side, trainee: Side, adapter: Adapter | None, scoring: Scoring) -> Reason | None:
    """Tell before any work why two files cannot be compared, once raw rows went through the adapter that is given."""
    name = adapter.record.name if adapter else None
    ours, theirs = (structs.replace(side.sidecar, adapter=side.sidecar.adapter or name) for side in (gold, trainee))
    return (
        _mixed(ours, theirs)
        or too_short(trainee.sidecar.video.seconds, scoring)
        or _too_long(gold.rows, trainee.rows, gold.sidecar.maker.clips.row_seconds)
    )


def _mixed(gold: Sidecar, trainee: Sidecar) -> Reason | None:
    try:
        refuse_to_mix(gold, trainee)
    except EmbeddingError as error:
        sentence = str(error)
        return Reason(error.code, f"{sentence[0].upper()}{sentence[1:]}.")
    return None


def _too_long(gold_rows: int, trainee_rows: int, row_seconds: float) -> Reason | None:
    if gold_rows * trainee_rows <= MOST_CELLS:
        return None
    most = MOST_CELLS / max(gold_rows, 1) * row_seconds / 60
    return Reason(
        "too_long",
        f"The trainee's video has {trainee_rows * row_seconds / 60:.0f} minutes, with this gold video "
        f"{most:.0f} can be compared: cut it to the procedure.",
    )


def _stage(progress: Progress | None, what: str) -> Callable[[float], None] | None:
    return None if progress is None else lambda share: progress(what, share)
