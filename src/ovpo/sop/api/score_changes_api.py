# SPDX-License-Identifier: Apache-2.0
"""The routes by which a score is changed: cancel, retry, and what a person says of it."""

from typing import Annotated, Any, Final, Literal

import psycopg
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import scores_reading
from ovpo.sop.api.desk import Desk, Note, asked_by, note
from ovpo.sop.api.fields import Id, NoteText
from ovpo.sop.api.refusals import Answers, in_the_way
from ovpo.sop.api.scores_api import PATH
from ovpo.sop.api.scores_reading import ShownScore, shown
from ovpo.sop.procedures.queueing import queue_ready
from ovpo.sop.records.scores import Scores

_STATE: Final[Answers] = {409: {"description": "The score is in a state that does not allow this"}}


class ReviewWanted(BaseModel):
    """What a person says of a score."""

    model_config = ConfigDict(extra="forbid")
    verdict: Literal["pass", "fail"] = Field(description="What it should have come to")
    note: NoteText = Field("", description="Why", examples=["The lid was closed off camera; I saw it."])


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["scores"])
    Asker = Annotated[Principal, Depends(require(Permission.SCORE_RUN, desk.identify))]  # noqa: N806
    Reviewer = Annotated[Principal, Depends(require(Permission.SCORE_REVIEW, desk.identify))]  # noqa: N806

    @routes.post("/{score_id}/cancel", responses=_STATE)
    def cancel_score(request: Request, score_id: Id, caller: Asker) -> ShownScore:
        """Cancel a score that is not done yet; a run that works on it stops before it writes anything."""
        with desk.of(caller) as connection:
            score = scores_reading.one(connection, score_id)
            canceled = Scores(connection).cancel(caller.tenant_id, score.score_id, desk.now())
            if canceled is None:
                raise _not_in("cancel", connection, score_id)
            note(connection, request, caller, Note(EventType.SCORE_CANCELED, "score", score_id))
        return shown(canceled)

    @routes.post("/{score_id}/retry", status_code=202, responses=_STATE)
    def retry_score(request: Request, score_id: Id, caller: Asker) -> ShownScore:
        """Ask again for a score that failed or was canceled."""
        now = desk.now()
        with desk.of(caller) as connection:
            score = scores_reading.one(connection, score_id)
            if Scores(connection).retry(caller.tenant_id, score.score_id, now) is None:
                raise _not_in("retry", connection, score_id)
            queue_ready(connection, now)
            again = scores_reading.one(connection, score_id)
            note(connection, request, caller, Note(EventType.SCORE_RETRIED, "score", score_id))
        return shown(again)

    @routes.put("/{score_id}/review", responses=_STATE)
    def review_score(request: Request, score_id: Id, wanted: ReviewWanted, caller: Reviewer) -> ShownScore:
        """Say what a finished score should have come to; a later word takes the place of an earlier one."""
        with desk.of(caller) as connection:
            score = scores_reading.one(connection, score_id)
            reviewed = Scores(connection).review(
                caller.tenant_id, score.score_id, wanted.verdict, asked_by(caller), wanted.note, desk.now()
            )
            if reviewed is None:
                raise _not_in("review", connection, score_id)
            said = Note(EventType.SCORE_REVIEWED, "score", score_id)
            note(connection, request, caller, said, verdict=wanted.verdict, before=score.reviewed_verdict)
        return shown(reviewed)

    return routes


def _not_in(verb: str, connection: psycopg.Connection, score_id: str) -> Any:
    state = scores_reading.one(connection, score_id).state
    takes = {"cancel": "waiting, queued or started", "retry": "failed or canceled", "review": "finished"}[verb]
    return in_the_way(f"the score is {state}; {verb} takes one that is {takes}", field="score_id", state=state.value)
