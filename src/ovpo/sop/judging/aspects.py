# SPDX-License-Identifier: Apache-2.0
"""Stretches of a step that is there but in one aspect unlike the gold's: another tool, place or movement.

How alike honest rows are in an aspect depends on how fast the gold changes there, and on camera, light and person. So a
row is held against the rows of the same pair at which the gold changes as fast, and its shortfall is measured by how
far those differ among themselves; a stretch counts by the mean shortfall of its rows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.judging.runs import runs
from ovpo.sop.judging.visits import Run, Visit

Shortfalls = Mapping[str, NDArray[np.float64]]
NEAR: Final = 3
"""A row is as alike as the likest gold row that is no farther than this from the one it shows."""
APART: Final = 2
"""The gold changes at a row by how much the rows so far before and after it differ from it."""
FEWEST: Final = 24
"""Of fewer rows it cannot be told what is usual."""
ROUNDS: Final = 12
USUAL_SHARE: Final = 0.6
LEAST_SPREAD: Final = 0.02
SMOOTHED: Final = 3
FADED: Final = 0.5
"""A stretch ends where the shortfall is less than this share of what it is at the stretch's worst."""


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Trainee rows of a visit in which an aspect is unlike the gold's; `excess` is 1 where that just counts."""

    visit: Visit
    first: int
    end: int
    aspect: str
    excess: float


def done_otherwise(
    gold: Embedding,
    trainee: Embedding,
    run: Run,
    main: Sequence[Visit | None],
    step_of: NDArray[np.int32],
    most: Mapping[str, float],
    rows: int,
) -> tuple[Otherwise, ...]:
    """Find, in each step that was done, the worst stretch of at least so many rows that is done otherwise.

    `most` says for each aspect which mean shortfall is usual at most. Rows whose clips reach beyond the procedure's
    ends are passed over: they show what is before and after it.
    """
    at, short = _looked_at(gold, trainee, run, step_of, most)
    found = (_worst(visit, at, short, most, rows) for visit in main if visit is not None)
    return tuple(one for one in found if one is not None)


def worst_shortfalls(
    gold: Embedding,
    trainee: Embedding,
    run: Run,
    main: Sequence[Visit | None],
    step_of: NDArray[np.int32],
    names: Collection[str],
    rows: int,
) -> dict[str, float]:
    """Give for each aspect the largest mean shortfall over so many rows of a step; of an honest retake it is usual."""
    at, short = _looked_at(gold, trainee, run, step_of, names)
    worst: dict[str, float] = {}
    for visit in main:
        inside = () if visit is None else np.flatnonzero((at >= visit.first) & (at < visit.end))
        if len(inside) >= rows:
            means = {name: float(_means(values[inside], rows).max()) for name, values in short.items()}
            worst = {name: max(mean, worst.get(name, mean)) for name, mean in means.items()}
    return worst


def _looked_at(
    gold: Embedding, trainee: Embedding, run: Run, step_of: NDArray[np.int32], names: Collection[str]
) -> tuple[NDArray[np.intp], Shortfalls]:
    """Give the rows that are looked at, and their shortfalls; none where too little is known."""
    clips = gold.sidecar.maker.clips
    margin = -(-clips.window // clips.stride) - 1
    inner = np.arange(run.first + margin, run.end - margin)
    at = inner[run.gold_row[inner] >= 0]
    spans = {name: columns for name, columns in gold.sidecar.maker.aspects.items() if name in names}
    if gold.raw is None or trainee.raw is None or not spans or len(at) < FEWEST:
        return at[:0], {}
    return at, shortfalls(gold.raw, trainee.raw, at, run.gold_row[at], step_of, spans)


def shortfalls(
    gold: Rows,
    trainee: Rows,
    at: NDArray[np.intp],
    shown: NDArray[np.int32],
    step_of: NDArray[np.int32],
    spans: Mapping[str, tuple[int, int]],
) -> Shortfalls:
    """Tell how far each of the trainee's rows `at`, which show the gold rows `shown`, is below what is usual."""
    lowest, highest = (np.searchsorted(step_of, step_of[shown], side) for side in ("left", "right"))
    around = np.clip(shown[None] + np.arange(-NEAR, NEAR + 1)[:, None], lowest, highest - 1)
    found = {}
    for name, (first, end) in spans.items():
        own, other = _unit(gold[:, first:end]), _unit(trainee[at, first:end])
        alike = np.einsum("kij,ij->ki", own[around], other).max(axis=0)
        below = _usual(alike, _changing(own)[around].mean(axis=0)) - alike
        found[name] = below / max(float(np.quantile(np.abs(below), USUAL_SHARE)), LEAST_SPREAD)
    return found


def _changing(rows: Rows) -> NDArray[np.float64]:
    """Tell how much the rows around each row differ from it."""
    last, here = len(rows) - 1, np.arange(len(rows))
    after, before = rows[np.minimum(here + APART, last)], rows[np.maximum(here - APART, 0)]
    return np.asarray(1 - 0.5 * np.einsum("ij,ij->i", rows, after + before), np.float64)


def _usual(alike: NDArray[np.float32], changing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give what is usual where the gold changes as fast: a straight line, which strays do not bend."""
    rows = np.stack([np.ones_like(changing), changing], axis=1)
    seen = alike.astype(np.float64)
    weight: NDArray[np.float64] = np.ones(len(alike))
    line: NDArray[np.float64] = np.zeros(2)
    for _ in range(ROUNDS):
        line = np.asarray(np.linalg.lstsq(rows * weight[:, None], seen * weight, rcond=None)[0], np.float64)
        weight = 1 / np.sqrt(np.maximum(np.abs(seen - rows @ line), LEAST_SPREAD / 2))
    return np.asarray(rows @ line)


def _worst(
    visit: Visit, at: NDArray[np.intp], short: Shortfalls, most: Mapping[str, float], rows: int
) -> Otherwise | None:
    inside = np.flatnonzero((at >= visit.first) & (at < visit.end))
    if len(inside) < rows or not short:
        return None
    means = {name: _means(values[inside], rows) / most[name] for name, values in short.items()}
    aspect = max(means, key=lambda name: float(means[name].max()))
    excess, start = float(means[aspect].max()), int(means[aspect].argmax())
    if excess < 1:
        return None
    first, end = _around(short[aspect][inside], start, rows)
    if end - first < rows:
        return None
    return Otherwise(visit, int(at[inside[first]]), int(at[inside[end - 1]]) + 1, aspect, excess)


def _around(short: NDArray[np.float64], start: int, rows: int) -> tuple[int, int]:
    """Widen or narrow the worst window to where the shortfall fades."""
    smooth = np.convolve(np.pad(short, SMOOTHED // 2, "edge"), np.ones(SMOOTHED) / SMOOTHED, "valid")
    strong = smooth >= FADED * float(np.median(short[start : start + rows]))
    window = (start, start + rows)
    return max(runs(strong), key=lambda run: _shared(run, *window), default=window)


def _shared(run: tuple[int, int], first: int, end: int) -> int:
    return max(min(run[1], end) - max(run[0], first), 0)


def _means(values: NDArray[np.float64], over: int) -> NDArray[np.float64]:
    return np.convolve(values, np.ones(over) / over, "valid")


def _unit(rows: Rows) -> Rows:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), np.float32)
