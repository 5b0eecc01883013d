# SPDX-License-Identifier: Apache-2.0
"""One place that puts a service's HTTP app together, so that all services have the same habits; no route of a wing."""

from collections.abc import Mapping, Sequence
from typing import Final

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Lifespan

from ovpo.foundation.http import answers, health
from ovpo.foundation.http.answers import CatchAll
from ovpo.foundation.http.errors import ErrorAnswer
from ovpo.foundation.http.hardening import BodyLimit, SafeHeaders
from ovpo.foundation.http.health import Probe, Readiness
from ovpo.foundation.http.observe import Observe
from ovpo.foundation.http.request_id import RequestId
from ovpo.foundation.observability.metrics import HttpMetrics

DEFAULT_BODY_BYTES: Final = 1_048_576


def create_app(
    *,
    title: str,
    version: str,
    service: str,
    probes: Mapping[str, Probe],
    probe_deadline_seconds: float,
    registry: CollectorRegistry,
    routers: Sequence[APIRouter],
    lifespan: Lifespan[FastAPI] | None = None,
    most_body_bytes: int = DEFAULT_BODY_BYTES,
) -> FastAPI:
    """Make a service's app: its routers, health, request ids, errors of the contract, access log, metrics, limits."""
    app = FastAPI(
        title=title,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": {"model": ErrorAnswer, "description": "An error"}},
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    readiness = Readiness(probes, probe_deadline_seconds)
    app.include_router(health.router(service=service, version=version, readiness=readiness, registry=registry))
    for router in routers:
        app.include_router(router)
    answers.install(app)
    app.add_middleware(BodyLimit, most_bytes=most_body_bytes)
    app.add_middleware(CatchAll)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Observe, owner=app, metrics=HttpMetrics.on(registry))
    app.add_middleware(RequestId)
    return app
