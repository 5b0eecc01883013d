# SPDX-License-Identifier: Apache-2.0
"""Two guards around every app: headers that keep a browser from guessing, and a bound on a request's body."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovpo.foundation.http import answers
from ovpo.foundation.http.errors import Code, Fault

_HEADERS: Final[Mapping[str, str]] = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


class SafeHeaders:
    """Says on each answer that its type is not to be guessed, and its address, maybe a signed one, not passed on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a header that the app set itself stays."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


class BodyLimit:
    """Refuses a body above the limit: at once when its length is announced, else when the bytes have come.

    `larger` names paths that take more.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request whose body is within the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], self._most_bytes)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > most:
            refused = Fault(Code.PAYLOAD_TOO_LARGE, _message(most), {"field": "$"})
            await answers.respond(refused, scope)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(Code.PAYLOAD_TOO_LARGE.status, _message(most))
            return message

        await self._app(scope, counted, send)


def _message(most: int) -> str:
    return f"The body is larger than the {most} bytes that this service takes; send it in parts"
