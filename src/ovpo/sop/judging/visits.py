# SPDX-License-Identifier: Apache-2.0
"""A reading put into words: which step was done from when to when, and what was done beside the steps."""

from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.reading import NOWHERE, Reading

LEAST_SHARE: Final = 0.3
"""A step of which less than this share was seen was not done."""
REACH: Final = 0.35
"""A step is begun anew after all but this share of it was done, from somewhere in this share of its beginning."""
_BRIDGED: Final = 4


@dataclass(frozen=True, slots=True)
class Visit:
    """A stretch of trainee rows in which one gold step is done; rows are counted from zero, ends are exclusive."""

    step: int
    first: int
    end: int
    gold_first: int
    gold_end: int
    seen: float
    """The share of the step's gold rows that are to be seen in it."""

    @property
    def rows(self) -> int:
        """How long it is."""
        return self.end - self.first


class Kind(Enum):
    """Where an aside is."""

    READ = "read"
    """Somewhere: what it is, is still to be found out."""
    AMID = "amid"
    """In a piece that is one step."""
    FOREIGN = "foreign"
    """It is a piece that is none of the steps."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A stretch of trainee rows that show nothing of the gold's, and the gold rows that passed meanwhile."""

    first: int
    end: int
    gold_first: int
    gold_end: int
    kind: Kind = Kind.READ

    @property
    def rows(self) -> int:
        """How long it is."""
        return self.end - self.first

    @property
    def passed(self) -> int:
        """How many gold rows passed."""
        return self.gold_end - self.gold_first


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of trainee rows in which one step is done from its beginning to its end, or something that is none."""

    first: int
    end: int
    step: int | None

    @property
    def rows(self) -> int:
        """How long it is."""
        return self.end - self.first


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Everything that happened, in the order of the trainee's video."""

    visits: tuple[Visit, ...]
    asides: tuple[Aside, ...]
    first: int
    end: int
    """The procedure without what is before and after it."""
    gold_row: NDArray[np.int32]
    """The gold row that each trainee row shows in these visits, or NOWHERE."""
    jumped: NDArray[np.bool_]
    """Whether a row was reached by a jump to a step's beginning."""
    at_work: NDArray[np.bool_]
    """The rows from the first to the last in which anything is done."""
    pieces: tuple[Piece, ...] = ()
    """What it falls into, one after the other, where lulls part the steps."""


def tell(reading: Reading, step_of: NDArray[np.int32], at_work: NDArray[np.bool_]) -> Run:
    """Put a reading into visits and asides; visits in which too little of a step is seen are asides."""
    return _told(_without_glimpses(reading, step_of), reading.jumped, step_of, at_work)


def without(run: Run, dropped: Collection[Visit], step_of: NDArray[np.int32]) -> Run:
    """Tell it again with some visits as asides."""
    kept = run.gold_row.copy()
    for visit in dropped:
        kept[visit.first : visit.end] = NOWHERE
    return retold(run, kept, step_of)


def retold(
    run: Run, kept: NDArray[np.int32], step_of: NDArray[np.int32], jumped: NDArray[np.bool_] | None = None
) -> Run:
    """Tell it again with other gold rows, and other jumps where they are given."""
    jumps = run.jumped if jumped is None else jumped
    if run.pieces and (kept != NOWHERE).any():
        return _told_in_pieces(replace(run, gold_row=kept, jumped=jumps), step_of)
    return _told(kept, jumps, step_of, run.at_work)


def _told(
    kept: NDArray[np.int32], jumped: NDArray[np.bool_], step_of: NDArray[np.int32], at_work: NDArray[np.bool_]
) -> Run:
    matched = np.flatnonzero(kept != NOWHERE)
    if not len(matched):
        return Run((), (), 0, 0, kept, jumped, at_work)
    visits = tuple(_visit(kept, step_of, rows) for rows in _stretches(kept, jumped, step_of))
    first, end = int(matched[0]), int(matched[-1]) + 1
    return Run(visits, tuple(_asides(visits, kept, step_of, at_work)), first, end, kept, jumped, at_work)


def _told_in_pieces(run: Run, step_of: NDArray[np.int32]) -> Run:
    shown = run.gold_row != NOWHERE
    done = {piece.step for piece in run.pieces if piece.step is not None and shown[piece.first : piece.end].any()}
    visits: list[Visit] = []
    asides: list[Aside] = []
    for piece in run.pieces:
        rows = piece.first + np.flatnonzero(shown[piece.first : piece.end])
        if piece.step is None or (not len(rows) and piece.step in done):
            asides.append(Aside(piece.first, piece.end, 0, 0, Kind.FOREIGN))
            continue
        if len(rows):
            visits.append(replace(_visit(run.gold_row, step_of, rows), first=piece.first, end=piece.end))
        asides += _amid(piece, piece.step, rows, run.gold_row, step_of)
    return replace(run, visits=tuple(visits), asides=tuple(asides), first=visits[0].first, end=visits[-1].end)


