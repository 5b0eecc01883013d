# SPDX-License-Identifier: Apache-2.0
"""Objects to whoever holds a signed link, for as long as it is valid: whole, in part, or only what is known of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.objects.errors import ObjectAccessDeniedError, ObjectNotFoundError
from ovpo.foundation.objects.serving import Readable, Wish, describe, give
from ovpo.foundation.objects.signing import PATH
from ovpo.foundation.objects.store import Method

Expires = Annotated[int, Query(ge=0, le=2**53, description="Until when the link is valid, in seconds since 1970")]
Key = Annotated[str, Path(description="The object, as the link names it", examples=["tenants/acme/clip.mp4"])]
Signature = Annotated[str, Query(max_length=128, description="Proves that the link is ours")]
_LONGEST: Final = 4096
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


class Served(Readable, Protocol):
    """Where the objects come from, and who made the links to them."""

    def verify(self, key: str, expires: int, signature: str, now: datetime, method: Method = "GET") -> bool:
        """Tell whether a link is one of ours and still good."""
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
            return give(objects, key, Wish(wanted, if_range, if_none_match))

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
            return describe(objects, key)

    return routes


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
