# SPDX-License-Identifier: Apache-2.0
"""Which route template a request met (`/v1/traces/{id}`): bounded in number and free of ids, unlike a path."""

import re
from collections import defaultdict
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount, compile_path
from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class _Template:
    text: str
    pattern: re.Pattern[str]


class RouteTemplates:
    """Knows the templates of one app, in which a router may be included more than once."""

    def __init__(self, app: FastAPI) -> None:
        self._by_endpoint: defaultdict[int, list[_Template]] = defaultdict(list)
        for context in iter_route_contexts(app.routes):
            route, path = context.original_route, context.path
            if path is None:
                continue
            endpoint = route.app if isinstance(route, Mount) else context.endpoint
            text = f"{path}/{{path:path}}" if isinstance(route, Mount) else path
            pattern, template, _ = compile_path(text)
            self._by_endpoint[id(endpoint)].append(_Template(template, pattern))

    def of(self, scope: Scope) -> str | None:
        """Give the template that the router chose for this request, None if it chose none."""
        candidates = self._by_endpoint.get(id(scope.get("endpoint")), [])
        if len(candidates) == 1:
            return candidates[0].text
        return next((template.text for template in candidates if template.pattern.match(scope["path"])), None)
