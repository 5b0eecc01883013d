# SPDX-License-Identifier: Apache-2.0
"""The gold against itself, its pictures changed as another camera, light or codec would: pairs without a retake.

Stretches of it, evenly spread, are embedded as they are and under each nuisance. Held in memory are their pictures,
70 MB to 120 MB for 100 s.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.applying import apply
from ovpo.sop.calibration.learning import ANOTHER_TAKE, Measure, measured
from ovpo.sop.calibration.nuisances import changed, nuisances
from ovpo.sop.clips import Clips
from ovpo.sop.embedders.interface import Embedder
from ovpo.sop.embedding import Embedding, Rows, Sidecar
from ovpo.sop.video.samples import Sample

CHOSEN: Final = ("darker and noisy", "squeezed by a codec", "farther, moved, brighter", "other colours")
"""One of each sort: light, codec, camera, trainee."""
MOST_SAMPLES: Final = 400
"""A gold video of more than 100 s is looked at in parts, which together are no longer."""
PARTS: Final = 4
SEED: Final = 6


def stretches(samples: int, clips: Clips) -> tuple[tuple[int, int], ...]:
    """Choose what to look at of a video of so many samples: all of it, or parts that begin with a row."""
    if samples <= MOST_SAMPLES:
        return ((0, samples),)
    length = MOST_SAMPLES // PARTS // clips.stride * clips.stride or clips.stride
    firsts = np.linspace(0, samples - length, PARTS)
    return tuple((start := int(first) // clips.stride * clips.stride, start + length) for first in firsts)


def from_nuisances(
    embedder: Embedder,
    sidecar: Sidecar,
    parts: Sequence[tuple[int, Sequence[Sample]]],
    step_of: NDArray[np.int32],
    adapter: Adapter | None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Measure]:
    """Measure each part, its first gold row and its samples, under each nuisance; `step_of` is the whole gold's."""
    made = nuisances()
    random = np.random.default_rng(SEED)
    whole, done = len(parts) * (len(CHOSEN) + 1), 0
    for first, samples in parts:
        plain = _rows(embedder, sidecar, samples, adapter)
        steps = step_of[first : first + len(plain)]
        shown = np.arange(len(plain), dtype=np.int32)
        for name in (None, *CHOSEN):
            if name is not None:
                other = _rows(embedder, sidecar, list(changed(samples, made[name], random)), adapter)
                found = measured(plain, other, shown[: len(other)], steps, sidecar.maker.clips)
                if found is not None:
                    yield replace(found, same=ANOTHER_TAKE * found.same)
            done += 1
            if progress is not None:
                progress(done / whole)


def _rows(embedder: Embedder, sidecar: Sidecar, samples: Sequence[Sample], adapter: Adapter | None) -> Rows:
    seen = embedder.embed(samples)
    if adapter is None:
        return seen.rows
    return apply(adapter, Embedding(seen.rows, structs.replace(sidecar, adapter=None))).rows
