# SPDX-License-Identifier: Apache-2.0
"""Artifacts over HTTP: a link to one that a trace refers to, a trace's thumbnails, and the files that links lead to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from psycopg_pool import ConnectionPool
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.clickhouse.clients import ClientPool
from ovpo.foundation.http.access import Identify, require
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.fields import TraceId
from ovpo.foundation.objects import api as objects_api
from ovpo.foundation.objects.errors import ObjectStoreError, ObjectStoreUnavailableError
from ovpo.foundation.permissions import Permission
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.governance.audit import chain
from ovpo.governance.audit.events import EventType
from ovpo.governance.audit.http import actor
from ovpo.telemetry.artifacts import handing
from ovpo.telemetry.artifacts.errors import ClosedPlaceError, UnusableUriError
from ovpo.telemetry.artifacts.handing import Desk, Link, Shown
from ovpo.telemetry.artifacts.lookup import Span
from ovpo.telemetry.artifacts.places import FILES_PATH, Places
from ovpo.telemetry.artifacts.uris import LONGEST, Scheme

THUMBNAIL_LIFE: Final = timedelta(minutes=10)
_LONGEST_MEDIA_MS: Final = 1e15
_EXAMPLE_ID: Final = "0d1f6a3e-6c0b-4f5e-9a55-1b1f0d6d2c11"
_EXAMPLE_URI: Final = "s3://renders/acme/clip.mp4"
_EXAMPLE_LINK: Final = "https://s3.us-east-1.amazonaws.com/renders/acme/clip.mp4?X-Amz-Expires=600&X-Amz-Signature=…"
_EXAMPLE_SUM: Final = f"sha256:{'ab' * 32}"
_log: Final = structlog.stdlib.get_logger(__name__)
MediaTime = Annotated[float, Query(ge=0, le=_LONGEST_MEDIA_MS, description="Milliseconds of media time, inclusive")]


class LinkRequest(BaseModel):
    """Which artifact a link is wanted to."""

    model_config = ConfigDict(extra="forbid")

    trace_id: TraceId = Field(description="A trace of your tenant that refers to the artifact", examples=[_EXAMPLE_ID])
    uri: str = Field(
        min_length=1, max_length=LONGEST, description="The artifact, exactly as the trace says", examples=[_EXAMPLE_URI]
    )
    expires_in_seconds: int = Field(600, ge=1, le=604_800, strict=True, description="How long the link is to work")


class LinkAnswer(BaseModel):
    """A link to an artifact."""

    trace_id: str = Field(examples=[_EXAMPLE_ID])
    uri: str = Field(examples=[_EXAMPLE_URI])
    scheme: Scheme
    url: str = Field(
        description="Where the artifact can be read, with no further credentials", examples=[_EXAMPLE_LINK]
    )
    expires_at: datetime | None = Field(
        description="Until when the link works; null for https, which is handed out as the sender wrote it"
    )
    content_type: str | None = Field(description="As the sender says or its name tells", examples=["video/mp4"])
    checksum: str | None = Field(description="What its bytes should be, as the sender says", examples=[_EXAMPLE_SUM])
    size_bytes: int | None = Field(description="As the sender says", examples=[48_211_004])


class Thumbnail(BaseModel):
    """A small picture of one frame."""

    frame_index: int = Field(examples=[48])
    media_time_ms: float = Field(examples=[2000.0])
    uri: str = Field(examples=[f"ovpo://tenants/acme/traces/{_EXAMPLE_ID}/48.webp"])
    url: str | None = Field(description="Where it can be read; null where no link is given", examples=[_EXAMPLE_LINK])
    expires_at: datetime | None
    content_type: str | None = Field(examples=["image/webp"])
    checksum: str | None = Field(examples=[_EXAMPLE_SUM])
    problem: str | None = Field(
        description="Why there is no link", examples=["a file URI names no host: file:///folder/file"]
    )


class Thumbnails(BaseModel):
    """Thumbnails of a trace, in the order of media time."""

    trace_id: str = Field(examples=[_EXAMPLE_ID])
    total: int = Field(description="How many frame events of that time have a thumbnail", examples=[1200])
    thumbnails: list[Thumbnail]


def router(
    pool: ConnectionPool,
    clickhouse: ClientPool,
    places: Places,
    identify: Identify,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """Make the routes."""
    routes = APIRouter()
    Reader = Annotated[Principal, Depends(require(Permission.ARTIFACT_READ, identify))]  # noqa: N806

    @routes.post(
        "/v1/artifacts/signed-url",
        tags=["artifacts"],
        responses={404: {"description": "Your tenant has no trace of this id that refers to this artifact"}},
    )
    def sign_artifact_url(wanted: LinkRequest, request: Request, response: Response, caller: Reader) -> LinkAnswer:
        """Give a link to an artifact that a trace refers to: its output, an intermediate one, or one of a frame."""
        life = timedelta(seconds=wanted.expires_in_seconds)
        with _told():
            desk = Desk(pool, clickhouse, places, life, now())
            link = handing.hand_out(desk, caller.tenant_id, wanted.trace_id, wanted.uri)
        if link is None:
            raise ApiError(
                Code.NOT_FOUND,
                "uri: your tenant has no trace of this id that refers to this artifact; "
                "GET /v1/traces/{trace_id} shows what a trace refers to",
                details={"field": "uri"},
            )
        seen = {"trace_id": wanted.trace_id, "scheme": link.scheme.value, "expires_at": _moment(link.expires_at)}
        entry = actor(request, caller).entry(
            EventType.ARTIFACT_DOWNLOAD, "trace", wanted.trace_id, uri_sha256=_digest(wanted.uri), **seen
        )
        with tenant_transaction(pool, caller.tenant_id) as connection:
            chain.append(connection, caller.tenant_id, [entry])
        response.headers["Cache-Control"] = "no-store"
        return _link_answer(wanted, link)

    @routes.get("/v1/traces/{trace_id}/thumbnails", tags=["artifacts"])
    def get_thumbnails(
        trace_id: TraceId,
        request: Request,
        response: Response,
        caller: Reader,
        limit: Annotated[int, Query(ge=1, le=500, description="Most thumbnails")] = 50,
        from_ms: MediaTime = 0,
        to_ms: MediaTime = _LONGEST_MEDIA_MS,
    ) -> Thumbnails:
        """Give thumbnails of a trace's frames, evenly over the media time, each with a link that works 10 minutes."""
        if from_ms > to_ms:
            raise ApiError(
                Code.INVALID_FORMAT, "from_ms: is after to_ms; swap the two", details={"field": "query.from_ms"}
            )
        with _told():
            desk = Desk(pool, clickhouse, places, THUMBNAIL_LIFE, now())
            found = handing.strip(desk, caller.tenant_id, trace_id, Span(from_ms, to_ms), limit)
        if found is None:
            raise ApiError(Code.NOT_FOUND, f"your tenant has no trace {trace_id}")
        count = sum(one.link is not None for one in found.shown)
        entry = actor(request, caller).entry(
            EventType.ARTIFACT_DOWNLOAD, "trace", trace_id, kind="thumbnail", trace_id=trace_id, count=count
        )
        with tenant_transaction(pool, caller.tenant_id) as connection:
            chain.append(connection, caller.tenant_id, [entry])
        response.headers["Cache-Control"] = "no-store"
        return Thumbnails(trace_id=trace_id, total=found.total, thumbnails=[_thumbnail(one) for one in found.shown])

    routes.include_router(objects_api.router(places.files, now, FILES_PATH))
    return routes


