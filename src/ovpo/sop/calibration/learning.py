# SPDX-License-Identifier: Apache-2.0
"""Learns what is usual between honest retakes: from retakes, or from the gold's own pictures made worse on purpose.

A pair is measured by cosines: of rows that show the same, of rows of other steps, and of rows of one video.
`learnt` alone turns the measures of all pairs into a calibration.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.calibration.calibration import DEFAULT, Calibration
from ovpo.sop.clips import Clips
from ovpo.sop.embedding import Embedding, Rows, Sidecar
from ovpo.sop.judging.aspects import worst_shortfalls
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.comparing import LEVEL_QUANTILE, compare, steps_of_rows
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.reading import NOWHERE, Prices
from ovpo.sop.scoring.settings import USUAL

NINE_IN_TEN: Final = 0.9
LOWEST_SHARE: Final = 0.5
"""How much lower than the lowest level that was seen a pair's level may be: no nuisance is another trainee."""
LOWEST: Final = (0.2, 0.6)
SAME: Final = (0.6, 0.8)
AGAIN: Final = (0.6, 0.85)
"""From and to; what is learnt from few pairs stays inside these."""
SHORTFALL: Final = (0.7, 1.5)
"""The same, as shares of the default."""
BEYOND_RETAKES: Final = 1.25
"""How much farther than in any retake an aspect may be short."""
THRESHOLD_SHARE: Final = 0.25
"""How far thresholds are from the likest of what is not the same: near it, for good runs differ more than videos do."""
ANOTHER_TAKE: Final = 0.88
"""What a cosine comes down to when somebody does again what a nuisance only changes the picture of: measured on drawn
retakes, in which nine of ten rows exceed 0.84 of the level where nuisances leave 0.95."""
NEAR_WINDOWS: Final = 2
"""Rows that are nearer than so many windows are alike whatever step they are of."""
FEWEST_ROWS: Final = 8
"""A pair of which fewer rows were matched says nothing."""
ENOUGH_RETAKES: Final = 3
"""From so many retakes on, nuisances are not needed."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one pair says; shares are of its level, and what one step alone cannot say is absent."""

    level: float
    same: float
    """The share of the level that nine of ten rows exceed at the row that they show."""
    other: float | None
    """The share of the level that nine of ten rows stay under at the likest row of any other step."""
    own_same: float
    """The cosine that nine of ten rows exceed at their neighbours in the same video."""
    own_other: float | None
    """The cosine that nine of ten rows of one video stay under at the likest row of any other of its steps."""
    shortfall: Mapping[str, float] = field(default_factory=dict)
    """How far below what is usual an aspect of a step was for two seconds; a nuisance alone does not say."""


def measured(
    gold: Rows, retake: Rows, shown: NDArray[np.int32], step_of: NDArray[np.int32], clips: Clips
) -> Measure | None:
    """Measure a pair; `shown` gives the gold row of each retake row, or NOWHERE, and `step_of` the gold's steps."""
    rows = np.flatnonzero(shown != NOWHERE)
    if len(rows) < FEWEST_ROWS:
        return None
    cosines = gold @ retake[rows].T
    at = shown[rows]
    around = np.clip(at[None] + np.array([[-1], [0], [1]]), 0, len(gold) - 1)
    matched = cosines[around, np.arange(len(rows))].max(axis=0)
    level = float(np.quantile(matched, LEVEL_QUANTILE))
    if level <= 0:
        return None
    near = NEAR_WINDOWS * -(-clips.window // clips.stride)
    apart = (step_of[:, None] != step_of[at][None]) & (abs(np.arange(len(gold))[:, None] - at[None]) > near)
    own = retake[rows] @ retake[rows].T
    own_apart = (step_of[at][:, None] != step_of[at][None]) & (abs(at[:, None] - at[None]) > near)
    return Measure(
        level=level,
        same=float(np.quantile(matched, 1 - NINE_IN_TEN)) / level,
        other=_highest_of_others(cosines, apart, level),
        own_same=float(np.quantile(np.diagonal(own, 1), 1 - NINE_IN_TEN)),
        own_other=_highest_of_others(own, own_apart, 1.0),
    )


def learnt(measures: Sequence[Measure], learnt_from: str) -> Calibration:
    """Put the measures of all pairs together; thresholds lie between what is the same and what is not."""
    if not measures:
        return DEFAULT
    return Calibration(
        learnt_from=learnt_from,
        pairs=len(measures),
        usual=round(min(median(one.level for one in measures), 1.0), 4),
        lowest=_within(LOWEST, LOWEST_SHARE * min(one.level for one in measures)),
        same=_between([one.same for one in measures], [one.other for one in measures], SAME, DEFAULT.same),
        width=DEFAULT.width,
        again=_between(
            [ANOTHER_TAKE * one.own_same for one in measures], [one.own_other for one in measures], AGAIN, DEFAULT.again
        ),
        shortfall={name: _allowed(name, usual, measures) for name, usual in DEFAULT.shortfall.items()},
    )


def others(gold: Sidecar, retakes: Sequence[Embedding]) -> tuple[Embedding, ...]:
    """Give each retake once, by what is in its file, without the gold itself."""
    by_video = {retake.sidecar.video.sha256: retake for retake in retakes}
    return tuple(retake for digest, retake in by_video.items() if digest != gold.video.sha256)


def from_retakes(
    gold: Embedding,
    retakes: Sequence[Embedding],
    steps: Sequence[GoldStep],
    dark: float = USUAL.dark_brightness,
) -> Iterator[Measure]:
    """Measure other gold videos of the task, all adapted like the gold, by a reading with the defaults."""
    step_of = steps_of_rows(steps)
    for retake in others(gold.sidecar, retakes):
        case = compare(gold, retake, steps, DEFAULT, Prices(), Limits(), dark)
        clips = gold.sidecar.maker.clips
        found = measured(gold.rows, retake.rows, case.gold_row, step_of, clips)
        if found is not None:
            rows = round(Limits().deviation_seconds / clips.row_seconds)
            short = worst_shortfalls(gold, retake, case.run, case.main, step_of, DEFAULT.shortfall, rows)
            yield replace(found, shortfall=short)


def _highest_of_others(cosines: Rows, apart: NDArray[np.bool_], level: float) -> float | None:
    """Give the share of the level that nine of ten rows stay under at the likest row of any other step."""
    highest = np.where(apart, cosines, -1).max(axis=0)[apart.any(axis=0)]
    return float(np.quantile(highest, NINE_IN_TEN)) / level if len(highest) else None


def _between(
    same: Sequence[float], other: Sequence[float | None], bounds: tuple[float, float], otherwise: float
) -> float:
    known = [one for one in other if one is not None]
    if not known:
        return otherwise
    lower = median(known)
    return _within(bounds, lower + THRESHOLD_SHARE * (median(same) - lower))


def _allowed(name: str, usual: float, measures: Sequence[Measure]) -> float:
    """Give what an aspect may be short: more than it ever was in enough retakes, and not far from the usual."""
    seen = [one.shortfall[name] for one in measures if name in one.shortfall]
    if len(seen) < ENOUGH_RETAKES:
        return usual
    return _within((SHORTFALL[0] * usual, SHORTFALL[1] * usual), BEYOND_RETAKES * max(seen))


def _within(bounds: tuple[float, float], value: float) -> float:
    return round(min(max(value, bounds[0]), bounds[1]), 4)
