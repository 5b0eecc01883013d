# SPDX-License-Identifier: Apache-2.0
"""What each aside was: part of a step that was done otherwise, or something that is in no step."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.judging.aspects import Otherwise
from ovpo.sop.judging.case import Case, GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.liveliness import lively_motion
from ovpo.sop.judging.mending import passes
from ovpo.sop.judging.visits import Aside, Kind, Visit


@dataclass(frozen=True, slots=True)
class Stretch:
    """Trainee rows that match nothing, and the step that they stand for; none if they are something extra."""

    first: int
    end: int
    step: int | None = None
    gold_first: int = 0
    gold_end: int = 0
    aspect: str | None = None
    """What of the step is otherwise, where the step itself is there."""
    excess: float = 0.0

    @property
    def rows(self) -> int:
        """How long it is."""
        return self.end - self.first


def sort_out(case: Case, limits: Limits) -> tuple[Stretch, ...]:
    """Say what every aside was that is long enough to be anything, and what was done otherwise in a step."""
    beside = tuple(found for aside in case.run.asides for found in _of(case, aside, limits))
    told = {one.step for one in beside}
    return beside + tuple(_inside(case, one) for one in case.otherwise if one.visit.step not in told)


def working(stretches: tuple[Stretch, ...], visit: Visit) -> NDArray[np.bool_]:
    """Tell the rows of a visit that are not those of an extra step amid it."""
    works = np.ones(visit.rows, np.bool_)
    for one in stretches:
        if one.step is None and visit.first <= one.first and one.end <= visit.end:
            works[one.first - visit.first : one.end - visit.first] = False
    return works


def own_rows(stretches: tuple[Stretch, ...], visit: Visit) -> int:
    """Count the rows that a step took: without extra steps amid it, with what was done otherwise right beside it."""
    beside = sum(
        one.rows for one in stretches if one.step == visit.step and (one.end == visit.first or one.first == visit.end)
    )
    return int(working(stretches, visit).sum()) + beside


def _inside(case: Case, one: Otherwise) -> Stretch:
    shown = case.gold_row[one.first : one.end]
    shown = shown[shown >= 0]
    first, end = int(shown.min()), int(shown.max()) + 1
    return Stretch(one.first, one.end, one.visit.step, first, end, one.aspect, one.excess)


def _of(case: Case, aside: Aside, limits: Limits) -> Iterator[Stretch]:
    passed = aside.kind is Kind.AMID or (aside.kind is Kind.READ and passes(aside, limits))
    parts = [part for part in _parts(case, aside) if _stands_for(case, part, limits)] if passed else []
    if parts:
        yield from (part for part in parts if part.rows * case.row_seconds >= limits.deviation_seconds)
        return
    is_end = aside.end <= case.run.first or aside.first >= case.run.end
    least = limits.end_seconds if is_end else limits.extra_seconds
    if aside.rows * case.row_seconds >= least and not _is_pause(case, aside) and not _goes_on(case, aside):
        yield Stretch(aside.first, aside.end)


def _parts(case: Case, aside: Aside) -> Iterator[Stretch]:
    """Share an aside out among the steps that passed, in proportion to how much of each did."""
    pace = aside.rows / aside.passed
    for number, step in enumerate(case.steps):
        first, end = max(aside.gold_first, step.first), min(aside.gold_end, step.end)
        if first < end:
            begin = aside.first + round((first - aside.gold_first) * pace)
            yield Stretch(begin, aside.first + round((end - aside.gold_first) * pace), number, first, end)


def _stands_for(case: Case, part: Stretch, limits: Limits) -> bool:
    """Tell whether a stretch can be its step: one of which nothing else is seen must have taken about its time."""
    number = part.step if part.step is not None else 0
    step: GoldStep = case.steps[number]
    return case.main[number] is not None or limits.under * step.rows <= part.rows <= limits.replacing * step.rows


def _is_pause(case: Case, aside: Aside) -> bool:
    return float(np.median(case.motion[aside.first : aside.end])) <= lively_motion(case.motion)


def _goes_on(case: Case, aside: Aside) -> bool:
    """Tell whether an aside shows what was left of a step that something else came between."""
    if aside.kind is Kind.FOREIGN:
        return False
    inside = case.likeness[:, aside.first : aside.end]
    likest = inside.argmax(axis=0)
    unseen = ~np.isin(likest, case.gold_row)
    return bool(unseen.mean() > 0.5 and np.median(inside.max(axis=0)) >= case.least)
