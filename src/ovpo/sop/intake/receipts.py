# SPDX-License-Identifier: Apache-2.0
"""The receipt that lies beside a file that was dealt with: what became of it, and what it and the file are called."""

import os
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from ovpo.sop.errors import SopError
from ovpo.sop.intake.found import RECEIPT, Found
from ovpo.sop.records.rows import Video, VideoRole, VideoState

MOST_NAME_BYTES: Final = 255
_MARK_LETTERS: Final = 8


class Fate(StrEnum):
    """What became of a file."""

    PROBED = "probed"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a file to whoever laid it into the inbox."""

    schema_version: int = 1
    arrival: str
    state: Fate
    video_id: UUID | None = None
    duplicate_of: UUID | None = None
    sha256: str | None = None
    task_id: str | None = None
    role: VideoRole | None = None
    reason_code: str | None = None
    reason: str | None = None
    registered_at: datetime | None = None
    settled_at: datetime


def refusal(found: Found, error: SopError, now: datetime, original: Video | None = None) -> Receipt:
    """Say why a file was not taken, and which video has the same content, where there is one."""
    return Receipt(
        arrival=found.digest,
        state=Fate.REFUSED,
        duplicate_of=original.video_id if original else None,
        sha256=original.sha256 if original else None,
        reason_code=error.code,
        reason=str(error),
        settled_at=now,
    )


def duplicate(found: Found, original: Video, now: datetime) -> Receipt:
    """Say that the content is on record already."""
    return Receipt(
        arrival=found.digest,
        state=Fate.DUPLICATE,
        video_id=original.video_id,
        duplicate_of=original.video_id,
        sha256=original.sha256,
        task_id=original.task_id,
        role=original.role,
        registered_at=original.registered_at,
        settled_at=now,
    )


def of_video(found: Found, video: Video, now: datetime) -> Receipt:
    """Say how far a video came."""
    return Receipt(
        arrival=found.digest,
        state=Fate.PROBED if video.state is VideoState.PROBED else Fate.REFUSED,
        video_id=video.video_id,
        sha256=video.sha256,
        task_id=video.task_id,
        role=video.role,
        reason_code=video.reason_code,
        reason=video.reason,
        registered_at=video.registered_at,
        settled_at=now,
    )


def encoded(receipt: Receipt) -> bytes:
    """Write a receipt for people and programs."""
    return msgspec.json.format(msgspec.json.encode(receipt), indent=2) + b"\n"


def arrival_of(content: bytes) -> str | None:
    """Tell whose receipt this is; None where it is none of ours."""
    try:
        return msgspec.json.decode(content, type=Receipt).arrival
    except msgspec.DecodeError:
        return None


def places(found: Found, most_bytes: int = MOST_NAME_BYTES) -> Iterator[tuple[str, str]]:
    """Give the names that a file and its receipt may get, the file's own first, then one that nobody else has."""
    mark = f"~{found.digest[:_MARK_LETTERS]}"
    stem, dot, suffix = found.name.rpartition(".")
    if not stem:
        stem, dot, suffix = found.name, "", ""
    yield found.name, _fitted(found.name, mark, RECEIPT, most_bytes)
    marked = _cut(stem, most_bytes - len(os.fsencode(f"{mark}{dot}{suffix}{RECEIPT}"))) + f"{mark}{dot}{suffix}"
    if len(os.fsencode(marked)) > most_bytes - len(RECEIPT):
        marked = f"{_cut(found.name, most_bytes - len(mark) - len(RECEIPT))}{mark}"
    yield marked, f"{marked}{RECEIPT}"


def _fitted(name: str, mark: str, end: str, most_bytes: int) -> str:
    if len(os.fsencode(name)) + len(end) <= most_bytes:
        return f"{name}{end}"
    return f"{_cut(name, most_bytes - len(mark) - len(end))}{mark}{end}"


def _cut(text: str, most_bytes: int) -> str:
    return os.fsencode(text)[: max(most_bytes, 0)].decode("utf-8", "ignore")
