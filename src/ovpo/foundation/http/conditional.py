# SPDX-License-Identifier: Apache-2.0
"""Answers that a client may keep: their tag and date, and whether what the client has is still what there is. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

_ANY: Final = "*"
_TAG_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Version:
    """Which state of a thing an answer shows: a weak tag, and when that state came to be where that is known."""

    tag: str
    modified: datetime | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Give what stands on the answer; it is for its caller alone, and is to be asked for again each time."""
        said = {"ETag": self.tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        if self.modified is not None:
            said["Last-Modified"] = format_datetime(self.modified.astimezone(UTC).replace(microsecond=0), usegmt=True)
        return said


def version_of(*parts: object, modified: datetime | None = None) -> Version:
    """Make a version from everything that the answer depends on."""
    digest = blake2b("\x1f".join(map(repr, parts)).encode(errors="backslashreplace"), digest_size=_TAG_BYTES)
    return Version(f'W/"{digest.hexdigest()}"', modified)


def is_current(headers: Headers, version: Version) -> bool:
    """Tell whether the client has this version already; a tag that it names counts more than a date."""
    if (tags := headers.get("if-none-match")) is not None:
        return tags.strip() == _ANY or version.tag.removeprefix("W/") in {
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        }
    since = _date(headers.get("if-modified-since"))
    return since is not None and version.modified is not None and version.modified.replace(microsecond=0) <= since


def unchanged(version: Version) -> Response:
    """Make the answer that says that nothing changed."""
    return Response(status_code=304, headers=version.headers)


def _date(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
