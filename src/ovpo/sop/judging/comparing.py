# SPDX-License-Identifier: Apache-2.0
"""Lays two embeddings side by side: cosines, the pair's own level, the reading, and the case for the findings."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.calibration.calibration import Calibration
from ovpo.sop.embedding import Embedding
from ovpo.sop.judging.anew import told_anew
from ovpo.sop.judging.aspects import done_otherwise
from ovpo.sop.judging.case import Case, GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.liveliness import lively_motion
from ovpo.sop.judging.lulls import lulls
from ovpo.sop.judging.matching import lookalikes, main_visits, standing_in, taken_out
from ovpo.sop.judging.mending import mended, without_strangers
from ovpo.sop.judging.pieces import in_pieces, parting
from ovpo.sop.judging.reading import NOWHERE, Prices, Reading, read
from ovpo.sop.judging.visits import tell
from ovpo.sop.scoring.settings import USUAL

FIRST_SAME: Final = 0.45
"""The cosine above which rows are taken for the same while the pair's level is not known yet."""
LEVEL_QUANTILE: Final = 0.6
"""The level of a pair is the cosine that two in five of its matched rows exceed."""
SURE_ROWS: Final = 3
EASED: Final = 0.25
"""How much less alike, as a share of the level, other rows of a step count than the row that is shown."""


def compare(
    gold: Embedding,
    trainee: Embedding,
    steps: Sequence[GoldStep],
    calibration: Calibration,
    prices: Prices,
    limits: Limits,
    dark: float = USUAL.dark_brightness,
) -> Case:
    """Read the trainee's video by the gold's; in rows of less brightness than `dark` nothing is to be seen."""
    likeness = np.asarray(gold.rows @ trainee.rows.T, dtype=np.float32)
    step_of = steps_of_rows(steps)
    motion, brightness = (np.asarray(one, np.float32) for one in (trainee.sidecar.motion, trainee.sidecar.brightness))
    at_work = _at_work(motion, brightness, dark)
    likeness[:, ~at_work] = -1
    level = _level(likeness, step_of, calibration, prices)
    least = calibration.same * level
    eased, width = _eased(likeness, step_of, EASED * level), calibration.width * level
    reading = _read(eased, step_of, least, width, prices)
    run = told_anew(tell(reading, step_of, at_work), gold.rows, likeness, level, step_of)
    lull = lulls(trainee)
    by = parting(lulls(gold), lull, step_of)
    if by is not None:
        run = in_pieces(run, _costs(eased, least, width), by, step_of, prices)
    main = main_visits(run.visits, len(steps))
    pretended = lookalikes(run, main, trainee.rows, calibration.again)
    run = taken_out(run, pretended, steps, limits, step_of)
    run = mended(run, likeness, level, step_of, limits, gold.sidecar.maker.clips.row_seconds)
    run = without_strangers(run, likeness, level, step_of, limits)
    instead = standing_in(run.visits, main_visits(run.visits, len(steps)), steps, limits)
    run = taken_out(run, instead, steps, limits, step_of)
    main = main_visits(run.visits, len(steps))
    row_seconds = gold.sidecar.maker.clips.row_seconds
    rows = max(round(limits.deviation_seconds / row_seconds), 1)
    return Case(
        steps=tuple(steps),
        run=run,
        main=main,
        gold_row=run.gold_row,
        likeness=likeness,
        motion=motion,
        brightness=brightness,
        lull=lull,
        otherwise=done_otherwise(gold, trainee, run, main, step_of, calibration.shortfall, rows),
        row_seconds=row_seconds,
        expected=level,
        least=least,
    )


def steps_of_rows(steps: Sequence[GoldStep]) -> NDArray[np.int32]:
    """Give the number of the step that each gold row belongs to, from the first row of the first step on."""
    return np.concatenate([np.full(step.rows, number, np.int32) for number, step in enumerate(steps)])


def _at_work(motion: NDArray[np.float32], brightness: NDArray[np.float32], dark: float) -> NDArray[np.bool_]:
    """Tell the rows from the first to the last in which something is done; before and after it is still or dark."""
    lively = (motion > lively_motion(motion)) & (brightness >= dark)
    sure = np.flatnonzero(np.convolve(lively, np.ones(SURE_ROWS), "same") >= SURE_ROWS)
    inside = np.zeros(len(motion), np.bool_)
    if len(sure):
        inside[max(int(sure[0]) - SURE_ROWS // 2, 0) : int(sure[-1]) + SURE_ROWS // 2 + 1] = True
    return inside


def _eased(likeness: NDArray[np.float32], step_of: NDArray[np.int32], by: float) -> NDArray[np.float32]:
    """Let each row of a step look almost as alike as the likest: what is done again and again has no one order."""
    firsts = np.flatnonzero(np.diff(step_of, prepend=-1))
    likest = np.maximum.reduceat(likeness, firsts, axis=0) - np.float32(by)
    eased: NDArray[np.float32] = likest[step_of]
    return np.maximum(eased, likeness, out=eased)


def _level(
    likeness: NDArray[np.float32], step_of: NDArray[np.int32], calibration: Calibration, prices: Prices
) -> float:
    """Find the cosine that most matched rows of this pair reach, from a first, lenient reading."""
    first = _read(likeness, step_of, FIRST_SAME * calibration.usual, calibration.width, prices)
    matched = np.flatnonzero(first.gold_row != NOWHERE)
    if not len(matched):
        return calibration.usual
    level = float(np.quantile(likeness[first.gold_row[matched], matched], LEVEL_QUANTILE))
    return max(level, calibration.lowest)


def _read(
    likeness: NDArray[np.float32], step_of: NDArray[np.int32], least: float, width: float, prices: Prices
) -> Reading:
    return read(_costs(likeness, least, width), step_of, prices)


def _costs(likeness: NDArray[np.float32], least: float, width: float) -> NDArray[np.float32]:
    costs: NDArray[np.float32] = np.clip((least - likeness) / np.float32(width), -1, 1)
    return costs
