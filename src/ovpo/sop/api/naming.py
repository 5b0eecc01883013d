# SPDX-License-Identifier: Apache-2.0
"""Videos that a request names in its body: whether they may be used for what they are named for."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psycopg

from ovpo.sop.api.refusals import unusable
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import Video, VideoState

KEPT: Final = "SELECT * FROM sop_videos WHERE video_id = %s FOR KEY SHARE"


@dataclass(frozen=True, slots=True)
class Role:
    """What a video is named for: the field that names it, and what it must be."""

    field: str
    role: str
    task_id: str | None = None
    must_be_probed: bool = False


def usable_video(connection: psycopg.Connection, video_id: str, wanted: Role) -> Video:
    """Give a video that may be used so, and keep it from being deleted meanwhile; else say why it may not."""
    with connection.cursor(row_factory=row_of(Video)) as cursor:
        video = cursor.execute(KEPT, (UUID(video_id),)).fetchone()
    field = wanted.field
    if video is None or video.state is VideoState.DELETED:
        raise unusable(field, f"your tenant has no video {video_id}; GET /v1/sop/videos lists those that it has")
    if video.role != wanted.role:
        raise unusable(field, f"video {video_id} is a {video.role}'s; name a {wanted.role} video")
    if wanted.task_id is not None and video.task_id != wanted.task_id:
        raise unusable(field, f"video {video_id} is of the task {video.task_id}; name one of {wanted.task_id}")
    if video.state is VideoState.QUARANTINED:
        raise unusable(field, f"video {video_id} cannot be used: {video.reason}", reason_code=video.reason_code)
    if wanted.must_be_probed and video.state is not VideoState.PROBED:
        raise unusable(field, f"video {video_id} was not looked at yet; ask again once its state is probed")
    return video
