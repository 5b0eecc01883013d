# SPDX-License-Identifier: Apache-2.0
"""What many judged pairs come to: precision and recall, false alarms, boundaries, ranks, and verdicts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.sop.judging import Judged
from bench.sop.pairs import Kind
from ovpo.sop.result import DeviationType

GOOD_SCORE: Final = 95.0
RAISED: Final = 100
JUDGED: Final = (Kind.CLEAN, Kind.FAULT, Kind.COMBINED, Kind.GRADED)
"""The kinds in which deviations are to be found; the others are not to be judged at all."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How well one type of deviation is found."""

    true: int
    found: int
    right: int
    near: int
    """Missed only because the time was wrong."""

    @property
    def precision(self) -> float:
        """How much of what was found is true; nothing found is nothing wrong."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """How much of what is true was found."""
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / (self.true + self.found) if self.true + self.found else 1.0


@dataclass(frozen=True, slots=True)
class Clean:
    """What became of the clean retakes under one nuisance."""

    takes: int
    false_alarms: int
    without: int
    """Retakes in which no deviation was found."""
    good: int
    """Retakes with a good score and no deviation."""
    least: float
    median: float
    passed: int
    alarms: Mapping[str, int]


def rates(judged: Iterable[Judged]) -> dict[DeviationType, Rates]:
    """Count for each type, over the pairs that can be judged."""
    true, found, right, near = (Counter[DeviationType]() for _ in range(4))
    for one in judged:
        if one.kind in JUDGED:
            true.update(fault.type for fault in one.truths)
            found.update(deviation.type for deviation in one.founds)
            right.update(one.truths[index].type for index, _ in one.hits)
            near.update(one.truths[index].type for index in one.near)
    return {kind: Rates(true[kind], found[kind], right[kind], near[kind]) for kind in DeviationType}


def clean(judged: Iterable[Judged]) -> dict[str, Clean]:
    """Look at the clean retakes, by nuisance and together under the name of all."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        if one.kind in JUDGED and not one.truths:
            groups[one.nuisance].append(one)
    made = {name: _clean(group) for name, group in sorted(groups.items())}
    together = [one for group in groups.values() for one in group]
    return made | ({"all": _clean(together)} if together else {})


def quantiles(errors: Iterable[Sequence[float]], shares: Sequence[float] = (0.5, 0.9)) -> tuple[float, ...] | None:
    """Give quantiles of all errors together; none if there are none."""
    together = [error for some in errors for error in some]
    return tuple(float(one) for one in np.quantile(together, shares)) if together else None


def rank_agreement(series: Iterable[Sequence[tuple[float, float]]]) -> float | None:
    """Average Kendall's tau-b over series of (severity, score): 1 where each graver take scores lower."""
    found = [tau for one in series if (tau := _tau([(severity, -score) for severity, score in one])) is not None]
    return float(np.mean(found)) if found else None


def graded(judged: Iterable[Judged]) -> list[list[tuple[float, float]]]:
    """Give (steps left out, score) of the takes of each procedure that were made to be ranked."""
    series: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for one in judged:
        if one.kind is Kind.GRADED:
            series[one.pair.split("-")[0]].append((float(len(one.truths)), _points(one)))
    return list(series.values())


def everything(judged: Iterable[Judged]) -> list[tuple[float, float]]:
    """Give (number of faults, score) of all takes that can be judged."""
    return [(float(len(one.truths)), _points(one)) for one in judged if one.kind in JUDGED]


def slow_above_skipped(judged: Sequence[Judged]) -> float | None:
    """Tell how often a take with one slow step scores above one that skips a step."""
    slow, skipped = (
        [_points(one) for one in judged if [fault.type for fault in one.truths] == [wanted]]
        for wanted in (DeviationType.OVER_TIME, DeviationType.STEP_MISSING)
    )
    compared = [one > other for one in slow for other in skipped]
    return float(np.mean(compared)) if compared else None


def verdicts(judged: Iterable[Judged]) -> dict[str, Counter[str]]:
    """Count the verdicts of clean, faulty, unrelated and empty videos."""
    counts: dict[str, Counter[str]] = {}
    for one in judged:
        row = one.kind.value if one.kind not in JUDGED else ("faulty" if one.truths else "clean")
        counts.setdefault(row, Counter())[one.verdict] += 1
    return counts


def refused(judged: Iterable[Judged], kind: Kind, most: float | None = None) -> tuple[int, int]:
    """Count pairs of a kind that got `cannot_judge`, or a score under `most` if that is good enough too."""
    some = [one for one in judged if one.kind is kind]
    good = [
        one
        for one in some
        if one.verdict == "cannot_judge" or (most is not None and one.score is not None and one.score < most)
    ]
    return len(good), len(some)


def wrongs(one: Judged) -> int:
    """Count what is wrong with what was told of a pair; an engine that raised is worse than one that is mistaken."""
    if one.error:
        return RAISED
    if one.kind not in JUDGED:
        return int(one.verdict != "cannot_judge")
    low = not one.truths and _points(one) < GOOD_SCORE
    return one.false_alarms + len(one.truths) - len(one.hits) + low


def _clean(group: Sequence[Judged]) -> Clean:
    scores = [_points(one) for one in group]
    alarms = Counter(deviation.type.value for one in group for deviation in one.founds)
    without = [one for one in group if not one.founds and one.score is not None]
    return Clean(
        takes=len(group),
        false_alarms=alarms.total(),
        without=len(without),
        good=sum(_points(one) >= GOOD_SCORE for one in without),
        least=min(scores),
        median=float(np.median(scores)),
        passed=sum(one.verdict == "pass" for one in group),
        alarms=dict(alarms.most_common()),
    )


def _points(one: Judged) -> float:
    return one.score if one.score is not None else 0.0


def _tau(points: Sequence[tuple[float, float]]) -> float | None:
    ranked = np.asarray(points, np.float64)
    if len(ranked) == 0:
        return None
    first, second = (np.sign(column[:, None] - column[None, :]) for column in ranked.T)
    spread = float(np.sqrt((first**2).sum() * (second**2).sum()))
    if not (first**2).any():
        return None
    return float((first * second).sum()) / spread if spread else 0.0
