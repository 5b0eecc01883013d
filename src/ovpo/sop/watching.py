# SPDX-License-Identifier: Apache-2.0
"""From a video file to its embedding, in one pass; pictures that are wanted later are kept as they go by."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ovpo.sop.embedders.interface import Embedder
from ovpo.sop.embedding import Embedding, Sidecar
from ovpo.sop.embedding_files import is_stored, load
from ovpo.sop.video.limits import Limits
from ovpo.sop.video.probing import Probe, facts, probe
from ovpo.sop.video.samples import Sample
from ovpo.sop.video.sampling import sample

Told = Callable[[float], None]
"""Is told the share that is done, from 0 to 1."""


@dataclass(slots=True)
class Keeper:
    """Keeps the samples of some stretches; each is the number of its first sample and of the one after its last."""

    stretches: tuple[tuple[int, int], ...] = ()
    kept: list[Sample] = field(default_factory=list)

    def through(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Hand samples on."""
        for one in samples:
            if any(first <= one.index < end for first, end in self.stretches):
                self.kept.append(one)
            yield one

    def of(self, stretch: tuple[int, int]) -> list[Sample]:
        """Give what was kept of a stretch."""
        return [one for one in self.kept if stretch[0] <= one.index < stretch[1]]


def watch(
    path: Path,
    embedder: Embedder,
    *,
    probed: Probe | None = None,
    limits: Limits | None = None,
    keeper: Keeper | None = None,
    progress: Told | None = None,
) -> Embedding:
    """Embed a video; raise VideoError for what cannot be read."""
    limits = limits or Limits()
    probed = probed or probe(path, limits)
    samples: Iterable[Sample] = sample(path, embedder.sampling, limits=limits, progress=progress)
    seen = embedder.embed(keeper.through(samples) if keeper else samples)
    sidecar = Sidecar(
        maker=embedder.maker,
        video=facts(path, probed, len(seen.rows)),
        brightness=tuple(map(float, seen.brightness)),
        motion=tuple(map(float, seen.motion)),
        presence=() if seen.presence is None else tuple(map(float, seen.presence)),
    )
    return Embedding(seen.rows, sidecar)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two that are compared, looked over but not embedded yet: a video, or an embedding in a file."""

    path: Path
    sidecar: Sidecar
    """Of a video, with no rows told yet."""
    stored: Embedding | None = None
    probed: Probe | None = None

    @property
    def rows(self) -> int:
        """How many rows it has or will have."""
        clips = self.sidecar.maker.clips
        return clips.count(max(round(self.sidecar.video.seconds * clips.frames_per_second), 1))

    @property
    def video(self) -> Path | None:
        """The file that pictures can be taken from."""
        return None if self.stored else self.path

    def embedded(self, embedder: Embedder, keeper: Keeper | None = None, progress: Told | None = None) -> Embedding:
        """Give the rows, which are made now unless they were stored."""
        if self.stored is not None:
            return self.stored
        return watch(self.path, embedder, probed=self.probed, keeper=keeper, progress=progress)

    def kept(self, embedder: Embedder, keeper: Keeper) -> Keeper:
        """Fill a keeper by decoding the video once more, where it was embedded without one."""
        for _ in keeper.through(sample(self.path, embedder.sampling, limits=Limits())):
            pass
        return keeper


def look(path: Path, embedder: Embedder) -> Side:
    """Look over a video, or an embedding in a file; a video may be too short to be scored."""
    if is_stored(path):
        stored = load(path)
        return Side(path, stored.sidecar, stored=stored)
    probed = probe(path, Limits(min_seconds=0.0))
    sidecar = Sidecar(maker=embedder.maker, video=facts(path, probed, 0), brightness=(), motion=())
    return Side(path, sidecar, probed=probed)
