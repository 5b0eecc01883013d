# SPDX-License-Identifier: Apache-2.0
"""What a definition says once it is read: the task, its steps in order, and how a run of it is judged and scored."""

from msgspec import Struct

from ovpo.sop.judging.limits import Limits
from ovpo.sop.scoring.settings import USUAL, Scoring


class DefinedStep(Struct, frozen=True, kw_only=True):
    """A step of a procedure, as its author wrote it."""

    name: str
    critical: bool = False
    min_seconds: float | None = None
    max_seconds: float | None = None
    starts_at: float | None = None
    """Where it begins in the gold video; all steps of a procedure have it or none."""


class Definition(Struct, frozen=True, kw_only=True):
    """A procedure: its steps in the order in which they are to be done."""

    task: str
    steps: tuple[DefinedStep, ...]
    scoring: Scoring = USUAL
    limits: Limits = Limits()

    @property
    def starts(self) -> tuple[float, ...] | None:
        """Where the steps begin in the gold video, if the author said so."""
        starts = tuple(step.starts_at for step in self.steps if step.starts_at is not None)
        return starts or None
