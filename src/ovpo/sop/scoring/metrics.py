# SPDX-License-Identifier: Apache-2.0
"""The fifteen metrics of the score: each a function of the findings, from 0 (as the gold) to 1.

Those of what was done count deviations, each with a part that it costs at least and a part that grows with its
severity. Those of how it looks are medians and shares over the gold's rows, relative to what is usual between retakes,
so that neither one clip nor a slow stretch decides and an ordinary retake loses about nothing.
"""

from collections.abc import Callable, Iterable
from itertools import combinations
from math import prod
from typing import Final

import numpy as np

from ovpo.sop.judging.findings import Findings
from ovpo.sop.result import Deviation, DeviationType
from ovpo.sop.scoring.likeness import likeness, middle, runs

STILL_SECONDS: Final = 1.0
"""A trainee may stay at one moment of the gold for so long; an ordinary alignment does."""
ISOLATED_SECONDS: Final = 1.0
"""Unlike rows that last less are a blink, not a miss."""
MISSING_AT_LEAST: Final = 0.3
SWAP, SWAP_SEVERITY = 0.21, 0.03
EXTRA, EXTRA_SEVERITY = 0.22, 0.18
REPEAT, REPEAT_SEVERITY = 0.2, 0.1
DEVIATION_SEVERITY: Final = 0.22
OVER_TIME, OVER_TIME_SEVERITY = 0.15, 0.25
WARP, WARP_SEVERITY = 0.1, 0.4


def missing(findings: Findings) -> float:
    """Weigh the steps that were left out: a fixed part for each, and the rest by the square of their share of time."""
    gone = {step for one in _of(findings, DeviationType.STEP_MISSING) for step in one.steps}
    return min(1.0, MISSING_AT_LEAST * len(gone) + (1 - MISSING_AT_LEAST) * _share_of_time(findings, gone) ** 2)


def swap(findings: Findings) -> float:
    """Count the exchanges and moves that explain the trainee's order."""
    return _together(SWAP + SWAP_SEVERITY * one.severity for one in _of(findings, DeviationType.ORDER_SWAP))


def extra(findings: Findings) -> float:
    """Count what the trainee did that is no step of the procedure."""
    return _together(EXTRA + EXTRA_SEVERITY * one.severity for one in _of(findings, DeviationType.EXTRA_STEP))


def repeat(findings: Findings) -> float:
    """Count the steps that were done again."""
    return _together(REPEAT + REPEAT_SEVERITY * one.severity for one in _of(findings, DeviationType.REPEATED_STEP))


def deviation_share(findings: Findings) -> float:
    """Add up how much of the steps, or of the whole time where that is more, was not done as in the gold."""
    return _together(
        max(DEVIATION_SEVERITY, _share_of_time(findings, set(one.steps))) * one.severity
        for one in _of(findings, DeviationType.EXECUTION_DEVIATION)
    )


def over_time_ratio(findings: Findings) -> float:
    """Add up by how much steps took longer than they may."""
    return _together(OVER_TIME + OVER_TIME_SEVERITY * one.severity for one in _of(findings, DeviationType.OVER_TIME))


def temporal_warp(findings: Findings) -> float:
    """Add up where the pace strays from the gold's inside a step, or a step was done too fast."""
    return _together(
        WARP + WARP_SEVERITY * one.severity
        for one in _of(findings, DeviationType.TEMPORAL_WARP, DeviationType.UNDER_TIME)
    )


def path_stretch(findings: Findings) -> float:
    """Tell how much longer the alignment is than the longer of the two stretches that it aligns."""
    if not len(findings.path):
        return 0.0
    longer = max(len(np.unique(findings.path[:, side])) for side in (0, 1))
    return min(1.0, len(findings.path) / longer - 1)


def duplicate_ratio(findings: Findings) -> float:
    """Tell which share of the alignment the trainee stays at one moment of the gold for more than a second."""
    allowed = _rows(findings, STILL_SECONDS)
    stays = runs(findings.path[:, 0].astype(np.int64))
    return float(np.maximum(stays - allowed, 0).sum() / max(len(findings.path), 1))


def order_violation(findings: Findings) -> float:
    """Tell which share of all pairs of steps were done the wrong way round."""
    times = [step.trainee.start for step in sorted(findings.steps, key=lambda one: one.number) if step.trainee]
    wrong = sum(later < earlier for earlier, later in combinations(times, 2))
    every = len(findings.steps) * (len(findings.steps) - 1) / 2
    return wrong / max(every, 1)


def drift(findings: Findings) -> float:
    """Tell how much less the last third of the procedure looks like the gold than the first third."""
    thirds = np.array_split(likeness(findings).shortfalls, 3)
    return max(0.0, middle(thirds[-1]) - middle(thirds[0]))


def confidence_loss(findings: Findings) -> float:
    """Tell how far the median likeness falls short of what is usual between retakes."""
    return middle(likeness(findings).shortfalls)


def local_similarity_gap(findings: Findings) -> float:
    """Tell how much less the least like step looks like the gold than the whole does."""
    like = likeness(findings)
    lowest = max((middle(like.between(step.gold, findings.row_seconds)) for step in findings.steps), default=0.0)
    return max(0.0, lowest - middle(like.shortfalls))


def hard_miss_ratio(findings: Findings) -> float:
    """Tell which share of the gold is matched by what does not look like it for a second or longer."""
    like = likeness(findings)
    stretches = runs(np.where(like.below, -1, np.arange(len(like.below))))
    long = stretches[stretches >= _rows(findings, ISOLATED_SECONDS)]
    return float(long.sum() / max(findings.gold_rows, 1))


def alignment_cost(findings: Findings) -> float:
    """Tell the mean shortfall of the gold's rows, each of which counts the same."""
    return float(likeness(findings).shortfalls.sum() / max(findings.gold_rows, 1))


METRICS: Final[dict[str, Callable[[Findings], float]]] = {
    metric.__name__: metric
    for metric in (
        missing,
        swap,
        extra,
        repeat,
        deviation_share,
        over_time_ratio,
        temporal_warp,
        path_stretch,
        duplicate_ratio,
        order_violation,
        drift,
        confidence_loss,
        local_similarity_gap,
        hard_miss_ratio,
        alignment_cost,
    )
}
"""In the order in which they are reported; the names are those of the weights."""


def _of(findings: Findings, *types: DeviationType) -> list[Deviation]:
    return [one for one in findings.deviations if one.type in types]


def _together(costs: Iterable[float]) -> float:
    """Add up so that each cost takes its part of what the others left; the order makes no difference, not by a bit."""
    return 1.0 - prod(1.0 - min(cost, 1.0) for cost in sorted(costs))


def _share_of_time(findings: Findings, numbers: set[int]) -> float:
    """Tell which share of the gold's steps these are, by time."""
    every = sum(step.gold.seconds for step in findings.steps)
    return min(1.0, sum(step.gold.seconds for step in findings.steps if step.number in numbers) / max(every, 1e-9))


def _rows(findings: Findings, seconds: float) -> int:
    """Tell how many rows last so long, two at least."""
    return max(2, round(seconds / findings.row_seconds))