@contextmanager
def _told() -> Iterator[None]:
    """Turn what an artifact or a store says into the API's errors; what a store says is for the operator alone."""
    try:
        yield
    except UnusableUriError as error:
        raise ApiError(Code.NOT_FOUND, f"uri: {error}", details={"field": "uri"}) from error
    except ClosedPlaceError as error:
        raise ApiError(Code.FORBIDDEN, f"uri: {error}", details={"field": "uri"}) from error
    except ObjectStoreUnavailableError:
        raise
    except ObjectStoreError as error:
        _log.warning("artifacts.not_signed", reason=str(error))
        raise ApiError(
            Code.SERVICE_UNAVAILABLE, "no link can be signed for this place now; the operator's log tells why"
        ) from error


def _link_answer(wanted: LinkRequest, link: Link) -> LinkAnswer:
    return LinkAnswer(
        trace_id=wanted.trace_id,
        uri=wanted.uri,
        scheme=link.scheme,
        url=link.url,
        expires_at=link.expires_at,
        content_type=link.reference.content_type,
        checksum=link.reference.checksum,
        size_bytes=link.reference.size_bytes,
    )


def _thumbnail(one: Shown) -> Thumbnail:
    said = one.picture.reference
    return Thumbnail(
        frame_index=one.picture.frame_index,
        media_time_ms=one.picture.media_time_ms,
        uri=said.uri,
        url=one.link.url if one.link else None,
        expires_at=one.link.expires_at if one.link else None,
        content_type=said.content_type,
        checksum=said.checksum,
        problem=one.problem,
    )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _digest(uri: str) -> str:
    """Name an artifact in the audit chain without its name, which may be personal data or hold a secret."""
    return sha256(uri.encode()).hexdigest()
