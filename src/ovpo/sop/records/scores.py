# SPDX-License-Identifier: Apache-2.0
"""The statements on scores, one method each; they live inside one transaction that the caller opened.

What a run does to a score is fenced by the run's id and the score's state: a run that was given up for dead, or whose
score somebody canceled, changes nothing. Which scores are ready or stale is `procedures.queueing`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, LiteralString
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from ovpo.foundation.ledger.items import hour_of
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import Score, Video
from ovpo.sop.working import Hours

INTAKE: Final = "intake"
"""Who asks for the score of a trainee's video that was dropped."""

ASK: Final = """
INSERT INTO sop_scores (score_id, tenant_id, task_id, trainee_id, wanted_gold_id, wanted_definition, window_start,
                        state, asked_by, asked_at, updated_at)
VALUES (%(score)s, %(tenant)s, %(task)s, %(trainee)s, %(gold)s, %(definition)s, %(window)s,
        'waiting', %(by)s, %(now)s, %(now)s)
ON CONFLICT (trainee_id) WHERE asked_by = 'intake' DO NOTHING
RETURNING *
"""
OF_INTAKE: Final = "SELECT * FROM sop_scores WHERE trainee_id = %s AND asked_by = 'intake'"
FIND: Final = "SELECT * FROM sop_scores WHERE tenant_id = %s AND score_id = %s"
OF_WINDOWS: Final = """
SELECT * FROM sop_scores WHERE window_start BETWEEN %(first)s AND %(last)s ORDER BY window_start, score_id
"""
WITHOUT_REPORT: Final = """
SELECT * FROM sop_scores
WHERE window_start BETWEEN %(first)s AND %(last)s AND state = 'finished' AND report_key IS NULL
ORDER BY window_start, score_id
"""
STARTED: Final = """
UPDATE sop_scores SET state = 'started', run_id = %(run)s, reason_code = NULL, reason = NULL, updated_at = %(now)s
WHERE tenant_id = %(tenant)s AND score_id = %(score)s
      AND (state = 'queued' OR (state = 'started' AND run_id IS DISTINCT FROM %(run)s))
RETURNING *
"""
HELD: Final = """
SELECT * FROM sop_scores WHERE tenant_id = %s AND score_id = %s AND state = 'started' AND run_id = %s
"""
FINISHED: Final = """
UPDATE sop_scores
SET state = 'finished', reason_code = NULL, reason = NULL, updated_at = %(now)s, finished_at = %(now)s,
    gold_id = %(gold)s, maker = %(maker)s, adapter = %(adapter)s, definition_version = %(definition)s,
    code_version = %(code)s, verdict = %(verdict)s, points = %(points)s, deviations = %(deviations)s,
    result_key = %(result)s, report_key = NULL
WHERE tenant_id = %(tenant)s AND score_id = %(score)s AND state = 'started' AND run_id = %(run)s
RETURNING *
"""
FAILED: Final = """
UPDATE sop_scores SET state = 'failed', reason_code = %(code)s, reason = %(reason)s, updated_at = %(now)s
WHERE tenant_id = %(tenant)s AND score_id = %(score)s AND state = 'started' AND run_id = %(run)s
RETURNING *
"""
REPORTED: Final = """
UPDATE sop_scores SET report_key = %(report)s, updated_at = %(now)s
WHERE tenant_id = %(tenant)s AND score_id = %(score)s AND result_key = %(result)s
RETURNING *
"""
CANCEL: Final = """
UPDATE sop_scores SET state = 'canceled', reason_code = NULL, reason = NULL, updated_at = %(now)s
WHERE tenant_id = %(tenant)s AND score_id = %(score)s AND state IN ('waiting', 'queued', 'started')
RETURNING *
"""
RETRY: Final = """
UPDATE sop_scores SET state = 'waiting', reason_code = NULL, reason = NULL, run_id = NULL, updated_at = %(now)s
WHERE tenant_id = %(tenant)s AND score_id = %(score)s AND state IN ('failed', 'canceled')
RETURNING *
"""
REVIEW: Final = """
UPDATE sop_scores
SET reviewed_verdict = %(verdict)s, reviewed_by = %(by)s, reviewed_at = %(now)s, review_note = %(note)s,
    updated_at = %(now)s
WHERE tenant_id = %(tenant)s AND score_id = %(score)s AND state = 'finished'
RETURNING *
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScore:
    """What is asked for: who is to be scored, and beside what if not beside the task's own gold and definition."""

    tenant_id: str
    task_id: str
    trainee_id: UUID
    asked_by: str
    wanted_gold_id: UUID | None = None
    wanted_definition: int | None = None
    score_id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeWith:
    """What a result stands on; where one of these is another now, the result is stale."""

    gold_id: UUID
    maker: str
    adapter: str
    definition_version: int | None
    code_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came out of a score, as its row tells it; the rest is in the result's own file."""

    verdict: str
    points: float | None
    deviations: Sequence[Mapping[str, Any]]
    result_key: str


