# SPDX-License-Identifier: Apache-2.0
"""The scores and the reports of windows as tables, and what is expected of their columns. No names of files or people.

What must hold across columns is in `rules`.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import fsum
from typing import Final

import msgspec
import polars as pl

from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.quality import Column, Suite
from ovpo.sop.procedures.keeping import MATRIX, REPORT, all_attempts_of, load_result, prefix_of
from ovpo.sop.procedures.rules import odd_times
from ovpo.sop.records.rows import Score, ScoreState
from ovpo.sop.records.scores import Scores
from ovpo.sop.result import DeviationType, Result, Verdict
from ovpo.sop.working import Hours, Workplace

MOMENT: Final = pl.Datetime("us", "UTC")
UNDER_WAY: Final = frozenset({ScoreState.WAITING, ScoreState.QUEUED, ScoreState.STARTED})
"""In these states a run may be writing just now."""
READERS: Final = 8
"""Results that are read at once: each is a small object, and a cloud takes its time for each."""
SCORE_SUITE: Final = Suite(
    "scores_procedures",
    (
        Column("window", MOMENT),
        Column("tenant_id", pl.String),
        Column("task_id", pl.String),
        Column("score_id", pl.String),
        Column("trainee_id", pl.String),
        Column("gold_id", pl.String, may_be_null=True),
        Column("state", pl.String, among=tuple(ScoreState)),
        Column("reason_code", pl.String, may_be_null=True),
        Column("verdict", pl.String, may_be_null=True, among=tuple(Verdict)),
        Column("points", pl.Float64, may_be_null=True, least=0, most=100),
        Column("losses", pl.Float64, may_be_null=True, least=0),
        Column("steps", pl.Int64, may_be_null=True, least=0),
        Column("deviations", pl.Int64, may_be_null=True, least=0),
        Column("lowest_confidence", pl.Float64, may_be_null=True, least=0, most=1),
        Column("highest_confidence", pl.Float64, may_be_null=True, least=0, most=1),
        Column("odd_times", pl.Int64, may_be_null=True, least=0),
        Column("found", pl.String, may_be_null=True),
        Column("adapter", pl.String),
        Column("maker", pl.String, may_be_null=True),
        Column("definition_version", pl.Int64, may_be_null=True, least=1),
        Column("code_version", pl.String, may_be_null=True),
        Column("lacking", pl.Int64, least=0),
        Column("stray", pl.Int64, least=0),
        Column("finished_at", MOMENT, may_be_null=True),
        Column("reviewed_verdict", pl.String, may_be_null=True, among=(Verdict.PASS, Verdict.FAIL)),
    ),
)
REPORT_SUITE: Final = Suite(
    "scores_reports",
    (
        Column("window", MOMENT),
        Column("tenant_id", pl.String),
        Column("task_id", pl.String),
        Column("score_id", pl.String),
        Column("verdict", pl.String, among=tuple(Verdict)),
        Column("bytes", pl.Int64, least=0),
        Column("deviations", pl.Int64, least=0),
        Column("pictures", pl.Int64, least=0),
        Column("finished_at", MOMENT),
    ),
)
SCORE_COLUMNS: Final = {column.name: column.type for column in SCORE_SUITE.columns}
REPORT_COLUMNS: Final = {column.name: column.type for column in REPORT_SUITE.columns}
WORDS: Final[dict[str, str]] = {
    DeviationType.STEP_MISSING: "left out",
    DeviationType.ORDER_SWAP: "swapped",
    DeviationType.EXTRA_STEP: "something extra",
    DeviationType.REPEATED_STEP: "repeated",
    DeviationType.OVER_TIME: "too slow",
    DeviationType.UNDER_TIME: "too fast",
    DeviationType.EXECUTION_DEVIATION: "done wrongly",
    DeviationType.TEMPORAL_WARP: "uneven pace",
}


def scores_table(place: Workplace, hours: Hours) -> pl.DataFrame:
    """Tell what became of every score of windows; what came out is told of finished ones, from their own files."""
    with place.transaction() as connection:
        scores = Scores(connection).of_windows(hours)
    with ThreadPoolExecutor(READERS) as pool:
        rows = list(pool.map(lambda score: _row(score, _kept(place.objects, score)), scores))
    return pl.DataFrame(rows, schema=SCORE_COLUMNS, orient="row")


def reports_table(place: Workplace, hours: Hours) -> pl.DataFrame:
    """Tell what there is of the report of every finished score of windows: no bytes of one that is not written."""
    with place.transaction() as connection:
        scores = [score for score in Scores(connection).of_windows(hours) if score.state is ScoreState.FINISHED]
    with ThreadPoolExecutor(READERS) as pool:
        rows = list(pool.map(lambda score: _report_row(place.objects, score), scores))
    return pl.DataFrame(rows, schema=REPORT_COLUMNS, orient="row")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What there is of a score in the object store."""

    result: Result | None
    lacking: int
    stray: int


