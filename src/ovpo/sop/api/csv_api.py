# SPDX-License-Identifier: Apache-2.0
"""The route of the scores as one CSV file, read and sent page by page: its size has no bound, its memory has."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import csv_export, scores_reading
from ovpo.sop.api.cursors import Place
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.refusals import Answers
from ovpo.sop.api.scores_reading import ScoreQuestion
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import Video

ROWS_AT_ONCE: Final = 1000
VIDEOS: Final = "SELECT * FROM sop_videos WHERE video_id = ANY(%s)"
_TABLE: Final[Answers] = {
    200: {"description": "The table", "content": {"text/csv": {"schema": {"type": "string"}}}},
}


def router(desk: Desk) -> APIRouter:
    """Make the route."""
    routes = APIRouter(prefix="/v1/sop", tags=["scores"])
    Reader = Annotated[Principal, Depends(require(Permission.SCORE_READ, desk.identify))]  # noqa: N806

    @routes.get("/scores.csv", response_class=StreamingResponse, responses=_TABLE)
    def export_scores(request: Request, question: Annotated[ScoreQuestion, Query()], caller: Reader) -> Response:
        """Give every score that the filters let through as a CSV file, the newest first."""
        with desk.of(caller) as connection:
            said = Note(EventType.SCORE_QUERY, "scores", "csv")
            note(connection, request, caller, said, filters=sorted(question.model_fields_set))
        headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="scores.csv"'}
        return StreamingResponse(_pieces(desk, caller, question), 200, headers, "text/csv; charset=utf-8")

    return routes


def _pieces(desk: Desk, caller: Principal, question: ScoreQuestion) -> Iterator[bytes]:
    yield csv_export.head()
    place: Place | None = None
    while True:
        with desk.of(caller) as connection:
            found, place = scores_reading.rows(connection, question, place, ROWS_AT_ONCE)
            videos = _videos(connection, [score.trainee_id for score in found])
        yield csv_export.lines((score, videos[score.trainee_id]) for score in found)
        if place is None:
            return


def _videos(connection: psycopg.Connection, video_ids: Sequence[UUID]) -> dict[UUID, Video]:
    with connection.cursor(row_factory=row_of(Video)) as cursor:
        return {video.video_id: video for video in cursor.execute(VIDEOS, (list(set(video_ids)),)).fetchall()}
