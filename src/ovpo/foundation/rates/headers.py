# SPDX-License-Identifier: Apache-2.0
"""Where a tenant stands in its rate, on every answer that it gets, whoever gives it."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovpo.foundation.rates.limit import Standing

_STANDING: Final = "ovpo.rate_standing"


def tell(scope: Scope, standing: Standing) -> None:
    """Have the answer to this request say where its tenant stands."""
    scope[_STANDING].append(standing)


class RateHeaders:
    """Writes X-RateLimit-* on each answer to a known tenant."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
            await send(message)

        await self._app(scope, receive, stamped)
