# SPDX-License-Identifier: Apache-2.0
"""Embeddings of made-up procedures: a step is a direction that turns a little as it goes on."""

from collections.abc import Sequence

import numpy as np

from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.judging.case import GoldStep
from tests.unit.sop.embedding.building import embedding

DIMS = 48
STEP_ROWS = 20


def step_rows(step: int, rows: int = STEP_ROWS, *, noise: float = 0.01, seed: int = 0) -> Rows:
    """Give the rows of a step, whose pictures nobody else's are like."""
    course = np.random.default_rng(step).normal(size=(2, DIMS))
    share = np.linspace(0, 1, rows)[:, None]
    random = np.random.default_rng([seed, step])
    return _unit(course[0] * (1 - share) + course[1] * share + noise * random.normal(size=(rows, DIMS)))


def run_of(steps: Sequence[int], name: str = "run.mp4", *, seed: int = 0, adapter: str | None = None) -> Embedding:
    """Give the embedding of a video in which these steps are done one after another."""
    return embedding(np.concatenate([step_rows(step, seed=seed) for step in steps]), name, adapter=adapter)


def gold_steps_of(count: int) -> tuple[GoldStep, ...]:
    """Give the steps of a gold video in which so many are done."""
    return tuple(GoldStep(f"do {n + 1}", n * STEP_ROWS, (n + 1) * STEP_ROWS) for n in range(count))


def _unit(rows: np.ndarray) -> Rows:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
