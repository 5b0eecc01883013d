# SPDX-License-Identifier: Apache-2.0
"""Made-up golds: takes of tasks whose steps lie in half of the dimensions, beside noise that says nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import numpy as np

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.training.evaluating import Labelled
from tests.unit.sop.embedding.building import DIMS, embedding

NOW = datetime(2026, 3, 4, tzinfo=UTC)
TELLING = DIMS // 2
STEPS, ROWS_A_STEP = 4, 6


def rows_of(task: str, number: int) -> Rows:
    """Give the rows of one take of a task: a few steps, one after the other."""
    steps = np.zeros((STEPS, DIMS))
    steps[:, :TELLING] = np.random.default_rng(_seed(task)).normal(size=(STEPS, TELLING))
    noise = np.random.default_rng(_seed(task, number)).normal(size=(STEPS * ROWS_A_STEP, DIMS))
    noise[:, :TELLING] *= 0.5
    rows = np.repeat(steps, ROWS_A_STEP, axis=0) + noise
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def take(task: str, number: int) -> Embedding:
    """Give the raw embedding of one take of a task."""
    return embedding(rows_of(task, number), f"{task}-{number}.mp4")


def golds(*tasks: str, takes: int = 2) -> list[Labelled]:
    """Give so many takes of each task."""
    return [Labelled(task, take(task, number)) for task in tasks for number in range(takes)]


def fitted(of: list[Labelled]) -> Adapter:
    """Learn an adapter as a training does."""
    return fit([gold.embedding for gold in of], now=NOW, id="abcd")


def deaf(adapter: Adapter, telling: bool) -> Adapter:
    """Make an adapter deaf to the dimensions that tell steps apart, or to those that tell nothing."""
    std = np.ones(DIMS)
    std[slice(0, TELLING) if telling else slice(TELLING, DIMS)] = 1e6
    return replace(adapter, mean=np.zeros(DIMS), std=std)


def _seed(*of: object) -> int:
    return int(sha256(repr(of).encode()).hexdigest()[:8], 16)
