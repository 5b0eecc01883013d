# SPDX-License-Identifier: Apache-2.0
"""Scores as their tenant is shown them: a page of the list, one score, its place in the queue."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, LiteralString
from uuid import UUID

import psycopg
from pydantic import BaseModel, Field

from ovpo.sop.api.cursors import Place, cursor_of, place_of
from ovpo.sop.api.fields import Dated, Hash, Id, Paged, Task
from ovpo.sop.api.refusals import missing
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import Score, ScoreState

PAGE: Final = """
SELECT s.* FROM sop_scores AS s
WHERE (%(task_id)s::text IS NULL OR s.task_id = %(task_id)s)
  AND (%(state)s::text IS NULL OR s.state = %(state)s)
  AND (%(verdict)s::text IS NULL OR s.verdict = %(verdict)s)
  AND (%(trainee_id)s::uuid IS NULL OR s.trainee_id = %(trainee_id)s)
  AND (%(gold_id)s::uuid IS NULL OR s.gold_id = %(gold_id)s)
  AND (%(reviewed)s::boolean IS NULL OR (s.reviewed_verdict IS NOT NULL) = %(reviewed)s)
  AND (%(operator_id_hash)s::text IS NULL OR EXISTS (
       SELECT FROM sop_videos AS v WHERE v.video_id = s.trainee_id AND v.operator_id_hash = %(operator_id_hash)s))
  AND (%(start_date)s::timestamptz IS NULL OR s.asked_at >= %(start_date)s)
  AND (%(end_date)s::timestamptz IS NULL OR s.asked_at < %(end_date)s)
  AND (%(moment)s::timestamptz IS NULL OR (s.asked_at, s.score_id) < (%(moment)s, %(identifier)s::uuid))
ORDER BY s.asked_at DESC, s.score_id DESC LIMIT %(rows)s
"""
ONE: Final = "SELECT * FROM sop_scores WHERE score_id = %s"
AHEAD: Final = """
SELECT count(*) FROM sop_scores
WHERE state IN ('waiting', 'queued') AND (asked_at, score_id) <= (%(asked_at)s, %(score_id)s)
"""
_IN_QUEUE: Final = frozenset({ScoreState.WAITING, ScoreState.QUEUED})


class VerdictName(StrEnum):
    """What a score may come to."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NEEDS_REVIEW = "needs_review"
    CANNOT_JUDGE = "cannot_judge"


class ScoreQuestion(Dated):
    """Which scores: every filter that is given must hold; the newest come first."""

    task_id: Task | None = Field(None, description="The procedure")
    state: ScoreState | None = Field(None, description="Where it is")
    verdict: VerdictName | None = Field(None, description="What it came to, before any review")
    trainee_id: Id | None = Field(None, description="The trainee's video")
    gold_id: Id | None = Field(None, description="The gold video that it was held against")
    operator_id_hash: Hash | None = Field(None, description="SHA-256 of the trainee's id")
    reviewed: bool | None = Field(None, description="Whether a person said what it should have been")


class ScoreList(Paged, ScoreQuestion):
    """A page of them."""


class Review(BaseModel):
    """What a person said of a score."""

    verdict: Literal["pass", "fail"]
    note: str = Field(examples=["The lid was closed off camera; I saw it."])
    by: str = Field(description="The key that said it", examples=["key:k3v9x2ab"])
    at: datetime


class ShownScore(BaseModel):
    """A score that was asked for, and what came of it."""

    score_id: Id
    task_id: str = Field(examples=["make-coffee"])
    trainee_id: Id
    gold_id: Id | None = Field(description="The gold video that it was held against; before that the one asked for")
    state: ScoreState
    reason_code: str | None = Field(description="Why it has no result, for programs", examples=["video_refused"])
    reason: str | None = Field(description="Why it has no result, for people", examples=["One video cannot be used"])
    asked_by: str = Field(description="A key, or the intake of the watched folder", examples=["key:k3v9x2ab"])
    asked_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    verdict: VerdictName | None = Field(description="What it came to; a review may say otherwise")
    points: float | None = Field(description="0 to 100; none where it cannot be judged", examples=[87.5])
    deviations: int | None = Field(description="How many were found", examples=[2])
    definition_version: int | None = Field(description="Of the definition that it was judged by", examples=[2])
    adapter: str | None = Field(
        description="The feature adapter that it was made with", examples=["feature_adapter_20261121T020000Z_1f3a"]
    )
    code_version: str | None = Field(description="Of what made it", examples=["1"])
    has_report: bool = Field(description="Whether its PDF is there")
    review: Review | None = Field(description="What a person said of it")


