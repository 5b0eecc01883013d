# SPDX-License-Identifier: Apache-2.0
"""The embedder that needs no model: one pass over the samples, a stretch at a time, and rows at the end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from ovpo.sop.clips import Clips
from ovpo.sop.embedders.heuristic.blocks import blocks
from ovpo.sop.embedders.heuristic.foreground import background, foreground
from ovpo.sop.embedders.heuristic.planes import Floats, planes, small
from ovpo.sop.embedders.heuristic.windows import ASPECTS, DIMS, means, rows
from ovpo.sop.embedders.interface import Seen
from ovpo.sop.embedding import Maker
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.video.samples import Picture, Sample, Sampling

STRETCH: Final = 960
"""So many pictures (four minutes) share a background; they are what is held in memory at a time, 7 kB each."""
VOTERS: Final = 240
"""So many of them, evenly spread, tell the background as well as all do."""
AT_ONCE: Final = 64
"""So many are computed together: enough for NumPy, few enough for a cache."""
CLIPS: Final = Clips(window=6)


class Heuristic:
    """Rows that tell what moves before a background, where, in which colours and in which shapes."""

    maker: Final = Maker(embedder="heuristic", version="3", dims=DIMS, clips=CLIPS, settings={}, aspects=ASPECTS)
    sampling: Final = Sampling()

    def embed(self, samples: Iterable[Sample]) -> Seen:
        """Make the rows of a video."""
        parts = [part for stretch in _stretches(samples) for part in _parts(stretch)]
        if not parts:
            raise EmbeddingError("no_pictures", "the video has no picture that could be embedded; is it empty?")
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        bright, moved, present = (joined.pop(name)[:, 0] for name in ("brightness", "motion", "presence"))
        return Seen(rows(joined, CLIPS), means(bright, CLIPS), means(moved, CLIPS), present)


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """Planes that are embedded together."""

    planes: Floats
    voters: Floats
    """Those that say what the background is."""
    before: Floats | None
    """The one that came before the first."""


def _stretches(samples: Iterable[Sample]) -> Iterator[_Stretch]:
    """Give a stretch after the other.

    The last stretch may be short, so pictures of the one before it have a say too.
    """
    pictures = (small(sample.picture) for sample in samples)
    earlier: list[Picture] = []
    while held := list(islice(pictures, STRETCH)):
        near = [*earlier, *held][-STRETCH:]
        chosen = np.linspace(0, len(near) - 1, min(len(near), VOTERS)).round().astype(int)
        voters = planes([near[index] for index in chosen])
        yield _Stretch(planes(held), voters, planes(earlier[-1:]) if earlier else None)
        earlier = held


def _parts(stretch: _Stretch) -> Iterator[dict[str, Floats]]:
    still = background(stretch.voters)
    before = None if stretch.before is None else foreground(stretch.before, still).luma
    for first in range(0, len(stretch.planes), AT_ONCE):
        some = stretch.planes[first : first + AT_ONCE]
        seen = foreground(some, still)
        moved = np.abs(np.diff(seen.luma, axis=0, prepend=seen.luma[:1] if before is None else before)) * seen.weight
        yield {
            **blocks(seen, before),
            "brightness": some[:, 0].mean(axis=(1, 2))[:, None],
            "motion": moved.mean(axis=(1, 2))[:, None],
            "presence": seen.weight.mean(axis=(1, 2))[:, None],
        }
        before = seen.luma[-1:]
