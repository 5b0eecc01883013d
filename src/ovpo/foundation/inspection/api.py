# SPDX-License-Identifier: Apache-2.0
"""Inspections over HTTP: asked for with a 202, found again by their id. The work is a run's, never a route's."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Path, Response
from psycopg_pool import ConnectionPool
from pydantic import BaseModel, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify, require
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.inspection import requests
from ovpo.foundation.inspection.requests import Inspection
from ovpo.foundation.inspection.stores import Observation
from ovpo.foundation.ledger.items import Item, State
from ovpo.foundation.permissions import Permission
from ovpo.foundation.settings.tree import ClickHouse

PATH = "/v1/platform/inspections"


class StoreSeen(BaseModel):
    """How one store answered."""

    store: str = Field(examples=["postgres"])
    ready: bool
    milliseconds: float = Field(examples=[3.2])
    version: str = Field(description="Empty when the store does not tell", examples=["PostgreSQL 18.4"])
    bytes: int = Field(description="What OVPO keeps in it; 0 when the store does not tell", examples=[48_211_004])
    detail: str = Field(description="Why it is not ready", examples=["connection refused"])
    observed_at: datetime


class InspectionAnswer(BaseModel):
    """A request for a look at the stores, and what the look saw once it is finished."""

    inspection_id: UUID
    state: State
    attempt: int = Field(examples=[1])
    reason: str | None = Field(description="Why it failed or was put back", examples=["its run was lost"])
    requested_at: datetime
    updated_at: datetime
    report: list[StoreSeen]


def router(
    pool: ConnectionPool,
    clickhouse: ClickHouse,
    identify: Identify,
    *,
    new_id: Callable[[], UUID] = uuid4,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["platform"])
    Admin = Annotated[Principal, Depends(require(Permission.PLATFORM_INSPECT, identify))]  # noqa: N806

    @routes.post("", status_code=202)
    def ask_for_inspection(caller: Admin, response: Response) -> InspectionAnswer:
        """Ask for a look at every store; a run takes it up within seconds."""
        item = requests.request(pool, caller.tenant_id, new_id(), caller.key_prefix, now())
        response.headers["Location"] = f"{PATH}/{item.item_id}"
        return _answer(Inspection(item, ()))

    @routes.get("/{inspection_id}")
    def get_inspection(
        inspection_id: Annotated[UUID, Path(description="Its id, as the answer to the request for it gave it")],
        caller: Admin,
    ) -> InspectionAnswer:
        """Tell where an inspection is, and what it saw once it is finished."""
        found = requests.find(pool, clickhouse, caller.tenant_id, inspection_id)
        if found is None:
            raise ApiError(Code.NOT_FOUND, f"your tenant has no inspection {inspection_id}")
        return _answer(found)

    return routes


def _answer(inspection: Inspection) -> InspectionAnswer:
    item: Item = inspection.item
    return InspectionAnswer(
        inspection_id=item.item_id,
        state=item.state,
        attempt=item.attempt,
        reason=item.reason,
        requested_at=item.registered_at,
        updated_at=item.updated_at,
        report=[_seen(row) for row in inspection.report],
    )


def _seen(row: Observation) -> StoreSeen:
    return StoreSeen(
        store=row.store,
        ready=row.ready,
        milliseconds=row.milliseconds,
        version=row.version,
        bytes=row.bytes,
        detail=row.detail,
        observed_at=row.observed_at,
    )