def _amid(
    piece: Piece, step: int, rows: NDArray[np.intp], gold_row: NDArray[np.int32], step_of: NDArray[np.int32]
) -> Iterator[Aside]:
    """Find the asides of a piece that is one step, each with the gold rows of the step that passed there."""
    first, end = (int(edge) for edge in np.searchsorted(step_of, [step, step + 1]))
    places = [piece.first - 1, *(int(row) for row in rows), piece.end]
    shown = [first - 1, *(int(row) for row in gold_row[rows]), end]
    for (before, after), (last, following) in zip(pairwise(places), pairwise(shown), strict=True):
        if after - before > 1:
            passed = min(max(last + 1, first), end - 1)
            yield Aside(before + 1, after, passed, max(following, passed + 1), Kind.AMID)


def _without_glimpses(reading: Reading, step_of: NDArray[np.int32]) -> NDArray[np.int32]:
    kept = reading.gold_row.copy()
    for rows in _stretches(kept, reading.jumped, step_of):
        if _visit(kept, step_of, rows).seen < LEAST_SHARE:
            kept[rows] = NOWHERE
    return kept


def _stretches(
    gold_row: NDArray[np.int32], jumped: NDArray[np.bool_], step_of: NDArray[np.int32]
) -> list[NDArray[np.intp]]:
    """Give the matched rows of each visit."""
    matched = np.flatnonzero(gold_row != NOWHERE)
    if not len(matched):
        return []
    gold = gold_row[matched]
    step = step_of[gold]
    done = _progress(gold, step_of)
    again = jumped[matched[1:]] & (done[:-1] >= 1 - REACH) & (done[1:] <= REACH)
    return np.split(matched, np.flatnonzero((np.diff(step) != 0) | again) + 1)


def _progress(gold: NDArray[np.int32], step_of: NDArray[np.int32]) -> NDArray[np.float64]:
    """Tell how much of its step has passed at each gold row."""
    first = np.searchsorted(step_of, step_of[gold], "left")
    end = np.searchsorted(step_of, step_of[gold], "right")
    return np.asarray((gold - first) / np.maximum(end - 1 - first, 1))


def _visit(gold_row: NDArray[np.int32], step_of: NDArray[np.int32], rows: NDArray[np.intp]) -> Visit:
    gold = np.unique(gold_row[rows])
    step = int(step_of[gold[0]])
    gaps = np.diff(gold)
    seen = 1 + int(gaps[gaps <= _BRIDGED].sum()) + int((gaps > _BRIDGED).sum())
    share = min(seen / int((step_of == step).sum()), 1.0)
    return Visit(step, int(rows[0]), int(rows[-1]) + 1, int(gold[0]), int(gold[-1]) + 1, share)


def _asides(
    visits: Sequence[Visit], kept: NDArray[np.int32], step_of: NDArray[np.int32], at_work: NDArray[np.bool_]
) -> Iterator[Aside]:
    """Find what is between two matched rows, with the gold rows that passed there and were done at no other time."""
    matched = np.flatnonzero(kept != NOWHERE)
    done = {visit.step for visit in visits}
    working = np.flatnonzero(at_work)
    first, last = int(matched[0]), int(matched[-1])
    if len(working) and working[0] < first:
        yield Aside(int(working[0]), first, *_before(int(kept[first]), step_of, done))
    for before, after in pairwise(matched):
        if after - before > 1:
            yield Aside(int(before) + 1, int(after), *_passed(int(kept[before]), int(kept[after]), step_of, done))
    if len(working) and working[-1] > last:
        yield Aside(last + 1, int(working[-1]) + 1, *_after(int(kept[last]), step_of, done))


def _before(row: int, step_of: NDArray[np.int32], done: Set[int]) -> tuple[int, int]:
    """Give the gold rows before one, back to the beginning of its step and of the undone ones before that."""
    first = int(step_of[row])
    while first and first - 1 not in done:
        first -= 1
    return int(np.searchsorted(step_of, first, "left")), row


def _after(row: int, step_of: NDArray[np.int32], done: Set[int]) -> tuple[int, int]:
    """Give the gold rows after one, up to the end of its step and of the undone ones after that."""
    last = int(step_of[row])
    while last < int(step_of[-1]) and last + 1 not in done:
        last += 1
    return row + 1, int(np.searchsorted(step_of, last, "right"))


def _passed(before: int, after: int, step_of: NDArray[np.int32], done: Set[int]) -> tuple[int, int]:
    """Give the gold rows between two others that belong to their steps or to steps that were never done."""
    if after > before and step_of[before] == step_of[after]:
        return before + 1, after
    between = range(before + 1, after) if after > before else ()
    undone = [row for row in between if int(step_of[row]) not in done]
    if undone:
        blocks = np.split(np.array(undone), np.flatnonzero(np.diff(undone) > 1) + 1)
        longest = max(blocks, key=len)
        return int(longest[0]), int(longest[-1]) + 1
    rest = int(np.searchsorted(step_of, step_of[before], "right")) - (before + 1)
    start = int(np.searchsorted(step_of, step_of[after], "left"))
    return (before + 1, before + 1 + rest) if rest >= after - start else (start, after)
