# SPDX-License-Identifier: Apache-2.0
"""Objects to whoever holds a signed link, for as long as it is valid: whole, in part, or only what is known of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Header, HTTPException, Path, Query, Response
from fastapi.responses import StreamingResponse

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.objects.content import disposition_of, type_of
from ovpo.foundation.objects.errors import (
    ObjectAccessDeniedError,
    ObjectChangedError,
    ObjectNotFoundError,
    ObjectStoreUnavailableError,
)
from ovpo.foundation.objects.ranges import Part, Unsatisfiable, asked, is_current, is_known
from ovpo.foundation.objects.signing import PATH
from ovpo.foundation.objects.store import Method, ObjectInfo

Expires = Annotated[int, Query(ge=0, le=2**53, description="Until when the link is valid, in seconds since 1970")]
Key = Annotated[str, Path(description="The object, as the link names it", examples=["tenants/acme/clip.mp4"])]
Signature = Annotated[str, Query(max_length=128, description="Proves that the link is ours")]
_LONGEST: Final = 4096
_TRIES: Final = 3
_BINARY: Final = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The object", **_BINARY},
    206: {"description": "The part of it that the header Range asks for", **_BINARY},
    304: {"description": "It is the one that If-None-Match names"},
    416: {"description": "It has no such bytes; Content-Range tells its size"},
}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    403: {"description": "The link is not one of ours or has expired, or this server may not read the object"}
}


class Served(Protocol):
    """Where the objects come from."""

    def verify(self, key: str, expires: int, signature: str, now: datetime, method: Method = "GET") -> bool:
        """Tell whether a link is one of ours and still good."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Tell size, age and tag of an object."""
        ...

    def read(self, key: str, part: slice | None = None, etag: str | None = None) -> Iterator[bytes]:
        """Open an object, or a part of it, and give it piece by piece."""
        ...


def router(objects: Served, now: Callable[[], datetime] = lambda: datetime.now(UTC), path: str = PATH) -> APIRouter:
    """Make the routes; a link that may be used to get an object may be used to look at its head too."""
    routes = APIRouter(prefix=path.rstrip("/"), tags=["objects"], responses=_REFUSED)
    noun = path.strip("/").rsplit("/", 1)[-1].removesuffix("s")

    @routes.get("/{key:path}", name=f"get_{noun}", response_class=StreamingResponse, responses=_ANSWERS)
    def get_object(
        key: Key,
        expires: Expires,
        signature: Signature,
        wanted: Annotated[
            str | None, Header(alias="Range", max_length=_LONGEST, description="Which bytes, where not all are wanted")
        ] = None,
        if_range: Annotated[
            str | None, Header(max_length=_LONGEST, description="ETag of the object that the bytes are wanted of")
        ] = None,
        if_none_match: Annotated[
            str | None, Header(max_length=_LONGEST, description="ETag of the object that the client has already")
        ] = None,
    ) -> Response:
        """Give an object to the holder of a signed link; no API key is needed."""
        with _translated(key):
            _check(objects, key, expires, signature, now())
            return _give(objects, key, _Wish(wanted, if_range, if_none_match))

    @routes.head(
        "/{key:path}",
        name=f"head_{noun}",
        response_class=Response,
        responses={200: {"description": "What is known of the object"}},
    )
    def head_object(key: Key, expires: Expires, signature: Signature) -> Response:
        """Tell the holder of a signed link an object's size, type and tag."""
        with _translated(key):
            _check(objects, key, expires, signature, now())
            known = objects.head(key)
        return Response(headers={**_headers(known), "Content-Length": str(known.size)}, media_type=type_of(key))

    return routes


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the headers of a request ask for."""

    part: str | None
    if_range: str | None
    if_none_match: str | None


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ObjectNotFoundError as error:
        raise ApiError(Code.NOT_FOUND, f"there is no object {key}") from error
    except ObjectAccessDeniedError as error:
        raise ApiError(
            Code.FORBIDDEN, f"this server may not read the object {key}; its operator can change that"
        ) from error


def _check(objects: Served, key: str, expires: int, signature: str, now: datetime) -> None:
    if not objects.verify(key, expires, signature, now):
        raise ApiError(Code.FORBIDDEN, "this link is not valid or has expired; ask for a new one")


def _give(objects: Served, key: str, wish: _Wish) -> Response:
    """Answer with the object as it is at one moment, though it may be replaced between the looks at it."""
    for _ in range(_TRIES):
        with suppress(ObjectChangedError):
            return _answer(objects, objects.head(key), wish)
    raise ObjectStoreUnavailableError(f"object {key}: was replaced {_TRIES} times while it was read")


def _answer(objects: Served, known: ObjectInfo, wish: _Wish) -> Response:
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