@dataclass(frozen=True, slots=True)
class Scores:
    """One look at the scores, or one change of them."""

    connection: psycopg.Connection

    def ask_for_intake(self, video: Video, now: datetime) -> Score:
        """Ask for the score of a trainee's video that was dropped, in the video's own hour; once, however often."""
        new = NewScore(tenant_id=video.tenant_id, task_id=video.task_id, trainee_id=video.video_id, asked_by=INTAKE)
        entered = self._one(ASK, _asked(new, video.window_start, now))
        known = entered or self._one(OF_INTAKE, (video.video_id,))
        if known is None:
            raise RuntimeError(f"score of video {video.video_id}: neither entered nor there")
        return known

    def ask(self, new: NewScore, now: datetime) -> Score:
        """Ask for a score, which then waits until both videos are embedded."""
        entered = self._one(ASK, _asked(new, hour_of(now), now))
        if entered is None:
            raise RuntimeError(f"score of video {new.trainee_id}: there is one that was asked for by {new.asked_by}")
        return entered

    def find(self, tenant_id: str, score_id: UUID) -> Score | None:
        """Look a score up."""
        return self._one(FIND, (tenant_id, score_id))

    def of_windows(self, hours: Hours) -> list[Score]:
        """List the scores of windows."""
        return self._all(OF_WINDOWS, {"first": hours.first, "last": hours.last})

    def without_report(self, hours: Hours) -> list[Score]:
        """List the finished scores of windows that have no report yet."""
        return self._all(WITHOUT_REPORT, {"first": hours.first, "last": hours.last})

    def started(self, tenant_id: str, score_id: UUID, run_id: str, now: datetime) -> Score | None:
        """Take a queued score, or one whose run the ledger gave up for dead; None if there is nothing to take."""
        return self._one(STARTED, {"tenant": tenant_id, "score": score_id, "run": run_id, "now": now})

    def is_held(self, score: Score) -> bool:
        """Tell whether a started score still is its run's: it is not once somebody canceled it."""
        return self._one(HELD, (score.tenant_id, score.score_id, score.run_id)) is not None

    def finished(self, score: Score, made: MadeWith, came: Came, now: datetime) -> bool:
        """Record what came out of a started score; what a person said of it stays. Tell whether it was still held."""
        values = {
            **_held(score, now),
            "gold": made.gold_id,
            "maker": made.maker,
            "adapter": made.adapter,
            "definition": made.definition_version,
            "code": made.code_version,
            "verdict": came.verdict,
            "points": came.points,
            "deviations": Jsonb([dict(one) for one in came.deviations]),
            "result": came.result_key,
        }
        return self._one(FINISHED, values) is not None

    def failed(self, score: Score, code: str, reason: str, now: datetime) -> bool:
        """Record that a started score cannot be made; an earlier result stays. Tell whether it was still held."""
        return self._one(FAILED, {**_held(score, now), "code": code, "reason": reason}) is not None

    def reported(self, score: Score, report_key: str, now: datetime) -> bool:
        """Record the report of a result; tell whether it still is the score's, which may be queued anew already."""
        return self._one(REPORTED, {**_held(score, now), "report": report_key, "result": score.result_key}) is not None

    def cancel(self, tenant_id: str, score_id: UUID, now: datetime) -> Score | None:
        """Cancel what is not done yet; a run that works on it sees that between two stages. None if it is done."""
        return self._one(CANCEL, {"tenant": tenant_id, "score": score_id, "now": now})

    def retry(self, tenant_id: str, score_id: UUID, now: datetime) -> Score | None:
        """Let a failed or canceled score wait again; None if it is in another state."""
        return self._one(RETRY, {"tenant": tenant_id, "score": score_id, "now": now})

    def review(
        self, tenant_id: str, score_id: UUID, verdict: Literal["pass", "fail"], by: str, note: str | None, now: datetime
    ) -> Score | None:
        """Keep what a person says of a finished score; None if it is not finished."""
        values = {"tenant": tenant_id, "score": score_id, "verdict": verdict, "by": by, "note": note, "now": now}
        return self._one(REVIEW, values)

    def _all(self, statement: LiteralString, values: Any) -> list[Score]:
        with self.connection.cursor(row_factory=row_of(Score)) as cursor:
            return cursor.execute(statement, values).fetchall()

    def _one(self, statement: LiteralString, values: Any) -> Score | None:
        with self.connection.cursor(row_factory=row_of(Score)) as cursor:
            return cursor.execute(statement, values).fetchone()


def _asked(new: NewScore, window: datetime, now: datetime) -> dict[str, object]:
    return {
        "score": new.score_id,
        "tenant": new.tenant_id,
        "task": new.task_id,
        "trainee": new.trainee_id,
        "gold": new.wanted_gold_id,
        "definition": new.wanted_definition,
        "window": window,
        "by": new.asked_by,
        "now": now,
    }


def _held(score: Score, now: datetime) -> dict[str, object]:
    return {"tenant": score.tenant_id, "score": score.score_id, "run": score.run_id, "now": now}
