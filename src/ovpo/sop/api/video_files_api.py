# SPDX-License-Identifier: Apache-2.0
"""The routes of a video's files: the video in whole or in part, and its thumbnail. Each look is on the audit chain."""

from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.objects.serving import Wish
from ovpo.foundation.permissions import Permission, allows
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import files, videos_reading
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.fields import Id, IfNoneMatch, IfRange, Range
from ovpo.sop.api.refusals import Answers, in_the_way
from ovpo.sop.api.videos_api import PATH
from ovpo.sop.records.rows import Video, VideoState

_WHAT: Final = "the file of this video"
_NOT_YET: Final[Answers] = {409: {"description": "It was not looked at yet, or cannot be used: nothing may be shown"}}
Masked = Annotated[bool, Query(description="Ask for the masked one, even if your role may see the original")]


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["videos"])
    Reader = Annotated[Principal, Depends(require(Permission.VIDEO_READ, desk.identify))]  # noqa: N806

    @routes.get("/{video_id}/file", response_class=StreamingResponse, responses={**files.FILE, **_NOT_YET})
    def get_video_file(
        request: Request,
        video_id: Id,
        caller: Reader,
        masked: Masked = False,
        wanted: Range = None,
        if_range: IfRange = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Give a video, or a part of it: the masked one, unless the role may see the original and it was kept."""
        with desk.of(caller) as connection:
            video, key = _file(connection, video_id, caller, masked=masked)
            looked = Note(EventType.VIDEO_ACCESS, "video", video_id)
            note(
                connection,
                request,
                caller,
                looked,
                kind="file",
                masked=key == video.masked_key,
                part=wanted is not None,
            )
        return files.given(desk.objects, key, Wish(wanted, if_range, if_none_match), _WHAT)

    @routes.head("/{video_id}/file", response_class=Response, responses={**files.HEAD, **_NOT_YET})
    def head_video_file(video_id: Id, caller: Reader, masked: Masked = False) -> Response:
        """Tell a video's size, type and tag."""
        with desk.of(caller) as connection:
            _, key = _file(connection, video_id, caller, masked=masked)
        return files.head(desk.objects, key, _WHAT)

    @routes.get(
        "/{video_id}/thumbnail",
        response_class=StreamingResponse,
        responses=files.answers_of("image/jpeg"),
    )
    def get_video_thumbnail(
        request: Request,
        video_id: Id,
        caller: Reader,
        wanted: Range = None,
        if_range: IfRange = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Give a small picture of a video, masked as the video is."""
        with desk.of(caller) as connection:
            video = videos_reading.one(connection, video_id)
            if video.thumbnail_key is None:
                raise ApiError(Code.NOT_FOUND, "this video has no thumbnail yet; it gets one when it is looked at")
            note(connection, request, caller, Note(EventType.VIDEO_ACCESS, "video", video_id), kind="thumbnail")
        return files.given(
            desk.objects, video.thumbnail_key, Wish(wanted, if_range, if_none_match), "the thumbnail of this video"
        )

    return routes


def _file(connection: psycopg.Connection, video_id: str, caller: Principal, *, masked: bool) -> tuple[Video, str]:
    """Choose what a caller may see of a video; before the masks are applied that is nothing."""
    video = videos_reading.one(connection, video_id)
    if allows(caller.role, Permission.VIDEO_ORIGINAL) and not masked and video.source_key is not None:
        return video, video.source_key
    if video.state is not VideoState.PROBED or video.shown_key is None:
        raise in_the_way(
            f"this video is {video.state}: it is shown once it was looked at and masked; see its state and reason",
            field="video_id",
            state=video.state.value,
        )
    return video, video.shown_key
