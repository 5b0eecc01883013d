# SPDX-License-Identifier: Apache-2.0
"""What stands on every answer and is counted of every answer, whoever gives it: rate headers, refused keys."""

from typing import Final

from prometheus_client import Counter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.collector.limits import Standing

_STANDING: Final = "ovpo.rate_standing"
_KEY_REFUSED: Final = {code.status: code.value for code in (Code.UNAUTHORIZED, Code.FORBIDDEN)}


def tell(scope: Scope, standing: Standing) -> None:
    """Have the answer to this request say where its tenant stands."""
    scope[_STANDING].append(standing)


class Edge:
    """Writes X-RateLimit-* on each answer to a known tenant, and counts the answers that refuse a key."""

    def __init__(self, app: ASGIApp, auth_failures: Counter) -> None:
        self._app = app
        self._auth_failures = auth_failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told: list[Standing] = []
        scope[_STANDING] = told

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for standing in told:
                    headers["X-RateLimit-Limit"] = str(standing.limit)
                    headers["X-RateLimit-Remaining"] = str(standing.remaining)
                    headers["X-RateLimit-Reset"] = str(standing.reset_seconds)
                if code := _KEY_REFUSED.get(message["status"]):
                    self._auth_failures.labels(code).inc()
            await send(message)

        await self._app(scope, receive, stamped)
