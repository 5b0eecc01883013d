# SPDX-License-Identifier: Apache-2.0
"""The routes of trainings and of what they make: ask for one, see what became of it, list the adapters."""

import re
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.ledger.items import Item, State
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api.cursors import LONGEST, Place, cursor_of, place_of
from ovpo.sop.api.desk import Desk, Note, asked_by, note
from ovpo.sop.api.fields import Id
from ovpo.sop.api.refusals import missing
from ovpo.sop.records.adapters import Adapters
from ovpo.sop.records.rows import AdapterState, StoredAdapter
from ovpo.sop.training import asking

_NAME: Final = re.compile(r"feature_adapter_[0-9]{8}T[0-9]{6}Z_[a-z0-9]{4,32}")
_EXAMPLE: Final = "feature_adapter_20261121T020000Z_1f3a"


class AdapterQuestion(BaseModel):
    """Which page of the list."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    limit: int = Field(100, ge=1, le=1000, description="Most rows of a page")
    cursor: Annotated[str, Field(min_length=1, max_length=LONGEST)] | None = Field(
        None, description="`next_cursor` of the page before"
    )


class ShownAdapter(BaseModel):
    """A feature adapter, and what was decided on it."""

    adapter: str = Field(examples=[_EXAMPLE])
    state: AdapterState
    maker: str = Field(description="Digest of the embedder and its settings", examples=["0f" * 8])
    trained_on: int = Field(description="How many gold videos", examples=[12])
    evaluation: dict[str, Any] | None = Field(description="How it did", examples=[{"golds": 12}])
    reason: str | None = Field(description="Why it was decided so", examples=["no worse than the champion"])
    created_at: datetime
    decided_at: datetime | None


class ShownTraining(BaseModel):
    """A training that was asked for, and what became of it."""

    training_id: Id
    state: State
    asked_by: str = Field(description="A key, or the schedule", examples=["key:k3v9x2ab"])
    asked_at: datetime
    updated_at: datetime
    reason: str | None = Field(description="What was decided, or why nothing was done", examples=["no new gold video"])
    adapter: ShownAdapter | None = Field(description="What it made, as it is by now")


class AdapterPage(BaseModel):
    """Some adapters, the newest first."""

    adapters: list[ShownAdapter]
    has_more: bool
    next_cursor: str | None = Field(description="Where the next page begins", examples=["eyJsYXN0X3RpbWVzdGFtcCI6…"])


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix="/v1/sop", tags=["trainings"])
    Reader = Annotated[Principal, Depends(require(Permission.SCORE_READ, desk.identify))]  # noqa: N806
    Trainer = Annotated[Principal, Depends(require(Permission.TRAINING_RUN, desk.identify))]  # noqa: N806

    @routes.post("/trainings", status_code=202)
    def request_training(request: Request, response: Response, caller: Trainer) -> ShownTraining:
        """Ask for a training; who asks while one waits to be taken up shares that one."""
        with desk.of(caller) as connection:
            item = asking.ask(connection, caller.tenant_id, asked_by(caller), desk.now())
            note(connection, request, caller, Note(EventType.TRAINING_REQUESTED, "training", str(item.item_id)))
        response.headers["Location"] = f"/v1/sop/trainings/{item.item_id}"
        return _training(item, None)

    @routes.get("/trainings/{training_id}")
    def get_training(request: Request, training_id: Id, caller: Reader) -> ShownTraining:
        """Tell what became of a training."""
        with desk.of(caller) as connection:
            found = asking.find(connection, caller.tenant_id, UUID(training_id))
            if found is None:
                raise missing("training", training_id, "training_id")
            note(connection, request, caller, Note(EventType.SCORE_QUERY, "training", training_id))
        return _training(found.item, found.adapter)

    @routes.get("/adapters")
    def list_adapters(request: Request, question: Annotated[AdapterQuestion, Query()], caller: Reader) -> AdapterPage:
        """List the feature adapters of your tenant, the newest first."""
        now, whose = desk.now(), ("adapters", caller.tenant_id)
        place = place_of(question.cursor, whose, now, _checked)
        after = None if place is None else (place.moment, place.identifier)
        with desk.of(caller) as connection:
            found = Adapters(connection).listed(caller.tenant_id, question.limit + 1, after)
            rows, rest = found[: question.limit], found[question.limit :]
            note(connection, request, caller, Note(EventType.SCORE_QUERY, "adapters", "list"), shown=len(rows))
        return AdapterPage(
            adapters=[_adapter(one) for one in rows],
            has_more=bool(rest),
            next_cursor=cursor_of(Place(rows[-1].created_at, rows[-1].adapter), whose, now) if rest else None,
        )

    return routes


def _checked(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(name)


def _training(item: Item, adapter: StoredAdapter | None) -> ShownTraining:
    return ShownTraining(
        training_id=str(item.item_id),
        state=item.state,
        asked_by=item.subject,
        asked_at=item.registered_at,
        updated_at=item.updated_at,
        reason=item.reason,
        adapter=None if adapter is None else _adapter(adapter),
    )


def _adapter(one: StoredAdapter) -> ShownAdapter:
    return ShownAdapter(
        adapter=one.adapter,
        state=one.state,
        maker=one.maker,
        trained_on=len(one.trained_on),
        evaluation=None if one.evaluation is None else dict(one.evaluation),
        reason=one.reason,
        created_at=one.created_at,
        decided_at=one.decided_at,
    )
