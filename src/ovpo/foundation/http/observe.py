# SPDX-License-Identifier: Apache-2.0
"""What is noted of each request: a log line and two metrics, by route template; never the path, which may hold ids."""

from functools import cached_property
from time import perf_counter
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovpo.foundation.http.templates import RouteTemplates
from ovpo.foundation.observability.metrics import UNMATCHED, HttpMetrics

_log: Final = structlog.stdlib.get_logger("ovpo.http.access")
_CLIENT_LEFT: Final = 499
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class Observe:
    """Logs, counts and times each request when its answer has ended."""

    def __init__(self, app: ASGIApp, owner: FastAPI, metrics: HttpMetrics) -> None:
        self._app = app
        self._owner = owner
        self._metrics = metrics

    @cached_property
    def _templates(self) -> RouteTemplates:
        """Read the routes at the first request, when all of them are there."""
        return RouteTemplates(self._owner)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and note it, however it ends; 499 stands for a client that left before its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        code, started = _CLIENT_LEFT, perf_counter()

        async def noting(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._note(scope, code, perf_counter() - started)

    def _note(self, scope: Scope, code: int, seconds: float) -> None:
        route = self._templates.of(scope)
        self._metrics.count(method=scope["method"], route=route, code=code, seconds=seconds)
        note = _log.debug if route in _QUIET else _log.info
        note(
            "http.request",
            method=scope["method"][:20],
            route=route or UNMATCHED,
            code=code,
            milliseconds=round(seconds * 1000, 1),
        )
