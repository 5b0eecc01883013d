# SPDX-License-Identifier: Apache-2.0
"""Puts results together: of what was judged, and of what could not be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from msgspec import structs

from ovpo.sop.calibration.calibration import Calibration
from ovpo.sop.embedding import Sidecar
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.reading import Prices
from ovpo.sop.result import (
    Alignment,
    Deviation,
    Interval,
    Reason,
    Result,
    StepResult,
    Verdict,
    Versions,
)
from ovpo.sop.scoring.settings import Scoring, listed
from ovpo.sop.scoring.verdict import Judgement

NO_ALIGNMENT = Alignment(path=(), mean_cost=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Of which task, when, and by which numbers a comparison was made."""

    calibration: Calibration
    scoring: Scoring
    limits: Limits
    prices: Prices
    task: str
    now: datetime


def judged(
    gold: Sidecar,
    trainee: Sidecar,
    judgement: Judgement,
    *,
    steps: tuple[StepResult, ...],
    deviations: tuple[Deviation, ...],
    alignment: Alignment,
    terms: Terms,
) -> Result:
    """Give the result of a comparison; one that cannot be judged has no score and accuses nobody."""
    mark = judgement.mark
    return Result(
        task_id=terms.task,
        created_at=terms.now,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        score=mark.points if mark else None,
        threshold=terms.scoring.threshold,
        gold=gold.video,
        trainee=trainee.video,
        steps=steps,
        deviations=deviations if mark else (),
        metrics=mark.metrics if mark else (),
        alignment=alignment,
        settings=_settings(gold, terms),
        versions=Versions(
            ovpo=version("ovpo"),
            embedder=f"{gold.maker.embedder} {gold.maker.version}",
            adapter=gold.adapter or "",
            calibration=terms.calibration.learnt_from,
        ),
    )


def refused(
    gold: Sidecar,
    trainee: Sidecar,
    reason: Reason,
    *,
    steps: Sequence[GoldStep] = (),
    terms: Terms,
) -> Result:
    """Give the result of what was not even compared."""
    row = gold.maker.clips.row_seconds
    return judged(
        gold,
        trainee,
        Judgement(verdict=Verdict.CANNOT_JUDGE, reasons=(reason,), mark=None),
        steps=tuple(
            StepResult(
                number=number,
                name=step.name,
                critical=step.critical,
                gold=Interval(round(step.first * row, 3), round(step.end * row, 3)),
            )
            for number, step in enumerate(steps, 1)
        ),
        deviations=(),
        alignment=NO_ALIGNMENT,
        terms=terms,
    )


def later(result: Result, seconds: float) -> Result:
    """Move everything in the gold by so much, where the comparison began with its first step."""
    if not seconds:
        return result
    return structs.replace(
        result,
        steps=tuple(structs.replace(step, gold=_moved(step.gold, seconds)) for step in result.steps),
        deviations=tuple(_later(one, seconds) for one in result.deviations),
        alignment=structs.replace(
            result.alignment,
            path=tuple((round(gold + seconds, 3), trainee) for gold, trainee in result.alignment.path),
        ),
    )


def _later(one: Deviation, seconds: float) -> Deviation:
    at = one.evidence.gold
    return structs.replace(
        one,
        gold=None if one.gold is None else _moved(one.gold, seconds),
        evidence=structs.replace(one.evidence, gold=None if at is None else round(at + seconds, 3)),
    )


def _moved(of: Interval, seconds: float) -> Interval:
    return Interval(round(of.start + seconds, 3), round(of.end + seconds, 3))


def _settings(sidecar: Sidecar, terms: Terms) -> dict[str, str | float | int | bool]:
    calibration = structs.asdict(terms.calibration)
    shortfall = calibration.pop("shortfall")
    del calibration["learnt_from"]
    return {
        **{f"clips.{name}": value for name, value in structs.asdict(sidecar.maker.clips).items()},
        **{f"embedder.{name}": value for name, value in sidecar.maker.settings.items()},
        **{f"calibration.{name}": value for name, value in calibration.items()},
        **{f"calibration.shortfall.{name}": value for name, value in shortfall.items()},
        **{f"limits.{name}": value for name, value in structs.asdict(terms.limits).items()},
        **{f"prices.{name}": value for name, value in structs.asdict(terms.prices).items()},
        **listed(terms.scoring),
    }
