# SPDX-License-Identifier: Apache-2.0
"""One HTTP request and its answer over ASGI: body in, headers and chunks out, and whether the client is still there."""

import asyncio
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

_STALLED_SECONDS = 120.0
_DRAIN_SECONDS = 2.0


class Exchange:
    """The two directions of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._body_ended = False
        self._kept = b""
        self.method: str = scope["method"]
        self.headers = {
            name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in scope["headers"]
        }
        self.pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self.gone = False
        self.started = False

    async def body(self) -> AsyncIterator[bytes]:
        """The request body as it comes in."""
        while not self._body_ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = self._body_ended = True
                return
            self._body_ended = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def until_gone(self) -> None:
        """Return when the client has closed its side; only once the body is read."""
        while not self.gone:
            message: MutableMapping[str, Any] = await self._receive()
            self.gone = message["type"] == "http.disconnect"

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers."""
        self.started = True
        encoded = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        await self._put({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes) -> None:
        """Send a chunk; a client that takes none for two minutes counts as gone."""
        await self._put({"type": "http.response.body", "body": data, "more_body": True})

    def keep(self, data: bytes) -> None:
        """Hold the last chunk back until `end`: the client must not go on before the query has let go of everything."""
        self._kept = data

    async def end(self) -> None:
        """Close the answer as complete; an answer that is never ended reaches the client as broken."""
        await self._put({"type": "http.response.body", "body": self._kept, "more_body": False})

    async def respond(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """A whole answer. What is left of the request body is read for a moment, so that the client sees the answer."""
        await self.start(status, {**headers, "Content-Length": str(len(body))})
        if body:
            await self.write(body)
        if not self._body_ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_SECONDS):
                    async for _ in self.body():
                        pass
        await self.end()

    async def _put(self, message: MutableMapping[str, Any]) -> None:
        if self.gone:
            return
        try:
            async with asyncio.timeout(_STALLED_SECONDS):
                await self._send(message)
        except TimeoutError:
            self.gone = True
