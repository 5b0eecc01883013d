# SPDX-License-Identifier: Apache-2.0
"""One place that puts a service's HTTP app together, so that all services have the same habits; no route of a wing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.types import Lifespan

from ovpo.foundation.http import answers, health
from ovpo.foundation.http.answers import CatchAll
from ovpo.foundation.http.document import ABOUT, LICENSE, truthful
from ovpo.foundation.http.errors import ErrorAnswer
from ovpo.foundation.http.hardening import BodyLimit, SafeHeaders
from ovpo.foundation.http.health import Probe, Readiness
from ovpo.foundation.http.observe import Observe
from ovpo.foundation.http.parameters import only_known_parameters
from ovpo.foundation.http.questions import PlainQuestions
from ovpo.foundation.http.request_id import RequestId
from ovpo.foundation.observability.metrics import HttpMetrics

DEFAULT_BODY_BYTES: Final = 1_048_576


class _Service(FastAPI):
    """An app whose OpenAPI document tells which errors each operation answers."""

    def openapi(self) -> dict[str, Any]:
        """Give the document, made at the first question."""
        if self.openapi_schema is None:
            self.openapi_schema = truthful(super().openapi())
        return self.openapi_schema


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
    larger_bodies: Mapping[str, int] | None = None,
) -> FastAPI:
    """Make a service's app: its routers, health, request ids, errors of the contract, access log, metrics, limits.

    `larger_bodies` names the paths whose bodies may be larger than the others'.
    """
    app = _Service(
        title=title,
        description=ABOUT,
        license_info=LICENSE,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(only_known_parameters)],
        responses={"default": {"model": ErrorAnswer, "description": "An error"}},
        generate_unique_id_function=_name,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    readiness = Readiness(probes, probe_deadline_seconds)
    app.include_router(health.router(service=service, version=version, readiness=readiness, registry=registry))
    for router in routers:
        app.include_router(router)
    answers.install(app)
    app.add_middleware(BodyLimit, most_bytes=most_body_bytes, larger=larger_bodies or {})
    app.add_middleware(PlainQuestions)
    app.add_middleware(CatchAll)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Observe, owner=app, metrics=HttpMetrics.on(registry))
    app.add_middleware(RequestId)
    return app


def _name(route: APIRoute) -> str:
    """Name an operation as its route is named, which is unique within a service."""
    return route.name
