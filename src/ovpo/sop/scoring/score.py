# SPDX-License-Identifier: Apache-2.0
"""The mark of a run: a hundred points less what each metric costs, to the hundredth of a point."""

from math import fsum

from msgspec import Struct

from ovpo.sop.judging.findings import Findings
from ovpo.sop.result import Metric
from ovpo.sop.scoring.metrics import METRICS
from ovpo.sop.scoring.settings import Scoring


class Mark(Struct, frozen=True, kw_only=True):
    """What a run is worth, and what it lost its points by."""

    points: float
    metrics: tuple[Metric, ...]


def mark(findings: Findings, scoring: Scoring) -> Mark:
    """Measure and weigh; the losses add up to a hundred less the points, as long as any points are left."""
    metrics = tuple(_weighed(name, measure(findings), scoring) for name, measure in METRICS.items())
    return Mark(points=max(0.0, round(100.0 - fsum(metric.loss for metric in metrics), 2)), metrics=metrics)


def _weighed(name: str, value: float, scoring: Scoring) -> Metric:
    weight: float = getattr(scoring.weights, name)
    return Metric(name=name, value=value, weight=weight, loss=round(weight * value, 2))
