# SPDX-License-Identifier: Apache-2.0
"""What a service says to those who watch it: `/healthz` (it lives), `/readyz` (its backends answer), `/metrics`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, Field

from ovpo.foundation.observability.redact import redact_text

Probe = Callable[[], Awaitable[None]]
_LONGEST_DETAIL: Final = 300
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Alive(BaseModel):
    """The answer of a process that lives."""

    service: str = Field(examples=["query"])
    version: str = Field(examples=["0.1.0"])
    status: str = "alive"


class Backend(BaseModel):
    """How one backend answered."""

    name: str = Field(examples=["postgres"])
    ready: bool
    milliseconds: float = Field(examples=[3.2])
    detail: str | None = Field(None, description="Why it is not ready", examples=["no answer within 3 s"])


class Ready(BaseModel):
    """Whether the service can do its work, and how each of its backends answered."""

    service: str = Field(examples=["query"])
    ready: bool
    backends: list[Backend]


class Readiness:
    """Asks every backend at once, each within the deadline; one that hangs is asked again only after it let go."""

    def __init__(self, probes: Mapping[str, Probe], deadline_seconds: float) -> None:
        self._probes = dict(probes)
        self._deadline = deadline_seconds
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def ask(self) -> list[Backend]:
        """Give each backend's state, in the order in which the probes were handed in."""
        return list(await asyncio.gather(*(self._ask(name) for name in self._probes)))

    async def _ask(self, name: str) -> Backend:
        started = perf_counter()
        task = self._asked.get(name)
        if task is None or task.done():
            task = self._asked[name] = asyncio.create_task(self._probe(name), name=f"probe {name}")
        done, _ = await asyncio.wait({task}, timeout=self._deadline)
        milliseconds = round((perf_counter() - started) * 1000, 1)
        if not done or task.cancelled():
            task.cancel()
            detail: str | None = f"no answer within {self._deadline:g} s"
        else:
            detail = _reason(task.exception())
        return Backend(name=name, ready=detail is None, milliseconds=milliseconds, detail=detail)

    async def _probe(self, name: str) -> None:
        await self._probes[name]()


def router(*, service: str, version: str, readiness: Readiness, registry: CollectorRegistry) -> APIRouter:
    """Make the three routes of a service."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", summary="Tell whether the process lives")
    async def healthz() -> Alive:
        """Say that the process lives; asks nothing else."""
        return Alive(service=service, version=version)

    @routes.get(
        "/readyz",
        summary="Tell whether the backends answer",
        responses={503: {"model": Ready, "description": "A backend is not ready"}},
    )
    async def readyz(response: Response) -> Ready:
        """Ask every backend: 200 if all are ready, else 503."""
        backends = await readiness.ask()
        ready = all(backend.ready for backend in backends)
        response.status_code = 200 if ready else 503
        response.headers.update(_NO_STORE)
        return Ready(service=service, ready=ready, backends=backends)

    @routes.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        """Give the numbers in Prometheus' format."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type, headers=_NO_STORE)

    return routes


def _reason(error: BaseException | None) -> str | None:
    if error is None:
        return None
    said = " ".join(redact_text(str(error)).split())[:_LONGEST_DETAIL]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
