# SPDX-License-Identifier: Apache-2.0
"""The routes of scores: ask, list, look. What is changed of one, and its files, have routes of their own."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.http.conditional import is_current, unchanged, version_of
from ovpo.foundation.http.json_answer import json_answer
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import asking, scores_reading
from ovpo.sop.api.asking import IdempotencyKey, ScoreWanted
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.fields import Id
from ovpo.sop.api.refusals import UNUSABLE, Answers, readable
from ovpo.sop.api.scores_reading import ScoreDetail, ScoreList, ScorePage, ShownScore, shown
from ovpo.sop.procedures.queueing import queue_ready
from ovpo.sop.records.rows import Score, ScoreState
from ovpo.sop.records.scores import NewScore, Scores

PATH: Final = "/v1/sop/scores"
_ASKED: Final[Answers] = {
    **UNUSABLE,
    200: {"description": "It was asked for before with this Idempotency-Key", "model": ShownScore},
    202: {"description": "It is asked for; Location names it"},
    409: {"description": "The Idempotency-Key was used for another score"},
}
_KNOWN: Final[Answers] = {
    200: {"description": "The score", "model": ScoreDetail},
    304: {"description": "It is as If-None-Match names it"},
}


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["scores"])
    Reader = Annotated[Principal, Depends(require(Permission.SCORE_READ, desk.identify))]  # noqa: N806
    Asker = Annotated[Principal, Depends(require(Permission.SCORE_RUN, desk.identify))]  # noqa: N806

    @routes.post("", status_code=202, responses=_ASKED)
    def request_score(
        request: Request,
        response: Response,
        wanted: ScoreWanted,
        caller: Asker,
        idempotency_key: IdempotencyKey = None,
    ) -> ShownScore:
        """Ask for a score of a trainee's video. It is made once both videos are embedded."""
        now = desk.now()
        with desk.of(caller) as connection:
            found = asking.ask(connection, caller, wanted, asking.wanted_id(caller.tenant_id, idempotency_key))
            if isinstance(found, NewScore):
                score = Scores(connection).ask(found, now)
                queue_ready(connection, now)
                score = scores_reading.one(connection, str(score.score_id))
            else:
                score, response.status_code = found, 200
            said = Note(EventType.SCORE_REQUESTED, "score", str(score.score_id))
            note(connection, request, caller, said, trainee_id=wanted.trainee_id, is_new=isinstance(found, NewScore))
        response.headers["Location"] = f"{PATH}/{score.score_id}"
        return shown(score)

    @routes.get("")
    def list_scores(request: Request, question: Annotated[ScoreList, Query()], caller: Reader) -> ScorePage:
        """List scores, the newest first."""
        with desk.of(caller) as connection:
            found = scores_reading.page(connection, caller.tenant_id, question, desk.now())
            filters = sorted(question.model_fields_set - {"limit", "cursor"})
            listed = Note(EventType.SCORE_QUERY, "scores", "list")
            note(connection, request, caller, listed, filters=filters, shown=len(found.scores))
        return found

    @routes.get("/{score_id}", responses=_KNOWN)
    def get_score(request: Request, score_id: Id, caller: Reader) -> Response:
        """Show one score, with its whole result once it is finished."""
        with desk.of(caller) as connection:
            score = scores_reading.one(connection, score_id)
            position = scores_reading.position(connection, score)
            version = version_of(score_id, score.updated_at, position, modified=None)
            known = is_current(request.headers, version)
            note(connection, request, caller, Note(EventType.SCORE_ACCESS, "score", score_id), kind="result")
        if known:
            return unchanged(version)
        content = {**scores_reading.plain(score), "queue_position": position, "result": _result(desk, score)}
        return json_answer(content, version.headers)

    return routes


def _result(desk: Desk, score: Score) -> msgspec.Raw | None:
    """Give the result as it is stored, or none."""
    if score.state is not ScoreState.FINISHED or score.result_key is None:
        return None
    with readable("the result of this score"):
        return msgspec.Raw(desk.objects.get(score.result_key))
