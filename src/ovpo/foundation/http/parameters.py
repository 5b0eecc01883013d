# SPDX-License-Identifier: Apache-2.0
"""A guard against parameters that a route does not take: a filter that is misspelt must not be one that is ignored."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from ovpo.foundation.http.errors import ApiError, Code

_OF_THE_API: Final = "/v1/"


async def only_known_parameters(request: Request) -> None:
    """Refuse a query that names what the route does not take; models of parameters refuse that by themselves."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute) or not route.path.startswith(_OF_THE_API):
        return
    known = _known(route)
    if known is not None and (strange := sorted(set(request.query_params) - known)):
        name = f"query.{strange[0][:100]}"
        taken = ", ".join(sorted(known)) or "no parameter"
        raise ApiError(
            Code.INVALID_SCHEMA, f"{name}: is not taken here; this path takes {taken}", details={"field": name}
        )


def _known(route: APIRoute) -> frozenset[str] | None:
    """Name the parameters of a route; None where a model holds them."""
    fields = list(_fields(route.dependant))
    if any(isinstance(kind := field.field_info.annotation, type) and issubclass(kind, BaseModel) for field in fields):
        return None
    return frozenset(field.alias for field in fields)


def _fields(dependant: Dependant) -> Iterator[Any]:
    yield from dependant.query_params
    for inner in dependant.dependencies:
        yield from _fields(inner)
