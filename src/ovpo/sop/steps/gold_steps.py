# SPDX-License-Identifier: Apache-2.0
"""The steps of a gold video as rows: named and placed by its task's definition, or found where the pictures change.

What the gold shows before its first and after its last step is left out: where the definition says when the steps
begin, all before that; everywhere, what is dark or still at either end.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from ovpo.sop.definitions.procedure import DefinedStep, Definition
from ovpo.sop.embedding import Embedding
from ovpo.sop.errors import DefinitionError
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.lulls import lulls
from ovpo.sop.scoring.settings import USUAL, Scoring
from ovpo.sop.steps.segmenting import boundaries

IDLE_SECONDS: Final = 1.5
"""So much darkness or stillness at an end belongs to the first or last step: a hand may rest."""


def gold_steps(gold: Embedding, definition: Definition | None = None, usual: Scoring = USUAL) -> tuple[GoldStep, ...]:
    """Give the steps, which follow one another without gaps; raise DefinitionError where the video has no room."""
    scoring = definition.scoring if definition else usual
    first, end = _busy(gold, scoring)
    if definition is not None and definition.starts is not None:
        return _placed(gold, definition, definition.starts, end)
    row_seconds = gold.sidecar.maker.clips.row_seconds
    count = len(definition.steps) if definition else None
    if count is not None and end - first < count:
        raise _no_room(gold, count)
    inner = boundaries(gold.rows[first:end], row_seconds, count, lulls(gold)[first:end])
    edges = (first, *(first + row for row in inner), end)
    if count is not None and len(edges) - 1 != count:
        raise _no_room(gold, count)
    defined = definition.steps if definition else tuple(map(_numbered, range(1, len(edges))))
    return _steps(defined, edges)


def _placed(gold: Embedding, definition: Definition, starts: tuple[float, ...], end: int) -> tuple[GoldStep, ...]:
    clips, seconds = gold.sidecar.maker.clips, gold.sidecar.video.seconds
    edges = (*map(clips.row_at, starts), max(end, clips.row_at(starts[-1]) + 1))
    for number, (step, start) in enumerate(zip(definition.steps, starts, strict=True)):
        if clips.row_at(start) >= len(gold.rows):
            raise DefinitionError(
                "step_after_end",
                f"steps[{number}].starts_at: {start:g} s is where “{step.name}” begins, but {gold.sidecar.video.name} "
                f"lasts {seconds:.1f} s; give the time at which it begins in this video",
            )
    for number, (before, after) in enumerate(pairwise(edges)):
        if after <= before:
            raise DefinitionError(
                "step_too_short",
                f"steps[{number}].starts_at: “{definition.steps[number].name}” has less than {clips.row_seconds:g} s "
                "until the next step begins; move one of the two or join them",
            )
    return _steps(definition.steps, edges)


def _steps(defined: tuple[DefinedStep, ...], edges: tuple[int, ...]) -> tuple[GoldStep, ...]:
    return tuple(
        GoldStep(step.name, first, end, step.critical, step.min_seconds, step.max_seconds)
        for step, (first, end) in zip(defined, pairwise(edges), strict=True)
    )


def _numbered(number: int) -> DefinedStep:
    return DefinedStep(name=f"step {number}")


def _busy(gold: Embedding, scoring: Scoring) -> tuple[int, int]:
    """Give the rows between the ends at which nothing goes on; all where nothing goes on at all."""
    motion = np.asarray(gold.sidecar.motion)
    light = np.asarray(gold.sidecar.brightness) >= scoring.dark_brightness
    seen: NDArray[np.bool_] = gold.rows.any(axis=1) & light & (motion >= scoring.still_motion)
    busy = np.flatnonzero(seen)
    if not len(busy):
        return 0, len(gold.rows)
    first, end = int(busy[0]), int(busy[-1]) + 1
    idle = _idle(gold)
    return first if first > idle else 0, end if len(gold.rows) - end > idle else len(gold.rows)


def _idle(gold: Embedding) -> int:
    return round(IDLE_SECONDS / gold.sidecar.maker.clips.row_seconds)


def _no_room(gold: Embedding, count: int) -> DefinitionError:
    video = gold.sidecar.video
    return DefinitionError(
        "gold_too_short",
        f"{video.name} lasts {video.seconds:.1f} s, which is too short for the definition's {count} steps; "
        "give the whole gold video, say where each step begins (starts_at), or join steps",
    )


def without_ends(gold: Embedding, steps: Sequence[GoldStep]) -> tuple[Embedding, tuple[GoldStep, ...]]:
    """Give the rows from the first step to the last, and the steps counted from there."""
    first, end = steps[0].first, steps[-1].end
    moved = tuple(replace(step, first=step.first - first, end=step.end - first) for step in steps)
    before = None if gold.before is None else gold.before[first:end]
    presence = gold.sidecar.presence[first:end]
    return Embedding(gold.rows[first:end], structs.replace(gold.sidecar, presence=presence), before), moved
