# SPDX-License-Identifier: Apache-2.0
"""What a rule is: a question about a metric, when its answer is worth a word, and to whom. Pure.

How a file is read is the business of `reading`.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct

from ovpo.telemetry.alerts.actions import Action
from ovpo.telemetry.alerts.metrics import METRICS, NARROWING, Metric
from ovpo.telemetry.alerts.spans import Span, span
from ovpo.telemetry.contract.records import FailureKind

Name = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,62}\Z")]
Label = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,62}\Z")]
Words = Annotated[str, Meta(min_length=1, max_length=256)]
TenantId = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,128}\Z")]
SHORTEST_WINDOW: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=30)


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class GroupBy(StrEnum):
    """What a rule may look at one by one."""

    MODEL = "model"
    PROJECT = "project"


class Comparison(StrEnum):
    """How the value stands to the threshold when the condition is true."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="

    def holds(self, value: float, threshold: float) -> bool:
        """Tell whether a value breaks the rule."""
        return _COMPARE[self](value, threshold)


_COMPARE: Final[Mapping[Comparison, Callable[[float, float], bool]]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
}


class Rule(Struct, frozen=True, forbid_unknown_fields=True, rename={"hold": "for"}):
    """One rule."""

    name: Name
    description: Annotated[str, Meta(min_length=1, max_length=500)]
    metric: str
    window: Span
    comparison: Comparison
    threshold: float
    severity: Severity
    hold: Span = "0s"
    repeat: Span | None = None
    model: Words | None = None
    project: Words | None = None
    failure_kind: FailureKind | None = None
    group_by: GroupBy | None = None
    min_samples: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    labels: Annotated[dict[Label, Words], Meta(max_length=20)] = {}
    tenants: Annotated[tuple[TenantId, ...], Meta(min_length=1, max_length=1_000)] | None = None
    actions: Annotated[tuple[Name, ...], Meta(max_length=20)] = ()

    @property
    def measures(self) -> Metric:
        """Give the metric; a rule that was read has one."""
        return METRICS[self.metric]

    @property
    def looks_back(self) -> timedelta:
        """Give the window."""
        return span(self.window)

    @property
    def must_hold(self) -> timedelta:
        """Give how long the condition must be true before the alert fires, and false before it resolves."""
        return span(self.hold)

    @property
    def tells_again_after(self) -> timedelta | None:
        """Give after how long a firing alert is told once more, if ever."""
        return span(self.repeat) if self.repeat else None

    @property
    def fewest_samples(self) -> int:
        """Give how many samples a value needs to be taken for one."""
        return 0 if self.measures.counts else self.min_samples or 1


TAKES: Final = {
    "name": "lower-case letters, digits and hyphens, a letter first, at most 63 of them",
    "description": "a text of 1 to 500 characters",
    "metric": "the name of a metric: " + ", ".join(METRICS),
    "window": "a span of time from 1m to 30d, like 15m, 1h, 1d",
    "comparison": "one of '>', '>=', '<', '<=', in quotes",
    "threshold": "a number",
    "severity": "one of info, warning, critical",
    "for": "a span of time up to 30d, like 0s, 10m",
    "repeat": "a span of time from 1m to 30d, like 4h",
    "model": "a text of 1 to 256 characters",
    "project": "a text of 1 to 256 characters",
    "failure_kind": f"one of {', '.join(FailureKind)}",
    "group_by": "one of model, project",
    "min_samples": "a whole number of at least 1",
    "labels": "at most 20 names of lower-case letters, digits and underscores, each with a text of 1 to 256 characters",
    "tenants": "a list of 1 to 1000 tenants' ids; without it the rule is about all of them",
    "actions": "a list of at most 20 names from the section actions",
}
"""What each field of a rule takes, in words."""


class Rulebook(Struct, frozen=True):
    """A rules file: what is looked at, and who can be told."""

    rules: tuple[Rule, ...]
    actions: dict[str, Action]
    folder: Path
    """Where the file lies: paths of secrets that are not absolute begin there."""


def contradictions(rule: Rule, actions: Mapping[str, Action]) -> Iterator[tuple[str, str]]:
    """Give each field of a rule that is well formed and yet cannot be meant, with what is wrong."""
    yield from _about_metric(rule)
    if not SHORTEST_WINDOW <= rule.looks_back <= LONGEST:
        yield "window", f"got {rule.window}; takes {TAKES['window']}"
    if rule.must_hold > LONGEST:
        yield "for", f"got {rule.hold}; takes {TAKES['for']}"
    if rule.tells_again_after is not None and not SHORTEST_WINDOW <= rule.tells_again_after <= LONGEST:
        yield "repeat", f"got {rule.repeat}; takes {TAKES['repeat']}"
    if not isfinite(rule.threshold):
        yield "threshold", f"got {rule.threshold}; takes {TAKES['threshold']}"
    for name in rule.actions:
        if name not in actions:
            yield "actions", f"there is no action {name!r}{nearest(name, actions)}; takes {TAKES['actions']}"
    if len(set(rule.actions)) < len(rule.actions):
        yield "actions", "names an action twice; name each once"


def _about_metric(rule: Rule) -> Iterator[tuple[str, str]]:
    metric = METRICS.get(rule.metric)
    if metric is None:
        close = nearest(rule.metric, METRICS)
        yield "metric", f"there is no metric {rule.metric[:60]!r}{close}; takes {TAKES['metric']}"
        return
    for field in NARROWING:
        if getattr(rule, field) is not None and field not in metric.takes:
            yield field, f"is not taken by the metric {rule.metric}: take it out"


def nearest(name: str, known: Mapping[str, object]) -> str:
    """Propose the name that was probably meant."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f", did you mean {close[0]}?" if close else ""
