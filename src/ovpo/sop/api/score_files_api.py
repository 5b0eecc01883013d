# SPDX-License-Identifier: Apache-2.0
"""The routes of a score's files: its report, and the pictures and tables that are its evidence."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.json_answer import JSON
from ovpo.foundation.objects.content import type_of
from ovpo.foundation.objects.serving import Wish
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import files, scores_reading
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.fields import Id, IfNoneMatch, IfRange, Range
from ovpo.sop.api.refusals import missing
from ovpo.sop.api.scores_api import PATH
from ovpo.sop.records.rows import Score

NAMES: Final = r"^((timeline|matrix|evidence)\.json|(timeline|matrix|evidence-[0-9]{2,4})\.png)$"
_NAME: Final = re.compile(NAMES.strip("^$"))
Name = Annotated[str, Path(pattern=NAMES, description="As the list of evidence names it", examples=["evidence-01.png"])]


class EvidenceFile(BaseModel):
    """A file that explains a score."""

    name: str = Field(examples=["evidence-01.png"])
    media_type: str = Field(examples=["image/png"])
    bytes: int = Field(examples=[120_934])


class Evidence(BaseModel):
    """All files that explain a score, by name; `evidence.json` tells what each pair of pictures shows."""

    score_id: Id
    files: list[EvidenceFile]


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["scores"])
    Reader = Annotated[Principal, Depends(require(Permission.SCORE_READ, desk.identify))]  # noqa: N806

    @routes.get(
        "/{score_id}/report.pdf", response_class=StreamingResponse, responses=files.answers_of("application/pdf")
    )
    def get_score_report(
        request: Request,
        score_id: Id,
        caller: Reader,
        wanted: Range = None,
        if_range: IfRange = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Give the report of a score."""
        with desk.of(caller) as connection:
            score = scores_reading.one(connection, score_id)
            if score.report_key is None:
                raise ApiError(
                    Code.NOT_FOUND, f"the score is {score.state} and has no report yet; ask again once it has one"
                )
            note(connection, request, caller, Note(EventType.SCORE_ACCESS, "score", score_id), kind="report")
        wish = Wish(wanted, if_range, if_none_match)
        return files.given(desk.objects, score.report_key, wish, "the report of this score")

    @routes.get("/{score_id}/evidence")
    def list_evidence(request: Request, score_id: Id, caller: Reader) -> Evidence:
        """List the pictures and tables that explain a score."""
        with desk.of(caller) as connection:
            score = scores_reading.one(connection, score_id)
            note(connection, request, caller, Note(EventType.SCORE_ACCESS, "score", score_id), kind="evidence")
        return Evidence(score_id=score_id, files=_files(desk, score))

    @routes.get(
        "/{score_id}/evidence/{name}",
        response_class=StreamingResponse,
        responses=files.answers_of("image/png", JSON),
    )
    def get_evidence(
        request: Request,
        score_id: Id,
        name: Name,
        caller: Reader,
        wanted: Range = None,
        if_range: IfRange = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Give one picture or table that explains a score."""
        with desk.of(caller) as connection:
            score = scores_reading.one(connection, score_id)
            if score.result_key is None or not _NAME.fullmatch(name):
                raise missing("evidence", name, "name")
            said = Note(EventType.SCORE_ACCESS, "score", score_id)
            note(connection, request, caller, said, kind="evidence", name=name)
        key = f"{_folder(score.result_key)}{name}"
        return files.given(desk.objects, key, Wish(wanted, if_range, if_none_match), f"the evidence {name}")

    return routes


def _files(desk: Desk, score: Score) -> list[EvidenceFile]:
    if score.result_key is None:
        return []
    found = [
        EvidenceFile(name=name, media_type=type_of(name), bytes=info.size)
        for info in desk.objects.list(_folder(score.result_key))
        if _NAME.fullmatch(name := info.key.rpartition("/")[2])
    ]
    return sorted(found, key=lambda file: file.name)


def _folder(result_key: str) -> str:
    return f"{result_key.rpartition('/')[0]}/"
