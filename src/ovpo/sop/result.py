# SPDX-License-Identifier: Apache-2.0
"""The result of a comparison, as it is kept, sent and printed; times are seconds of media time, steps count from 1."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

SCHEMA_VERSION: Final = "1.0"


class Verdict(StrEnum):
    """What a comparison comes to."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NEEDS_REVIEW = "needs_review"
    CANNOT_JUDGE = "cannot_judge"


class DeviationType(StrEnum):
    """What can be wrong with a run of a procedure."""

    STEP_MISSING = "step_missing"
    ORDER_SWAP = "order_swap"
    EXTRA_STEP = "extra_step"
    REPEATED_STEP = "repeated_step"
    OVER_TIME = "over_time"
    UNDER_TIME = "under_time"
    EXECUTION_DEVIATION = "execution_deviation"
    TEMPORAL_WARP = "temporal_warp"


class Interval(Struct, frozen=True):
    """A stretch of a video."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


class FramePair(Struct, frozen=True, kw_only=True):
    """Two moments to look at side by side; one is absent where the other has no counterpart."""

    gold: float | None = None
    trainee: float | None = None


class Deviation(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, with its evidence."""

    type: DeviationType
    steps: tuple[int, ...]
    """The gold steps concerned: one, both of an exchange, none for an extra step."""
    names: tuple[str, ...]
    gold: Interval | None = None
    trainee: Interval | None = None
    """Where it is in the trainee's video; for what is missing, the point at which it should have been."""
    confidence: float
    severity: float
    """From 0 to 1: how much of a step is concerned."""
    sentence: str
    evidence: FramePair


class StepResult(Struct, frozen=True, kw_only=True):
    """A gold step and what became of it."""

    number: int
    name: str
    critical: bool
    gold: Interval
    trainee: Interval | None = None
    repeats: tuple[Interval, ...] = ()
    pace: float | None = None
    """How long it took, as a multiple of the gold's time."""
    similarity: float | None = None
    """The mean cosine along the alignment inside the step."""


class Metric(Struct, frozen=True, kw_only=True):
    """A part of the score: `loss` points of a hundred, `weight` at most."""

    name: str
    value: float
    weight: float
    loss: float


class Reason(Struct, frozen=True):
    """Why the verdict is what it is."""

    code: str
    sentence: str


class VideoFacts(Struct, frozen=True, kw_only=True):
    """What is known of one of the two videos."""

    sha256: str
    name: str
    seconds: float
    clips: int
    width: int
    height: int
    frames_per_second: float


class Alignment(Struct, frozen=True, kw_only=True):
    """The path that the comparison took: pairs of gold and trainee times, in the order of the trainee's video."""

    path: tuple[tuple[float, float], ...]
    mean_cost: float


class Versions(Struct, frozen=True, kw_only=True):
    """What the result was made with."""

    ovpo: str
    embedder: str
    adapter: str
    calibration: str


class Result(Struct, frozen=True, kw_only=True):
    """Everything a comparison found; the report and the page are drawn from it and from the pictures beside it."""

    schema_version: str = SCHEMA_VERSION
    task_id: str
    created_at: Annotated[datetime, Meta(tz=True)]
    verdict: Verdict
    reasons: tuple[Reason, ...]
    score: float | None
    threshold: float
    gold: VideoFacts
    trainee: VideoFacts
    steps: tuple[StepResult, ...]
    deviations: tuple[Deviation, ...]
    metrics: tuple[Metric, ...]
    alignment: Alignment
    settings: dict[str, str | float | int | bool]
    versions: Versions
