# SPDX-License-Identifier: Apache-2.0
"""A file of the inbox read once: its kind told by its first bytes, its content hashed while it goes into the store."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import Final
from uuid import UUID

from ovpo.foundation.objects.store import ObjectStore
from ovpo.sop.intake.errors import IntakeError
from ovpo.sop.intake.found import Found
from ovpo.sop.intake.inbox import Inbox
from ovpo.sop.records import keys
from ovpo.sop.video.sniffing import HEAD, Container, container_of

MEGABYTE: Final = 1_000_000
SUFFIXES: Final = {
    Container.MP4: "mp4",
    Container.MATROSKA: "mkv",
    Container.WEBM: "webm",
    Container.AVI: "avi",
    Container.MPEG_TS: "ts",
    Container.MPEG_PS: "mpg",
    Container.OGG: "ogv",
    Container.ASF: "asf",
    Container.FLV: "flv",
}


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written into the store."""

    key: str
    sha256: str
    bytes: int


def source_key(tenant_id: str, video_id: UUID, head: bytes) -> str:
    """Name the object of a video by its first bytes; raise VideoError for what is none that is read."""
    return f"{keys.of_video(tenant_id, video_id)}/source.{SUFFIXES[container_of('the file', head)]}"


def store(inbox: Inbox, found: Found, objects: ObjectStore, tenant_id: str, video_id: UUID, most_mb: int) -> Stored:
    """Copy a file into the store; raise IntakeError or VideoError for what is not to be taken."""
    _check_size(found.size, most_mb)
    pieces = inbox.open(found)
    head = b""
    while len(head) < HEAD and (piece := next(pieces, b"")):
        head += piece
    key = source_key(tenant_id, video_id, head[:HEAD])
    content = _Content(chain((head,), pieces), most_mb)
    objects.put(key, iter(content))
    return Stored(key, content.digest.hexdigest(), content.bytes)


def clear(objects: ObjectStore, tenant_id: str, video_id: UUID) -> None:
    """Remove what was stored for a video that did not go on record."""
    for info in objects.list(f"{keys.of_video(tenant_id, video_id)}/"):
        objects.delete(info.key)


class _Content:
    """Bytes that go by, counted and hashed."""

    def __init__(self, pieces: Iterator[bytes], most_mb: int) -> None:
        self._pieces, self._most_mb = pieces, most_mb
        self.digest = sha256()
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.digest.update(piece)
            self.bytes += len(piece)
            _check_size(self.bytes, self._most_mb)
            yield piece


def _check_size(size: int, most_mb: int) -> None:
    if size > most_mb * MEGABYTE:
        raise IntakeError(
            "too_many_bytes",
            f"the file has {size:,} bytes or more, {most_mb} MB are allowed; make a smaller copy (720 lines are "
            "enough), or raise OVPO_SOP__MOST_UPLOAD_MB",
        )
