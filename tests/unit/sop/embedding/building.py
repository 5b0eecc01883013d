# SPDX-License-Identifier: Apache-2.0
"""Builders of embeddings for tests."""

from hashlib import sha256

import numpy as np

from ovpo.sop.clips import Clips
from ovpo.sop.embedding import Embedding, Maker, Rows, Setting, Sidecar
from ovpo.sop.result import VideoFacts

DIMS = 12


def some_rows(count: int, seed: int, dims: int = DIMS) -> Rows:
    """Give rows of unit length around a direction that is the same for all seeds."""
    rows = np.random.default_rng(seed).normal(size=(count, dims)) * np.linspace(0.2, 2, dims) + np.linspace(1, 2, dims)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def embedding(
    rows: Rows, name: str = "a.mp4", *, settings: dict[str, Setting] | None = None, adapter: str | None = None
) -> Embedding:
    """Give an embedding of a video whose digest follows from its name."""
    count, dims = rows.shape
    facts = VideoFacts(
        sha256=sha256(name.encode()).hexdigest(),
        name=name,
        seconds=count / 4,
        clips=count,
        width=320,
        height=180,
        frames_per_second=25.0,
    )
    maker = Maker(embedder="heuristic", version="1", dims=dims, clips=Clips(window=8), settings=settings or {"a": 1})
    light = tuple(float(value) for value in np.linspace(0.2, 0.8, count))
    return Embedding(rows, Sidecar(maker=maker, video=facts, brightness=light, motion=light, adapter=adapter))
