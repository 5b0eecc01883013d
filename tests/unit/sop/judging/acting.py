# SPDX-License-Identifier: Apache-2.0
"""Made-up videos as embeddings: each act goes its own way through directions of its own, so that progress shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from msgspec import structs

from ovpo.sop.calibration.calibration import Calibration
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.judging.case import Case, GoldStep
from ovpo.sop.judging.comparing import compare
from ovpo.sop.judging.finding import find
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.reading import Prices
from ovpo.sop.result import Deviation
from tests.unit.sop.embedding.building import embedding

ROW: Final = 0.25
"""Seconds; that is how the builder of embeddings has it."""
STEP: Final = 24
"""Rows of a gold step."""
ACTS: Final = 24
TURNS: Final = 4
"""Directions that an act goes through."""
LIMITS: Final = Limits(
    extra_seconds=1.5,
    deviation_seconds=2.0,
    end_seconds=2.5,
    repeat_share=0.4,
    over=1.1,
    under=0.5,
    slack_seconds=0.4,
    slack_share=0.08,
    slowest_pace=1.25,
    fastest_pace=0.75,
    warp=0.2,
    warp_seconds=4.0,
)
PRICES: Final = Prices(hold=0.06, hurry=0.12, aside=2.5, drift=0.02, omit=2.5, jump=2.5, cut=0.35)
CALIBRATION: Final = Calibration(
    learnt_from="made up", pairs=0, usual=0.85, lowest=0.3, same=0.7, width=0.25, again=0.6
)


@dataclass(frozen=True)
class Act:
    """What is done for so many rows, from one share of its way to another; acts from 12 on are in no gold."""

    number: int
    rows: int = STEP
    begin: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Rest:
    """Nothing is done."""

    rows: int


Part = Act | Rest


@cache
def _directions() -> Rows:
    square, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(ACTS * TURNS + 1, ACTS * TURNS + 1)))
    return np.asarray(square, dtype=np.float32)


def film(parts: Sequence[Part], *, seed: int = 0, noise: float = 0.25, camera: float = 0.0) -> Embedding:
    """Give a video; `noise` and `camera` turn each row away from the gold's, the one at random, the other always."""
    random = np.random.default_rng(seed)
    rows = np.concatenate([_way(part) for part in parts])
    shown = np.asarray(rows.any(axis=1))
    stray = random.normal(size=rows.shape)
    rows = rows + noise * stray / np.linalg.norm(stray, axis=1, keepdims=True) + camera * _directions()[-1]
    rows = np.where(shown[:, None], rows / np.linalg.norm(rows, axis=1, keepdims=True), 0).astype(np.float32)
    plain = embedding(rows)
    motion = np.where(shown, 0.02 + 0.004 * random.random(len(rows)), 0)
    light = structs.replace(plain.sidecar, motion=tuple(map(float, motion)), brightness=(0.5,) * len(rows))
    return Embedding(rows, light)


def _way(part: Part) -> np.ndarray:
    if isinstance(part, Rest):
        return np.zeros((part.rows, _directions().shape[1]))
    own = _directions()[part.number * TURNS : (part.number + 1) * TURNS].astype(np.float64)
    share = part.begin + (part.end - part.begin) * (np.arange(part.rows) + 0.5) / part.rows
    at = share * (TURNS - 1)
    first = np.minimum(at.astype(int), TURNS - 2)
    angle = (at - first)[:, None] * np.pi / 2
    return np.asarray(np.cos(angle) * own[first] + np.sin(angle) * own[first + 1])


def steps_of(count: int, rows: int = STEP) -> tuple[GoldStep, ...]:
    """Give the steps of a gold in which the acts from 0 on are done."""
    return tuple(GoldStep(f"act {number}", number * rows, (number + 1) * rows) for number in range(count))


@cache
def gold_of(count: int) -> Embedding:
    """Give that gold."""
    return film([Act(number) for number in range(count)], noise=0.1, seed=99)


@dataclass(frozen=True)
class Judged:
    """What was made of a video."""

    case: Case
    deviations: tuple[Deviation, ...]

    @property
    def told(self) -> list[tuple[str, tuple[int, ...]]]:
        """Type and steps of each deviation."""
        return [(one.type.value, one.steps) for one in self.deviations]


def judge(
    trainee: Embedding,
    *,
    steps: Sequence[GoldStep] | None = None,
    limits: Limits = LIMITS,
    calibration: Calibration = CALIBRATION,
) -> Judged:
    """Compare with the gold of five steps, or of these."""
    chosen = steps_of(5) if steps is None else steps
    case = compare(gold_of(len(chosen)), trainee, chosen, calibration, PRICES, limits)
    return Judged(case, find(case, limits))
