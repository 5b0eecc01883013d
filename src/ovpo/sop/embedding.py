# SPDX-License-Identifier: Apache-2.0
"""An embedding in memory: rows of numbers of one video, and the sidecar that says what they are."""

from dataclasses import dataclass

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from ovpo.sop.clips import Clips
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.result import VideoFacts

Rows = NDArray[np.float32]
Setting = str | float | int | bool


class Maker(Struct, frozen=True, kw_only=True):
    """What made an embedding; rows of different makers are never compared."""

    embedder: str
    version: str
    dims: int
    clips: Clips
    settings: dict[str, Setting]
    aspects: dict[str, tuple[int, int]] = {}
    """Columns of a row that tell one thing each, from and to; an embedder whose columns have no meaning names none."""


class Sidecar(Struct, frozen=True, kw_only=True):
    """What is known of an embedding beside its rows."""

    maker: Maker
    video: VideoFacts
    brightness: tuple[float, ...]
    """A row each: the mean luma of its pictures, from 0 to 1."""
    motion: tuple[float, ...]
    """A row each: the mean difference in luma from one picture to the next, from 0 to 1."""
    presence: tuple[float, ...] = ()
    """A row each: how much of the pictures of its own time is not background, from 0 to 1; of an embedder that tells
    no background, nothing."""
    adapter: str | None = None
    """The adapter that the rows went through, if they did."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Rows of unit length (or zero, where there is nothing to see), a row a clip."""

    rows: Rows
    sidecar: Sidecar
    before: Rows | None = None
    """The rows as they were before the adapter; absent where they were read from a file that has the adapted ones."""

    @property
    def raw(self) -> Rows | None:
        """The rows that no adapter changed, where they are known."""
        return self.rows if self.sidecar.adapter is None else self.before


def difference(ours: Maker, theirs: Maker) -> tuple[str, object, object] | None:
    """Name the first thing in which two makers differ, with what it is in each."""
    for what in structs.fields(Maker):
        one, other = getattr(ours, what.name), getattr(theirs, what.name)
        if one != other:
            return what.name, one, other
    return None


def refuse_to_mix(gold: Sidecar, trainee: Sidecar) -> None:
    """Raise EmbeddingError unless two embeddings may be compared."""
    if found := difference(gold.maker, trainee.maker):
        what, ours, theirs = found
        raise EmbeddingError(
            "mixed_embedders",
            f"the gold video's embedding has {what} {ours}, the trainee's has {theirs}; "
            "make both with the same embedder and settings",
        )
    if gold.adapter != trainee.adapter:
        raise EmbeddingError(
            "mixed_adapters",
            f"the gold video's rows went through {gold.adapter or 'no adapter'}, "
            f"the trainee's through {trainee.adapter or 'none'}; apply the same adapter to both",
        )
