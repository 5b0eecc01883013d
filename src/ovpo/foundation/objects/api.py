# SPDX-License-Identifier: Apache-2.0
"""`GET /v1/objects/{key}`: the folder store's objects to whoever holds a signed link, for as long as it is valid."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore

BINARY = "application/octet-stream"


def router(objects: ObjectStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> APIRouter:
    """Make the route."""
    routes = APIRouter(prefix="/v1/objects", tags=["objects"])

    @routes.get("/{key:path}", response_class=StreamingResponse)
    def get_object(
        key: str,
        expires: Annotated[int, Query(description="Until when the link is valid, in seconds since 1970")],
        signature: Annotated[str, Query(max_length=128)],
    ) -> StreamingResponse:
        """Give an object to the holder of a signed link; no API key is needed."""
        try:
            if not objects.verify(key, expires, signature, now()):
                raise ApiError(Code.FORBIDDEN, "this link is not valid or has expired; ask for a new one")
            size = objects.head(key).size
            headers = {"Content-Length": str(size), "Content-Disposition": "attachment"}
            return StreamingResponse(objects.stream(key), media_type=BINARY, headers=headers)
        except ObjectNotFoundError as error:
            raise ApiError(Code.NOT_FOUND, f"there is no object {key}") from error

    return routes
