# SPDX-License-Identifier: Apache-2.0
"""The masks of a video's camera applied to it in the object store, before anybody looks at it or embeds it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.sop.masking.masks import load
from ovpo.sop.records import keys
from ovpo.sop.records.rows import Video
from ovpo.sop.working import Workplace

NAME: Final = "masked.mp4"


@dataclass(frozen=True, slots=True)
class Masked:
    """Where the masked video lies, and where the one that came lies still: nowhere, if only the masked one stays."""

    key: str
    source_key: str | None


def masked(place: Workplace, video: Video) -> Masked | None:
    """Write the masked video and remove the one that came, unless originals are kept; None where nothing is covered.

    It may be repeated, also where it broke off in between. Raises MaskingError where the masks cannot be read or
    applied: the video is then to be refused, never to be used without them.
    """
    if video.source_key is None:
        return None if video.masked_key is None else Masked(video.masked_key, None)
    file = place.settings.sop.masks
    covered = () if file is None else load(file).of(video.site_id, video.camera_id)
    if not covered:
        return None
    key = f"{keys.of_video(video.tenant_id, video.video_id)}/{NAME}"
    try:
        source = place.copies.file(video.source_key)
    except ObjectNotFoundError:
        # An earlier attempt removed it and ended before that was on record.
        if not place.objects.exists(key):
            raise
        return Masked(key, None)
    from ovpo.sop.masking.writing import write_masked

    with place.copies.draft(".mp4") as draft:
        write_masked(source, draft, covered)
        place.copies.put(key, draft)
    if place.settings.sop.keep_originals:
        return Masked(key, video.source_key)
    _remove(place, video.source_key, source)
    return Masked(key, None)


def _remove(place: Workplace, key: str, copy: Path) -> None:
    """Remove an object, and the copy of it that was read from."""
    place.objects.delete(key)
    copy.unlink(missing_ok=True)
