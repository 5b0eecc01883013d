# SPDX-License-Identifier: Apache-2.0
"""The routes by which definitions of procedures are changed: each change is a new version, and none is overwritten."""

from typing import Annotated, Any, Final

import psycopg
from fastapi import APIRouter, Depends, Request, Response

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api.definitions_api import EXAMPLE, PATH, ShownDefinition, Version, etag_of, tagged
from ovpo.sop.api.desk import Desk, Note, asked_by, note
from ovpo.sop.api.fields import IfMatch, TaskPath
from ovpo.sop.api.refusals import UNUSABLE, Answers, in_the_way, missing, usable
from ovpo.sop.records.definitions import LOCK, Definitions
from ovpo.sop.records.rows import StoredDefinition

TYPES: Final = ("application/json", "application/yaml", "application/x-yaml", "text/yaml")
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The definition, in YAML or JSON; docs/sop.md tells what it may say",
        "content": {
            "application/yaml": {"schema": {"type": "string"}, "example": EXAMPLE},
            "application/json": {
                "schema": {"type": "object"},
                "example": {"task": "make-coffee", "steps": [{"name": "fill the tank"}]},
            },
        },
    }
}
_KEPT: Final[Answers] = {
    **UNUSABLE,
    409: {"description": "The newest version is another one than If-Match names"},
}


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["definitions"])
    may_write = require(Permission.DEFINITION_WRITE, desk.identify)
    Writer = Annotated[Principal, Depends(may_write)]  # noqa: N806

    async def written(request: Request, _: Writer) -> str:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in TYPES:
            raise ApiError(
                Code.UNSUPPORTED_MEDIA_TYPE, f"Content-Type: send the definition as one of {', '.join(TYPES)}"
            )
        try:
            return (await request.body()).decode()
        except UnicodeDecodeError:
            raise ApiError(Code.INVALID_FORMAT, "body: is no UTF-8", details={"field": "body"}) from None

    @routes.put(
        "/{task_id}",
        status_code=201,
        responses={**_KEPT, 200: {"description": "It is what holds already", "model": ShownDefinition}},
        openapi_extra=_BODY,
    )
    def put_definition(
        request: Request,
        response: Response,
        task_id: TaskPath,
        caller: Writer,
        content: Annotated[str, Depends(written)],
        if_match: IfMatch = None,
    ) -> ShownDefinition:
        """Keep a new version of a procedure's definition; its scores follow by themselves."""
        with desk.of(caller) as connection:
            definitions = Definitions(connection)
            connection.execute(LOCK, (caller.tenant_id, task_id))
            newest = definitions.newest(caller.tenant_id, task_id)
            _require_meant(if_match, newest)
            if newest is not None and newest.content == content:
                response.status_code = 200
                return tagged(newest, response)
            with usable("body"):
                kept = definitions.add(caller.tenant_id, task_id, content, asked_by(caller), desk.now())
            said = Note(EventType.DEFINITION_CHANGED, "definition", task_id)
            note(connection, request, caller, said, version=kept.version)
        response.headers["Location"] = f"{PATH}/{task_id}/versions/{kept.version}"
        return tagged(kept, response)

    @routes.delete("/{task_id}", status_code=204)
    def retire_definition(request: Request, task_id: TaskPath, caller: Writer) -> Response:
        """Retire every version of a procedure's definition: its steps are found in its gold video again."""
        with desk.of(caller) as connection:
            definitions = Definitions(connection)
            held = [one for one in definitions.versions(caller.tenant_id, task_id) if one.retired_at is None]
            if not held:
                raise missing("definition of", task_id, "task_id")
            _retire(connection, desk, request, caller, held)
        return Response(status_code=204)

    @routes.delete("/{task_id}/versions/{version}", status_code=204)
    def retire_definition_version(request: Request, task_id: TaskPath, version: Version, caller: Writer) -> Response:
        """Retire one version: the one before holds again, if it was the newest."""
        with desk.of(caller) as connection:
            found = Definitions(connection).of_version(caller.tenant_id, task_id, version)
            if found is None or found.retired_at is not None:
                raise missing(f"definition {version} in force of", task_id, "version")
            _retire(connection, desk, request, caller, [found])
        return Response(status_code=204)

    return routes


def _retire(
    connection: psycopg.Connection, desk: Desk, request: Request, caller: Principal, held: list[StoredDefinition]
) -> None:
    definitions, task_id = Definitions(connection), held[0].task_id
    for one in held:
        definitions.retire(caller.tenant_id, task_id, one.version, desk.now())
    said = Note(EventType.DEFINITION_RETIRED, "definition", task_id)
    note(connection, request, caller, said, versions=[one.version for one in held])


def _require_meant(if_match: str | None, newest: StoredDefinition | None) -> None:
    """Refuse a change that is meant for another version than the newest."""
    if if_match is None:
        return
    tags = {tag.strip() for tag in if_match.split(",")}
    if newest is not None and not tags.isdisjoint({"*", etag_of(newest)}):
        return
    at = "there is none in force" if newest is None else f"the newest is {etag_of(newest)}"
    raise in_the_way(f"If-Match: {at} by now; read it again and repeat the change", field="If-Match")
