# SPDX-License-Identifier: Apache-2.0
"""The id of a request: taken from the client where it is sane, else made; on every log line and on every answer."""

import re
from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "X-Request-Id"
_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_KEY: Final = "ovpo.request_id"


def choose(offered: str | None, new: Callable[[], UUID]) -> str:
    """Take the client's id if it is 1 to 128 letters, digits, dots, dashes and underscores; else make one."""
    return offered if offered is not None and _SANE.fullmatch(offered) else str(new())


def of(scope: Scope) -> str:
    """Give the id of the request that a scope belongs to."""
    return str(scope[_KEY])


class RequestId:
    """Gives each request its id; the outermost habit, so that no answer goes without."""

    def __init__(self, app: ASGIApp, new: Callable[[], UUID] = uuid4) -> None:
        self._app = app
        self._new = new

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request with its id bound to the log context."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = choose(Headers(scope=scope).get(HEADER), self._new)
        scope[_KEY] = chosen

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = chosen
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=chosen)
        await self._app(scope, receive, stamped)