class ScoreDetail(ShownScore):
    """A score with its whole result."""

    queue_position: int | None = Field(
        description="How many of your tenant's unfinished scores are asked for no later, itself among them; none once "
        "it is worked on",
        examples=[4],
    )
    result: dict[str, Any] | None = Field(
        description="Once it is finished, everything that was found, as its schema `sop-result` says",
        examples=[{"schema_version": "1.0"}],
    )


class ScorePage(BaseModel):
    """Some scores, the newest first."""

    scores: list[ShownScore]
    has_more: bool
    next_cursor: str | None = Field(description="Where the next page begins", examples=["eyJsYXN0X3RpbWVzdGFtcCI6…"])


def shown(score: Score) -> ShownScore:
    """Show a score."""
    return ShownScore.model_validate(plain(score))


def plain(score: Score) -> dict[str, Any]:
    """Give what is shown of a score as plain objects."""
    gold = score.gold_id or score.wanted_gold_id
    reviewed = {
        "verdict": score.reviewed_verdict,
        "note": score.review_note or "",
        "by": score.reviewed_by or "",
        "at": score.reviewed_at,
    }
    return {
        "score_id": str(score.score_id),
        "task_id": score.task_id,
        "trainee_id": str(score.trainee_id),
        "gold_id": None if gold is None else str(gold),
        "state": score.state.value,
        "reason_code": score.reason_code,
        "reason": score.reason,
        "asked_by": score.asked_by,
        "asked_at": score.asked_at,
        "updated_at": score.updated_at,
        "finished_at": score.finished_at,
        "verdict": score.verdict,
        "points": score.points,
        "deviations": None if score.deviations is None else len(score.deviations),
        "definition_version": score.definition_version,
        "adapter": score.adapter or None,
        "code_version": score.code_version,
        "has_report": score.report_key is not None,
        "review": None if score.reviewed_verdict is None else reviewed,
    }


def rows(
    connection: psycopg.Connection, question: ScoreQuestion, place: Place | None, most: int
) -> tuple[list[Score], Place | None]:
    """Read so many scores after a place; give the place of the last one if more follow."""
    given = {
        **question.filters,
        "moment": place.moment if place else None,
        "identifier": place.identifier if place else None,
        "rows": most + 1,
    }
    found = _all(connection, PAGE, given)
    kept = found[:most]
    return kept, Place(kept[-1].asked_at, str(kept[-1].score_id)) if len(found) > most else None


def page(connection: psycopg.Connection, tenant_id: str, question: ScoreList, now: datetime) -> ScorePage:
    """Read a page."""
    whose = ("scores", tenant_id, question.filters)
    found, last = rows(connection, question, place_of(question.cursor, whose, now), question.limit)
    return ScorePage(
        scores=[shown(score) for score in found],
        has_more=last is not None,
        next_cursor=None if last is None else cursor_of(last, whose, now),
    )


def one(connection: psycopg.Connection, score_id: str) -> Score:
    """Read a score of the tenant, or say that there is none."""
    found = _all(connection, ONE, (UUID(score_id),))
    if not found:
        raise missing("score", score_id, "score_id")
    return found[0]


def position(connection: psycopg.Connection, score: Score) -> int | None:
    """Tell a score's place among the tenant's that nobody works on yet."""
    if score.state not in _IN_QUEUE:
        return None
    row = connection.execute(AHEAD, {"asked_at": score.asked_at, "score_id": score.score_id}).fetchone()
    return None if row is None else int(row[0])


def _all(connection: psycopg.Connection, statement: LiteralString, given: Any) -> list[Score]:
    with connection.cursor(row_factory=row_of(Score)) as cursor:
        return cursor.execute(statement, given).fetchall()