def _kept(objects: ObjectStore, score: Score) -> _Kept:
    there = {found.key for found in objects.list(f"{all_attempts_of(score.tenant_id, score.score_id)}/")}
    if score.result_key is None:
        return _Kept(None, 0, 0 if score.state in UNDER_WAY else len(there))
    prefix = prefix_of(score.result_key)
    stray = sum(not key.startswith(f"{prefix}/") for key in there)
    result = _result(objects, score) if score.state is ScoreState.FINISHED else None
    wanted = {score.result_key, *([score.report_key] if score.report_key else [])}
    wanted |= {f"{prefix}/{MATRIX}"} if result and result.alignment.path else set()
    return _Kept(result, len(wanted - there), 0 if score.state in UNDER_WAY else stray)


def _result(objects: ObjectStore, score: Score) -> Result | None:
    try:
        return load_result(objects, score.result_key or "")
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None


def _row(score: Score, kept: _Kept) -> dict[str, object]:
    came, result = score.state is ScoreState.FINISHED, kept.result
    confidences = [one.confidence for one in result.deviations] if result else []
    return {
        "window": score.window_start,
        "tenant_id": score.tenant_id,
        "task_id": score.task_id,
        "score_id": str(score.score_id),
        "trainee_id": str(score.trainee_id),
        "gold_id": str(score.gold_id) if score.gold_id else None,
        "state": score.state.value,
        "reason_code": score.reason_code,
        "verdict": score.verdict if came else None,
        "points": score.points if came else None,
        "losses": round(fsum(metric.loss for metric in result.metrics), 2) if result and result.metrics else None,
        "steps": len(result.steps) if result else None,
        "deviations": len(score.deviations or ()) if came else None,
        "lowest_confidence": min(confidences, default=None),
        "highest_confidence": max(confidences, default=None),
        "odd_times": odd_times(result) if result else None,
        "found": found_in(score) if came else None,
        "adapter": score.adapter,
        "maker": score.maker,
        "definition_version": score.definition_version,
        "code_version": score.code_version,
        "lacking": kept.lacking,
        "stray": kept.stray,
        "finished_at": score.finished_at,
        "reviewed_verdict": score.reviewed_verdict,
    }


def found_in(score: Score) -> str:
    """Say in words what is wrong with a run: each kind with its steps."""
    said = []
    for one in score.deviations or ():
        steps = " and ".join(str(step) for step in one["steps"])
        said.append(f"step {steps} {WORDS[one['type']]}" if steps else WORDS[one["type"]])
    return "; ".join(said)


def _report_row(objects: ObjectStore, score: Score) -> dict[str, object]:
    prefix = prefix_of(score.result_key or "")
    sizes = {found.key.rpartition("/")[2]: found.size for found in objects.list(f"{prefix}/")}
    return {
        "window": score.window_start,
        "tenant_id": score.tenant_id,
        "task_id": score.task_id,
        "score_id": str(score.score_id),
        "verdict": score.verdict,
        "bytes": sizes.get(REPORT, 0) if score.report_key else 0,
        "deviations": len(score.deviations or ()),
        "pictures": sum(name.startswith("evidence-") for name in sizes),
        "finished_at": score.finished_at,
    }
