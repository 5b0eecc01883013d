# SPDX-License-Identifier: Apache-2.0
"""The routes: queries at `/`, and what a ClickHouse server and a service of the house answer beside them."""

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ovpo.foundation.clickhouse.server.service import Service

_READ = ["GET", "HEAD"]


def build(service: Service) -> Starlette:
    """The ASGI application over one service."""

    async def ready(_: Request) -> Response:
        if await service.alive():
            return PlainTextResponse("Ok.\n")
        return PlainTextResponse("The engine does not answer.\n", status_code=503)

    async def metrics(_: Request) -> Response:
        return Response(service.page(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/", service, methods=["GET", "HEAD", "POST"]),
            Route("/ping", _ok, methods=_READ),
            Route("/healthz", _ok, methods=_READ),
            Route("/replicas_status", _ok, methods=_READ),
            Route("/readyz", ready, methods=_READ),
            Route("/metrics", metrics, methods=_READ),
        ],
        exception_handlers={404: _nowhere},
    )


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


async def _nowhere(request: Request, _: Exception) -> Response:
    text = f"There is no handle {request.url.path}. Send queries to / and ask /ping, /readyz or /metrics for health.\n"
    return PlainTextResponse(text, status_code=404)
