# SPDX-License-Identifier: Apache-2.0
"""The route of neighbours: clips that look like those of a moment or a stretch of a video."""

from dataclasses import replace
from typing import Annotated, Final, Self
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api.desk import Desk, Note, note, uuid_or_none
from ovpo.sop.api.fields import Id, Task
from ovpo.sop.api.refusals import UNUSABLE, unusable, usable
from ovpo.sop.catalogue import files
from ovpo.sop.catalogue.neighbours import Asked, Neighbour, Search, neighbours, search_of
from ovpo.sop.records.rows import VideoRole, VideoState
from ovpo.sop.records.videos import Videos

MOST: Final = 500
LONGEST_SECONDS: Final = 86_400.0
MOST_ROWS: Final = 100_000_000
Seconds = Annotated[float, Field(ge=0, le=LONGEST_SECONDS, allow_inf_nan=False)]
Row = Annotated[int, Field(ge=0, le=MOST_ROWS, strict=True)]


class NeighboursWanted(BaseModel):
    """Which clips to look for: like that of a moment or a row, or like all of a stretch."""

    model_config = ConfigDict(extra="forbid")
    video_id: Id = Field(description="The video that is asked about")
    seconds: Seconds | None = Field(None, description="A moment of it", examples=[12.5])
    until_seconds: Seconds | None = Field(
        None, description="With `seconds`, the end of a stretch; none: the one clip", examples=[14.0]
    )
    row: Row | None = Field(None, description="A clip of it by its number, in place of `seconds`", examples=[48])
    k: int = Field(10, ge=1, le=MOST, strict=True, description="How many to give")
    task_id: Task | None = Field(None, description="Among videos of this procedure only")
    role: VideoRole | None = Field(None, description="Among videos of this role only")
    among_video_id: Id | None = Field(None, description="Among clips of this video only")
    own_video: bool = Field(default=False, strict=True, description="Whether other clips of the same video count")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.seconds is None) == (self.row is None):
            raise PydanticCustomError("one_of", "takes either seconds or row, and one of them")
        if self.until_seconds is not None and (self.seconds is None or self.until_seconds < self.seconds):
            raise PydanticCustomError("stretch", "until_seconds takes a moment that is not before seconds")
        return self


class ShownNeighbour(BaseModel):
    """A clip that looks like what was asked about."""

    video_id: Id
    row: int = Field(description="Its number in its video", examples=[48])
    start: float = Field(description="Seconds of media time", examples=[12.0])
    end: float = Field(examples=[12.25])
    cosine: float = Field(description="How alike it is, 1 for the same", examples=[0.93])


class Neighbours(BaseModel):
    """The nearest clips, the nearest first."""

    embedder: str = Field(description="What they were compared by", examples=["heuristic"])
    neighbours: list[ShownNeighbour]


def router(desk: Desk) -> APIRouter:
    """Make the route."""
    routes = APIRouter(prefix="/v1/sop", tags=["neighbours"])
    Reader = Annotated[Principal, Depends(require(Permission.VIDEO_READ, desk.identify))]  # noqa: N806

    @routes.post("/neighbours", responses=UNUSABLE)
    def find_neighbours(request: Request, wanted: NeighboursWanted, caller: Reader) -> Neighbours:
        """Find the clips that look most like those of a moment or a stretch, among all videos of your tenant."""
        with desk.of(caller) as connection:
            search = _search(connection, caller, wanted)
            said = Note(EventType.VIDEO_QUERY, "neighbours", wanted.video_id)
            note(connection, request, caller, said, k=wanted.k, searched=len(search.others))
        with usable("seconds" if wanted.row is None else "row"):
            found = neighbours(desk.copies, _aimed(desk, search, wanted), wanted.k)
        return Neighbours(embedder=search.own.embedder, neighbours=[_shown(one) for one in found])

    return routes


def _search(connection: psycopg.Connection, caller: Principal, wanted: NeighboursWanted) -> Search:
    for field, named in (("video_id", wanted.video_id), ("among_video_id", wanted.among_video_id)):
        video = None if named is None else Videos(connection).find(caller.tenant_id, UUID(named))
        if named is not None and (video is None or video.state is VideoState.DELETED):
            raise unusable(field, f"your tenant has no video {named}; GET /v1/sop/videos lists those that it has")
    found = search_of(
        connection,
        Asked(
            tenant_id=caller.tenant_id,
            video_id=UUID(wanted.video_id),
            first_row=wanted.row or 0,
            last_row=wanted.row or 0,
            task_id=wanted.task_id,
            role=wanted.role,
            among_video_id=uuid_or_none(wanted.among_video_id),
            own_video=wanted.own_video,
        ),
    )
    if found is None:
        raise unusable("video_id", f"video {wanted.video_id} is not embedded yet; ask again once its clips are")
    return found


def _aimed(desk: Desk, search: Search, wanted: NeighboursWanted) -> Search:
    """Find the rows that stand for the moments that were asked about."""
    if wanted.seconds is None:
        return search
    clips = files.load(desk.copies, search.own.key).sidecar.maker.clips
    first = clips.row_at(wanted.seconds)
    last = first if wanted.until_seconds is None else max(first, clips.row_at(wanted.until_seconds))
    return replace(search, asked=replace(search.asked, first_row=first, last_row=last))


def _shown(one: Neighbour) -> ShownNeighbour:
    return ShownNeighbour(video_id=str(one.video_id), row=one.row, start=one.start, end=one.end, cosine=one.cosine)
