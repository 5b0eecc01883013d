# SPDX-License-Identifier: Apache-2.0
"""A received upload put into the store and on record: the object first, then all that speaks of it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import psycopg
from fastapi import Request

from ovpo.foundation.auth import Principal
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import videos_reading
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.receiving import Received
from ovpo.sop.intake.entering import enter_upload
from ovpo.sop.intake.storing import SUFFIXES, clear
from ovpo.sop.records.keys import of_video
from ovpo.sop.records.rows import Video
from ovpo.sop.records.videos import Duplicate, NewVideo, Videos


@dataclass(frozen=True, slots=True)
class Stored:
    """The video that has the uploaded bytes, and whether it was new."""

    video: Video
    is_new: bool


def store(desk: Desk, request: Request, caller: Principal, upload: Received) -> Stored:
    """Store an upload, unless the tenant has a video of the same bytes."""
    with desk.of(caller) as connection:
        known = videos_reading.known(connection, upload.file.sha256)
        if known is not None:
            _note(connection, request, caller, known, is_new=False)
            return Stored(known, is_new=False)
    video_id = uuid4()
    try:
        key = f"{of_video(caller.tenant_id, video_id)}/source.{SUFFIXES[upload.file.container]}"
        desk.copies.put(key, upload.file.path)
        stored = _entered(desk, request, caller, _new(caller, upload, (video_id, key), desk.now()))
    except Exception:
        _take_back(desk, caller, video_id)
        raise
    if not stored.is_new:
        clear(desk.objects, caller.tenant_id, video_id)
    return stored


def _new(caller: Principal, upload: Received, named: tuple[UUID, str], now: datetime) -> NewVideo:
    video_id, key = named
    said = upload.described
    return NewVideo(
        video_id=video_id,
        tenant_id=caller.tenant_id,
        sha256=upload.file.sha256,
        task_id=said.task_id,
        role=said.role,
        name=said.name,
        bytes=upload.file.bytes,
        source_key=key,
        window_start=now,
        site_id=said.site_id,
        camera_id=said.camera_id,
        operator_id_hash=said.operator_id_hash,
    )


def _entered(desk: Desk, request: Request, caller: Principal, new: NewVideo) -> Stored:
    with desk.of(caller) as connection:
        entered = enter_upload(connection, new, desk.now())
        stored = (
            Stored(entered.original, is_new=False) if isinstance(entered, Duplicate) else Stored(entered, is_new=True)
        )
        _note(connection, request, caller, stored.video, is_new=stored.is_new)
    return stored


def _note(connection: psycopg.Connection, request: Request, caller: Principal, video: Video, *, is_new: bool) -> None:
    said = Note(EventType.VIDEO_UPLOADED, "video", str(video.video_id))
    note(connection, request, caller, said, task_id=video.task_id, role=video.role.value, is_new=is_new)


def _take_back(desk: Desk, caller: Principal, video_id: UUID) -> None:
    """Remove the object of a row that is not there; where nobody can tell, it stays."""
    with suppress(StoreUnavailableError):
        with desk.of(caller) as connection:
            is_there = Videos(connection).find(caller.tenant_id, video_id) is not None
        if not is_there:
            clear(desk.objects, caller.tenant_id, video_id)
