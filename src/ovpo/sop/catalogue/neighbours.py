# SPDX-License-Identifier: Apache-2.0
"""Clips that look like a given one: exact cosine over the rows of the catalogue, in memory that does not grow with it.

The catalogue is the index: a row of the database stands for a pair of files and is entered after them, so that whoever
writes at the same time takes nothing from anybody. What is searched is decided in the database, then read from files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from heapq import nsmallest
from typing import Final
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from ovpo.foundation.objects.copies import Copies
from ovpo.sop.catalogue import files
from ovpo.sop.embedding import Embedding
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.records.embeddings import Embeddings, Searched
from ovpo.sop.records.rows import StoredEmbedding, VideoRole

Vector = NDArray[np.float64]

MOST_OPEN: Final = 256
"""Embeddings that a process keeps open; each takes a file descriptor, of which a process often has 1024."""
ROWS_AT_ONCE: Final = 4096
DECIMALS: Final = 7
"""Of a cosine: equal rows are equally near, however the sums of their products were ordered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose neighbours are asked for, a clip's or those of a stretch of clips, and among which videos."""

    tenant_id: str
    video_id: UUID
    first_row: int
    last_row: int
    """Included; the same as the first for a single clip."""
    task_id: str | None = None
    role: VideoRole | None = None
    among_video_id: UUID | None = None
    own_video: bool = False
    """Whether clips of the same video count, but for those asked about."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search reads: the embedding of the video that was asked about, and those that are looked through."""

    asked: Asked
    own: StoredEmbedding
    others: Sequence[StoredEmbedding]


@dataclass(frozen=True, slots=True, order=True)
class _Found:
    """In the order of neighbours: the nearest first, equally near ones by video and row."""

    distance: float
    video_id: UUID
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A clip, the stretch of its video that it stands for, in seconds, and how alike it is, from -1 to 1."""

    video_id: UUID
    row: int
    start: float
    end: float
    cosine: float


@dataclass(slots=True)
class _Nearest:
    most: int
    found: list[_Found] = field(default_factory=list)

    def offer(self, some: Iterator[_Found]) -> None:
        self.found = nsmallest(self.most, [*self.found, *some])


def search_of(connection: psycopg.Connection, asked: Asked) -> Search | None:
    """Decide what is searched; None where the video has no embedding by the maker that is worked with."""
    embeddings = Embeddings(connection)
    maker = embeddings.current_maker()
    own = None if maker is None else embeddings.find(asked.video_id, maker)
    if own is None or own.tenant_id != asked.tenant_id:
        return None
    others = embeddings.searched(
        Searched(
            tenant_id=asked.tenant_id,
            maker=own.maker,
            task_id=asked.task_id,
            role=asked.role,
            video_id=asked.among_video_id,
            but_video_id=None if asked.own_video else asked.video_id,
        )
    )
    return Search(asked, own, others)


def neighbours(copies: Copies, search: Search, most: int) -> list[Neighbour]:
    """Give the nearest clips, the nearest first; raise EmbeddingError for a stretch that the video does not have."""
    own = _opened(copies, search.own.key, search.own.created_at)
    wanted = _vector(own, search.asked)
    nearest = _Nearest(most)
    for other in search.others:
        left_out = range(search.asked.first_row, search.asked.last_row + 1) if other == search.own else range(0)
        rows = _opened(copies, other.key, other.created_at).rows
        for first in range(0, len(rows), ROWS_AT_ONCE):
            cosines = np.round(rows[first : first + ROWS_AT_ONCE].astype(np.float64) @ wanted, DECIMALS).clip(-1, 1)
            nearest.offer(_best(cosines, first, other.video_id, most, left_out))
    clips = own.sidecar.maker.clips
    return [
        Neighbour(
            video_id=found.video_id,
            row=found.row,
            start=clips.cell(found.row).start,
            end=clips.cell(found.row).end,
            cosine=-found.distance,
        )
        for found in nearest.found
    ]


def _vector(own: Embedding, asked: Asked) -> Vector:
    """Average the rows of a stretch."""
    if not 0 <= asked.first_row <= asked.last_row < len(own.rows):
        raise EmbeddingError(
            "no_such_clips",
            f"clips {asked.first_row} to {asked.last_row}: the video has {len(own.rows)}, counted from 0; give others",
        )
    mean = own.rows[asked.first_row : asked.last_row + 1].astype(np.float64).mean(axis=0)
    length = float(np.sqrt(mean @ mean))
    if not length:
        raise EmbeddingError("nothing_to_see", "there is nothing to see in these clips; ask about others")
    return np.asarray(mean / length)


def _best(cosines: Vector, first: int, video_id: UUID, most: int, left_out: range) -> Iterator[_Found]:
    """Give the nearest rows of a block, and of equally near ones the first."""
    for at in np.argsort(-cosines, kind="stable")[: most + len(left_out)]:
        row = first + int(at)
        if row not in left_out:
            yield _Found(-float(cosines[at]) + 0.0, video_id, row)


@lru_cache(MOST_OPEN)
def _opened(copies: Copies, key: str, made: datetime) -> Embedding:  # noqa: ARG001 - made anew, it is another
    return files.load(copies, key)
