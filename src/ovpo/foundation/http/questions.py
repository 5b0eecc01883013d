# SPDX-License-Identifier: Apache-2.0
"""A guard against questions that would not mean what they say: a parameter given twice, a tenant of one's choice.

And against a path that ends in a line break, which the router takes for the one without.
"""

from typing import Final
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from ovpo.foundation.http import answers
from ovpo.foundation.http.errors import Code, Fault

_OF_THE_KEY: Final = frozenset({"tenant", "tenant_id"})
MOST_BYTES: Final = 8_192
MOST_PARAMETERS: Final = 50


class PlainQuestions:
    """Refuses a query string that is too long, no UTF-8, names a tenant, gives a parameter twice; or such a path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request whose question is plain."""
        fault = _path_fault(scope["path"]) or _fault(scope["query_string"]) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await answers.respond(fault, scope)(scope, receive, send)


def _path_fault(path: str) -> Fault | None:
    if not path.endswith("\n"):
        return None
    return Fault(Code.INVALID_FORMAT, "path: ends in a line break; leave it out", details={"field": "path"})


def _fault(query: bytes) -> Fault | None:
    if len(query) > MOST_BYTES:
        return _refused("query", Code.FIELD_TOO_LARGE, f"takes at most {MOST_BYTES} bytes")
    try:
        given = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return _refused("query", Code.INVALID_FORMAT, f"takes UTF-8 in at most {MOST_PARAMETERS} parts")
    names = [name for name, _ in given]
    if any("\0" in name or "\0" in value for name, value in given):
        return _refused("query", Code.INVALID_FORMAT, "takes no zero byte")
    if named := _OF_THE_KEY.intersection(names):
        return _refused(min(named), Code.INVALID_SCHEMA, "is not taken: the tenant is that of your API key")
    twice = [name for name in names if names.count(name) > 1]
    return _refused(twice[0][:100], Code.INVALID_SCHEMA, "is given twice; give it once") if twice else None


def _refused(field: str, code: Code, said: str) -> Fault:
    return Fault(code, f"query.{field}: {said}" if field != "query" else f"query: {said}", details={"field": field})
