# SPDX-License-Identifier: Apache-2.0
"""The routes of videos: upload, list, one, delete. Their files have routes of their own."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import deleting, videos_reading
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.fields import Id
from ovpo.sop.api.receiving import FIELD, Received, received
from ovpo.sop.api.refusals import Answers, in_the_way
from ovpo.sop.api.said import Said
from ovpo.sop.api.storing import store
from ovpo.sop.api.videos_reading import ShownVideo, VideoPage, VideoQuestion, shown
from ovpo.sop.records.rows import Video

PATH: Final = "/v1/sop/videos"
MEGABYTE: Final = 1_000_000
FORM_BYTES: Final = 65_536
"""What a form may have around its video."""
_TEXT: Final = {"type": "string"}
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": [FIELD],
    "properties": {
        FIELD: {"type": "string", "format": "binary"},
        **dict.fromkeys(("task_id", "role", "name", "site_id", "camera_id", "operator_id"), _TEXT),
    },
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The video itself, or a form whose part `file` it is",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {"schema": _FORM},
        },
    }
}
_UPLOADED: Final[Answers] = {
    200: {"description": "Your tenant has this video already, in this task and role", "model": ShownVideo},
    202: {"description": "It is stored, and will be looked at; Location names it"},
    409: {"description": "Your tenant has this video already, in another task or role; `details` name it"},
    413: {"description": "The video is larger than is taken"},
    415: {"description": "It is no video of a kind that is taken"},
    422: {"description": "It is damaged or not whole; the message says how"},
}


def most_bytes(most_upload_mb: int) -> int:
    """Give the size of the largest video."""
    return most_upload_mb * MEGABYTE


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["videos"])
    may_read = require(Permission.VIDEO_READ, desk.identify)
    may_write = require(Permission.VIDEO_WRITE, desk.identify)
    Reader = Annotated[Principal, Depends(may_read)]  # noqa: N806
    Writer = Annotated[Principal, Depends(may_write)]  # noqa: N806
    Remover = Annotated[Principal, Depends(require(Permission.ADMIN_DELETE, desk.identify))]  # noqa: N806

    async def upload(request: Request, _: Writer, said: Annotated[Said, Query()]) -> AsyncIterator[Received]:
        most = most_bytes(desk.settings.sop.most_upload_mb)
        async with received(request, said, desk.spool, most) as whole:
            yield whole

    @routes.post("", status_code=202, responses=_UPLOADED, openapi_extra=_BODY)
    def upload_video(
        request: Request, response: Response, caller: Writer, whole: Annotated[Received, Depends(upload)]
    ) -> ShownVideo:
        """Hand in a video, as the body or in a form. The same bytes twice are one video."""
        stored = store(desk, request, caller, whole)
        if not stored.is_new:
            _refuse_another_place(stored.video, whole)
            response.status_code = 200
        response.headers["Location"] = f"{PATH}/{stored.video.video_id}"
        return shown(stored.video)

    @routes.get("")
    def list_videos(request: Request, question: Annotated[VideoQuestion, Query()], caller: Reader) -> VideoPage:
        """List videos, the newest first."""
        with desk.of(caller) as connection:
            found = videos_reading.page(connection, caller.tenant_id, question, desk.now())
            filters = sorted(question.model_fields_set - {"limit", "cursor"})
            listed = Note(EventType.VIDEO_QUERY, "videos", "list")
            note(connection, request, caller, listed, filters=filters, shown=len(found.videos))
        return found

    @routes.get("/{video_id}")
    def get_video(request: Request, video_id: Id, caller: Reader) -> ShownVideo:
        """Show one video."""
        with desk.of(caller) as connection:
            found = videos_reading.one(connection, video_id)
            note(connection, request, caller, Note(EventType.VIDEO_QUERY, "video", video_id))
        return shown(found)

    @routes.delete("/{video_id}", status_code=204, responses={409: {"description": "Scores rest on this gold video"}})
    def delete_video(request: Request, video_id: Id, caller: Remover) -> Response:
        """Delete a video with all that was made of it; what its scores came to stays, without pictures."""
        deleting.delete(desk, request, caller, video_id)
        return Response(status_code=204)

    return routes


def _refuse_another_place(known: Video, whole: Received) -> None:
    said = whole.described
    if (known.task_id, known.role) == (said.task_id, said.role):
        return
    raise in_the_way(
        f"your tenant has this video already, as a {known.role} of {known.task_id}; delete that one first",
        field="file",
        video_id=str(known.video_id),
        task_id=known.task_id,
        role=known.role.value,
    )


def body_limit(most_upload_mb: int) -> int:
    """Give what the body of an upload may have: a video of the largest size, and a form around it."""
    return most_bytes(most_upload_mb) + FORM_BYTES
