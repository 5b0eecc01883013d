# SPDX-License-Identifier: Apache-2.0
"""Videos as their tenant is shown them: a page of the list, one video; no key of the store is among it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from pydantic import BaseModel, Field

from ovpo.sop.api.cursors import Place, cursor_of, place_of
from ovpo.sop.api.fields import Hash, Id, Paged, Task
from ovpo.sop.api.refusals import missing
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import Video, VideoRole, VideoState

PAGE: Final = """
SELECT * FROM sop_videos
WHERE state <> 'deleted'
  AND (%(task_id)s::text IS NULL OR task_id = %(task_id)s)
  AND (%(role)s::text IS NULL OR role = %(role)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(operator_id_hash)s::text IS NULL OR operator_id_hash = %(operator_id_hash)s)
  AND (%(start_date)s::timestamptz IS NULL OR registered_at >= %(start_date)s)
  AND (%(end_date)s::timestamptz IS NULL OR registered_at < %(end_date)s)
  AND (%(moment)s::timestamptz IS NULL OR (registered_at, video_id) < (%(moment)s, %(identifier)s::uuid))
ORDER BY registered_at DESC, video_id DESC LIMIT %(rows)s
"""
ONE: Final = "SELECT * FROM sop_videos WHERE video_id = %s AND state <> 'deleted'"
HELD: Final = "SELECT * FROM sop_videos WHERE video_id = %s AND state <> 'deleted' FOR UPDATE"
SAME: Final = "SELECT * FROM sop_videos WHERE sha256 = %s AND state <> 'deleted'"


class VideoQuestion(Paged):
    """Which videos: every filter that is given must hold; the newest come first."""

    task_id: Task | None = Field(None, description="The procedure")
    role: VideoRole | None = Field(None, description="What it is in its task")
    state: VideoState | None = Field(None, description="How far it came; what was deleted is not shown")
    operator_id_hash: Hash | None = Field(None, description="SHA-256 of the operator's id")


class ShownVideo(BaseModel):
    """A video on record."""

    video_id: Id
    task_id: str = Field(examples=["make-coffee"])
    role: VideoRole
    site_id: str = Field(examples=["plant-3"])
    camera_id: str = Field(examples=["bench-2"])
    operator_id_hash: str = Field(description="SHA-256 of the operator's id; empty for nobody", examples=["ab" * 32])
    name: str = Field(examples=["monday.mp4"])
    bytes: int = Field(examples=[48_211_004])
    sha256: str = Field(description="Of the file as it came", examples=["cd" * 32])
    state: VideoState
    reason_code: str | None = Field(description="Why it cannot be used, for programs", examples=["truncated"])
    reason: str | None = Field(description="Why it cannot be used, for people", examples=["file breaks off"])
    probe: dict[str, Any] | None = Field(
        description="What is known of its pictures and times, once it was looked at", examples=[{"seconds": 61.2}]
    )
    is_masked: bool = Field(description="Whether masks were applied to what is shown and embedded")
    registered_at: datetime
    updated_at: datetime


class VideoPage(BaseModel):
    """Some videos, the newest first."""

    videos: list[ShownVideo]
    has_more: bool
    next_cursor: str | None = Field(description="Where the next page begins", examples=["eyJsYXN0X3RpbWVzdGFtcCI6…"])


def shown(video: Video) -> ShownVideo:
    """Show a video."""
    return ShownVideo(
        video_id=str(video.video_id),
        task_id=video.task_id,
        role=video.role,
        site_id=video.site_id,
        camera_id=video.camera_id,
        operator_id_hash=video.operator_id_hash,
        name=video.name,
        bytes=video.bytes,
        sha256=video.sha256,
        state=video.state,
        reason_code=video.reason_code,
        reason=video.reason,
        probe=None if video.probe is None else dict(video.probe),
        is_masked=video.masked_key is not None,
        registered_at=video.registered_at,
        updated_at=video.updated_at,
    )


def page(connection: psycopg.Connection, tenant_id: str, question: VideoQuestion, now: datetime) -> VideoPage:
    """Read a page."""
    whose = ("videos", tenant_id, question.filters)
    place = place_of(question.cursor, whose, now)
    given: Mapping[str, object] = {
        **question.filters,
        "moment": place.moment if place else None,
        "identifier": place.identifier if place else None,
        "rows": question.limit + 1,
    }
    with connection.cursor(row_factory=row_of(Video)) as cursor:
        found = cursor.execute(PAGE, given).fetchall()
    rows, rest = found[: question.limit], found[question.limit :]
    return VideoPage(
        videos=[shown(row) for row in rows],
        has_more=bool(rest),
        next_cursor=cursor_of(Place(rows[-1].registered_at, str(rows[-1].video_id)), whose, now) if rest else None,
    )


def one(connection: psycopg.Connection, video_id: str, field: str = "video_id") -> Video:
    """Read a video of the tenant, or say that there is none."""
    with connection.cursor(row_factory=row_of(Video)) as cursor:
        found = cursor.execute(ONE, (UUID(video_id),)).fetchone()
    if found is None:
        raise missing("video", video_id, field)
    return found


def held(connection: psycopg.Connection, video_id: str) -> Video:
    """Read a video and keep others from changing it until the transaction ends."""
    with connection.cursor(row_factory=row_of(Video)) as cursor:
        found = cursor.execute(HELD, (UUID(video_id),)).fetchone()
    if found is None:
        raise missing("video", video_id, "video_id")
    return found


def known(connection: psycopg.Connection, sha256: str) -> Video | None:
    """Find the video that has these bytes."""
    with connection.cursor(row_factory=row_of(Video)) as cursor:
        return cursor.execute(SAME, (sha256,)).fetchone()
