# SPDX-License-Identifier: Apache-2.0
"""What is counted of every answer, whoever gives it: refused keys."""

from typing import Final

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovpo.foundation.http.errors import Code

_KEY_REFUSED: Final = {code.status: code.value for code in (Code.UNAUTHORIZED, Code.FORBIDDEN)}


class Edge:
    """Counts the answers that refuse a key."""

    def __init__(self, app: ASGIApp, auth_failures: Counter) -> None:
        self._app = app
        self._auth_failures = auth_failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start" and (code := _KEY_REFUSED.get(message["status"])):
                self._auth_failures.labels(code).inc()
            await send(message)

        await self._app(scope, receive, counted)
