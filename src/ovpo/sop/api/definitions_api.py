# SPDX-License-Identifier: Apache-2.0
"""The routes by which definitions of procedures are read; what is retired can still be."""

from datetime import datetime
from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.fields import TaskPath
from ovpo.sop.api.refusals import missing
from ovpo.sop.records.definitions import Definitions
from ovpo.sop.records.rows import StoredDefinition

PATH: Final = "/v1/sop/definitions"
EXAMPLE: Final = "task: make-coffee\nsteps:\n  - name: fill the tank\n  - name: close the lid\n    critical: true\n"
Version = Annotated[int, Path(ge=1, le=2_147_483_647, description="Its number", examples=[2])]


class ShownDefinition(BaseModel):
    """One version of the definition of a procedure."""

    task_id: str = Field(examples=["make-coffee"])
    version: int = Field(description="Rises with each change; the ETag", examples=[2])
    content: str = Field(description="As its author wrote it, in YAML or JSON", examples=[EXAMPLE])
    created_by: str = Field(examples=["key:k3v9x2ab"])
    created_at: datetime
    retired_at: datetime | None = Field(description="Since when it does not hold any more")


class ShownDefinitions(BaseModel):
    """Some definitions."""

    definitions: list[ShownDefinition]


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["definitions"])
    Reader = Annotated[Principal, Depends(require(Permission.DEFINITION_READ, desk.identify))]  # noqa: N806

    @routes.get("")
    def list_definitions(request: Request, caller: Reader) -> ShownDefinitions:
        """List the definitions that hold now, one a procedure."""
        with desk.of(caller) as connection:
            found = Definitions(connection).newest_of_each(caller.tenant_id)
            _looked(connection, request, caller, "list")
        return ShownDefinitions(definitions=[_shown(one) for one in found])

    @routes.get("/{task_id}")
    def get_definition(request: Request, response: Response, task_id: TaskPath, caller: Reader) -> ShownDefinition:
        """Show the definition of a procedure that holds now."""
        with desk.of(caller) as connection:
            found = Definitions(connection).newest(caller.tenant_id, task_id)
            if found is None:
                raise missing("definition of", task_id, "task_id")
            _looked(connection, request, caller, task_id)
        return tagged(found, response)

    @routes.get("/{task_id}/versions")
    def list_definition_versions(request: Request, task_id: TaskPath, caller: Reader) -> ShownDefinitions:
        """List every version of a procedure's definition, the newest first."""
        with desk.of(caller) as connection:
            found = Definitions(connection).versions(caller.tenant_id, task_id)
            if not found:
                raise missing("definition of", task_id, "task_id")
            _looked(connection, request, caller, task_id)
        return ShownDefinitions(definitions=[_shown(one) for one in found])

    @routes.get("/{task_id}/versions/{version}")
    def get_definition_version(
        request: Request, response: Response, task_id: TaskPath, version: Version, caller: Reader
    ) -> ShownDefinition:
        """Show one version of a procedure's definition, retired or not."""
        with desk.of(caller) as connection:
            found = Definitions(connection).of_version(caller.tenant_id, task_id, version)
            if found is None:
                raise missing(f"definition {version} of", task_id, "version")
            _looked(connection, request, caller, f"{task_id}/{version}")
        return tagged(found, response)

    return routes


def _looked(connection: psycopg.Connection, request: Request, caller: Principal, what: str) -> None:
    note(connection, request, caller, Note(EventType.SCORE_QUERY, "definition", what))


def etag_of(one: StoredDefinition) -> str:
    """Name a version in an ETag."""
    return f'"{one.version}"'


def tagged(one: StoredDefinition, response: Response) -> ShownDefinition:
    """Show a version, with its ETag on the answer."""
    response.headers["ETag"] = etag_of(one)
    response.headers["Cache-Control"] = "private, no-cache"
    return _shown(one)


def _shown(one: StoredDefinition) -> ShownDefinition:
    return ShownDefinition(
        task_id=one.task_id,
        version=one.version,
        content=one.content,
        created_by=one.created_by,
        created_at=one.created_at,
        retired_at=one.retired_at,
    )
