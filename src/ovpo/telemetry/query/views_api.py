# SPDX-License-Identifier: Apache-2.0
"""`/v1/views`: saved questions to the list of traces, shared by all of a tenant, changed by their maker or an admin."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import uuid4

import psycopg
from fastapi import APIRouter, Depends, Request, Response
from psycopg_pool import ConnectionPool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify, require
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.fields import Id
from ovpo.foundation.permissions import Permission, allows
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.events import EventType
from ovpo.governance.audit.http import actor
from ovpo.telemetry.query import views
from ovpo.telemetry.query.questions import Question
from ovpo.telemetry.query.views import View, ViewError

_MOST_VALUE: Final = 2_000
_NAME: Final = r"^[^\x00-\x1f\x7f]+$"
_TAKEN: Final[dict[int | str, dict[str, Any]]] = {
    409: {"description": "Your tenant has a view of this name already, or as many views as it may have"}
}
Text = Annotated[str, Field(max_length=_MOST_VALUE)]


class NewView(BaseModel):
    """A name and the parameters of `GET /v1/traces`, as its URL spells them; not `cursor`."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, pattern=_NAME, examples=["Failed this week"])
    query: dict[str, Text] = Field(max_length=20, examples=[{"status": "FAILED", "order_by": "total_ms"}])


class KeptView(BaseModel):
    """A saved view."""

    view_id: Id
    name: str = Field(examples=["Failed this week"])
    query: dict[str, str] = Field(examples=[{"status": "FAILED", "order_by": "total_ms"}])
    created_by: str = Field(description="The public part of the key that made it", examples=["k3v9x2ab"])
    created_at: datetime
    updated_at: datetime


class Views(BaseModel):
    """All views of a tenant."""

    views: list[KeptView]


def router(pool: ConnectionPool, identify: Identify) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix="/v1/views", tags=["views"])
    Reader = Annotated[Principal, Depends(require(Permission.TRACE_READ, identify))]  # noqa: N806

    @routes.get("")
    def list_views(caller: Reader) -> Views:
        """List the views that your tenant saved, by name."""
        with tenant_transaction(pool, caller.tenant_id) as connection:
            return Views(views=[_shown(view) for view in views.views_of(connection)])

    @routes.post("", status_code=201, responses=_TAKEN)
    def save_view(request: Request, wanted: NewView, caller: Reader) -> KeptView:
        """Save a question to the list of traces under a name."""
        _checked(wanted.query)
        with tenant_transaction(pool, caller.tenant_id) as connection:
            view_id = str(uuid4())
            view = _kept(view_id, lambda: views.add(connection, view_id, wanted.name, wanted.query, caller.key_prefix))
            _note(connection, request, caller, view.view_id, "saved")
        return _shown(view)

    @routes.get("/{view_id}")
    def get_view(view_id: Id, caller: Reader) -> KeptView:
        """Show a saved view."""
        with tenant_transaction(pool, caller.tenant_id) as connection:
            return _shown(_found(connection, view_id))

    @routes.put("/{view_id}", responses=_TAKEN)
    def change_view(request: Request, view_id: Id, wanted: NewView, caller: Reader) -> KeptView:
        """Give a saved view another name or question."""
        _checked(wanted.query)
        with tenant_transaction(pool, caller.tenant_id) as connection:
            _may_change(_found(connection, view_id), caller)
            view = _kept(view_id, lambda: views.change(connection, view_id, wanted.name, wanted.query))
            _note(connection, request, caller, view_id, "changed")
        return _shown(view)

    @routes.delete("/{view_id}", status_code=204)
    def delete_view(request: Request, view_id: Id, caller: Reader) -> Response:
        """Forget a saved view."""
        with tenant_transaction(pool, caller.tenant_id) as connection:
            _may_change(_found(connection, view_id), caller)
            views.remove(connection, view_id)
            _note(connection, request, caller, view_id, "deleted")
        return Response(status_code=204)

    return routes


def _checked(query: dict[str, str]) -> None:
    """Refuse what the list of traces would refuse."""
    if "cursor" in query:
        raise ApiError(Code.INVALID_SCHEMA, "query.cursor: a view has no place in its list", details={"field": "query"})
    try:
        Question.model_validate(query)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(["query", *(str(part) for part in first["loc"])])
        message = first["msg"] if first["type"] != "extra_forbidden" else "is no parameter of GET /v1/traces"
        raise ApiError(Code.INVALID_FORMAT, f"{field}: {message}", details={"field": field}) from None


def _found(connection: psycopg.Connection, view_id: str) -> View:
    view = views.find(connection, view_id)
    if view is None:
        raise _no_such_view(view_id)
    return view


def _no_such_view(view_id: str) -> ApiError:
    return ApiError(Code.NOT_FOUND, f"your tenant has no view {view_id}", details={"field": "view_id"})


def _may_change(view: View, caller: Principal) -> None:
    if view.created_by != caller.key_prefix and not allows(caller.role, Permission.ADMIN_KEYS):
        raise ApiError(Code.FORBIDDEN, "only the key that saved a view, or an admin, may change it")


def _kept(view_id: str, keep: Callable[[], View | None]) -> View:
    try:
        view = keep()
    except ViewError as error:
        raise ApiError(Code.CONFLICT, f"name: {error}", details={"field": "name"}) from None
    if view is None:
        raise _no_such_view(view_id)
    return view


def _note(connection: psycopg.Connection, request: Request, caller: Principal, view_id: str, done: str) -> None:
    entry = actor(request, caller).entry(EventType.CONFIG_CHANGE, "view", view_id, done=done)
    append(connection, caller.tenant_id, [entry])


def _shown(view: View) -> KeptView:
    return KeptView(
        view_id=view.view_id,
        name=view.name,
        query=view.query,
        created_by=view.created_by,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )
