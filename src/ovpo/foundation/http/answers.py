# SPDX-License-Identifier: Apache-2.0
"""Errors as responses: the handlers that FastAPI calls, and the catch-all around the whole app."""

import asyncio
from typing import Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovpo.foundation.http import request_id, translate
from ovpo.foundation.http.errors import ApiError, Code, Fault, body
from ovpo.foundation.unavailable import StoreUnavailableError

_log: Final = structlog.stdlib.get_logger(__name__)
_FIRST_ERROR: Final = 400
_AWAY: Final = Fault(Code.SERVICE_UNAVAILABLE, "A store does not answer now; send the request again", retry_after=2)
_STOPPING: Final = Fault(Code.SERVICE_UNAVAILABLE, "The service is stopping; send the request again", retry_after=1)


def respond(fault: Fault, scope: Scope) -> JSONResponse:
    """Give the response that a fault is sent as; it is never cached."""
    headers = {"Cache-Control": "no-store", **(fault.headers or {})}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.code is Code.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse(body(fault, request_id.of(scope)), fault.status or fault.code.status, headers)


def install(app: FastAPI) -> None:
    """Make the app answer every error that it knows with the contract's body."""

    async def on_api_error(request: Request, error: ApiError) -> Response:
        return respond(error.fault, request.scope)

    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        return respond(translate.from_validation(error.errors()), request.scope)

    async def on_http(request: Request, error: HTTPException) -> Response:
        if error.status_code < _FIRST_ERROR:
            return Response(status_code=error.status_code, headers=error.headers)
        return respond(translate.from_http(error, request.method), request.scope)

    async def on_unavailable(request: Request, error: StoreUnavailableError) -> Response:
        _log.warning("http.store_unavailable", reason=str(error))
        return respond(_AWAY, request.scope)

    app.exception_handler(StoreUnavailableError)(on_unavailable)
    app.exception_handler(ApiError)(on_api_error)
    app.exception_handler(RequestValidationError)(on_invalid)
    app.exception_handler(HTTPException)(on_http)


class CatchAll:
    """Answers 500 for what nobody expected, which only the log tells about, and 503 for what a stop cuts off."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an answer that had begun is left cut short, and the server shows that to the client."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            _log.info("http.client_left", method=scope["method"])
        except asyncio.CancelledError:
            _log.warning("http.cut_by_stop", method=scope["method"], answer_begun=begun)
            if not begun:
                await respond(_STOPPING, scope)(scope, receive, send)
            raise
        except Exception:  # noqa: BLE001 - the last line of defence of a service
            _log.exception("http.unexpected", method=scope["method"], answer_begun=begun)
            if not begun:
                await respond(translate.UNEXPECTED, scope)(scope, receive, send)
