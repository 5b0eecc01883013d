# SPDX-License-Identifier: Apache-2.0
"""An object as an HTTP answer: whole, in part, or only what is known of it, as it is at one moment."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import Final, Protocol

from fastapi import HTTPException, Response
from fastapi.responses import StreamingResponse

from ovpo.foundation.objects.content import disposition_of, type_of
from ovpo.foundation.objects.errors import ObjectChangedError, ObjectStoreUnavailableError
from ovpo.foundation.objects.ranges import Part, Unsatisfiable, asked, is_current, is_known
from ovpo.foundation.objects.store import ObjectInfo

_TRIES: Final = 3


class Readable(Protocol):
    """Where the objects come from."""

    def head(self, key: str) -> ObjectInfo:
        """Tell size, age and tag of an object."""
        ...

    def read(self, key: str, part: slice | None = None, etag: str | None = None) -> Iterator[bytes]:
        """Open an object, or a part of it, and give it piece by piece."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What the headers of a request ask for."""

    part: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None


def give(objects: Readable, key: str, wish: Wish) -> Response:
    """Answer with the object as it is at one moment, though it may be replaced between the looks at it."""
    for _ in range(_TRIES):
        with suppress(ObjectChangedError):
            return _answer(objects, objects.head(key), wish)
    raise ObjectStoreUnavailableError(f"object {key}: was replaced {_TRIES} times while it was read")


def describe(objects: Readable, key: str) -> Response:
    """Answer with what is known of the object, as a request for its head is answered."""
    known = objects.head(key)
    return Response(headers={**_headers(known), "Content-Length": str(known.size)}, media_type=type_of(key))


def _answer(objects: Readable, known: ObjectInfo, wish: Wish) -> Response:
    headers = _headers(known)
    if is_known(wish.if_none_match, known.etag):
        return Response(status_code=304, headers=headers)
    part = asked(wish.part, known.size) if is_current(wish.if_range, known.etag) else None
    match part:
        case Unsatisfiable():
            said = f"Range: the object has {known.size} bytes; ask for some of these"
            raise HTTPException(416, said, {"Content-Range": f"bytes */{known.size}"})
        case Part(start, stop):
            headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{known.size}", "Content-Length": str(stop - start)}
            pieces = objects.read(known.key, slice(start, stop), known.etag)
            return StreamingResponse(pieces, 206, headers, type_of(known.key))
        case None:
            headers["Content-Length"] = str(known.size)
            return StreamingResponse(objects.read(known.key, None, known.etag), 200, headers, type_of(known.key))


def _headers(known: ObjectInfo) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private",
        "Content-Disposition": disposition_of(known.key),
        "Last-Modified": format_datetime(known.modified.astimezone(UTC), usegmt=True),
        "X-Content-Type-Options": "nosniff",
        **({"ETag": known.etag} if known.etag else {}),
    }
