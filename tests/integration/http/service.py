# SPDX-License-Identifier: Apache-2.0
"""A tiny service for the tests, run as a process: routes that answer, fail, hang and take their time."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.http.app import create_app
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.serve import Listen, serve
from ovpo.foundation.observability import logs, metrics
from ovpo.foundation.settings.tree import Log

NAME, VERSION = "tiny", "1.2.3"
backends = {"store": "ready", "queue": "ready"}
routes = APIRouter(prefix="/v1")


class Order(BaseModel):
    """A body with one field of each kind that the tests break."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=5)
    count: Annotated[int, Field(ge=1)]
    id: UUID


@routes.post("/orders")
async def orders(order: Order) -> dict[str, str]:
    return {"name": order.name}


@routes.get("/orders/{number}")
async def an_order(number: int) -> dict[str, int]:
    return {"number": number}


@routes.put("/backends/{name}/{state}")
async def set_backend(name: str, state: str) -> None:
    backends[name] = state


@routes.get("/boom")
async def boom() -> None:
    raise RuntimeError("postgresql://ovpo:hunter2@db/ovpo broke")


@routes.get("/half")
async def half() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("half way")

    return StreamingResponse(parts())


@routes.get("/busy")
async def busy() -> None:
    raise ApiError(Code.RATE_LIMIT_EXCEEDED, "Too many requests", details={"limit": 1}, retry_after=7)


@routes.get("/slow")
async def slow(seconds: float) -> dict[str, bool]:
    structlog.stdlib.get_logger().info("slow.begun")
    await asyncio.sleep(seconds)
    return {"finished": True}


@routes.get("/stubborn")
async def stubborn() -> None:
    structlog.stdlib.get_logger().info("stubborn.begun")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            structlog.stdlib.get_logger().info("stubborn.stays")


async def probe(name: str) -> None:
    if backends[name] == "hanging":
        await asyncio.sleep(600)
    if backends[name] == "failing":
        raise ConnectionError(f"no {name} at redis://:hunter2@cache:6379/0")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    if sys.argv[3:] == ["broken"]:
        raise RuntimeError("the pool cannot be opened")
    yield
    structlog.stdlib.get_logger().info("lifespan.closed")


if __name__ == "__main__":
    logs.configure(Log(), NAME)
    app = create_app(
        title="Tiny",
        version=VERSION,
        service=NAME,
        probes={"store": lambda: probe("store"), "queue": lambda: probe("queue")},
        probe_deadline_seconds=0.3,
        registry=metrics.new_registry(NAME, VERSION),
        routers=[routes],
        lifespan=lifespan,
        most_body_bytes=2000,
    )
    listen = Listen("127.0.0.1", int(sys.argv[1]), "OVPO_TINY__HOST", "OVPO_TINY__PORT")
    sys.exit(serve(app, listen, stop_within_seconds=float(sys.argv[2])))
