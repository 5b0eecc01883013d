# SPDX-License-Identifier: Apache-2.0
"""What an embedding's files say themselves, whatever is on record; broken ones are measured as far as it goes."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.sop.catalogue import files
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.records.catalogue import Entry

ROWS_AT_ONCE: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An embedding on disk; without readable rows or sidecar some of it is not known."""

    fault: str | None = None
    """The code of what is wrong with the files."""
    finite: bool = False
    unit_error: float | None = None
    """How far from 1 the length of a row is at most, of those that are not zero."""
    nothing_seen: int = 0
    """Zero rows."""
    sidecar_agrees: bool = False
    seconds: float | None = None
    last_clip_start: float | None = None
    rising: bool = False
    """Whether each clip begins after the one before it."""


def measured(copies: Copies, entry: Entry) -> Measured:
    """Measure the embedding of an entry."""
    finite, unit_error, nothing_seen = _measured_rows(_rows(copies, entry.key))
    try:
        found = files.load_entry(copies, entry)
    except EmbeddingError as error:
        return Measured(fault=error.code, finite=finite, unit_error=unit_error, nothing_seen=nothing_seen)
    starts = _starts(found)
    return Measured(
        finite=finite,
        unit_error=unit_error,
        nothing_seen=nothing_seen,
        sidecar_agrees=True,
        seconds=found.sidecar.video.seconds,
        last_clip_start=starts[-1],
        rising=all(one < following for one, following in pairwise(starts)),
    )


def _rows(copies: Copies, key: str) -> Rows | None:
    try:
        rows = np.load(copies.file(key), mmap_mode="r", allow_pickle=False)
    except (ObjectNotFoundError, OSError, ValueError, EOFError):
        return None
    return rows if isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.dtype == np.float32 else None


def _measured_rows(rows: Rows | None) -> tuple[bool, float | None, int]:
    """Tell whether all is finite, how far the lengths are from 1, and how many rows are zero."""
    if rows is None:
        return False, None, 0
    finite, worst, zeros = True, 0.0, 0
    for first in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[first : first + ROWS_AT_ONCE].astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", some, some))
        known = lengths[np.isfinite(lengths)]
        seen = known[known > 0]
        finite = finite and len(known) == len(lengths)
        worst = max(worst, float(np.abs(seen - 1).max(initial=0.0)))
        zeros += len(known) - len(seen)
    return finite, worst, zeros


def _starts(embedding: Embedding) -> list[float]:
    clips = embedding.sidecar.maker.clips
    return [clips.cell(row).start for row in range(len(embedding.rows))]
