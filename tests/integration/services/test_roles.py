# SPDX-License-Identifier: Apache-2.0
"""Every route of every service, called with no key and with a key of every role: who is let in is what the table says.

A route that is not in the table fails, and so does a line of the table that no route answers to.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from ovpo.foundation.auth import Role
from ovpo.foundation.permissions import Permission, allows
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.access.console import issue
from ovpo.services import query, sop
from ovpo.telemetry.collector import app as collector

PATIENCE_SECONDS: Final = 60


class Open(Enum):
    """What needs no permission."""

    TO_ALL = "no key at all"
    TO_ANY_KEY = "a key of whichever role"


Need = Permission | Open
Answers = dict[tuple[str, str], dict[Role | None, int]]
"""By service and route, the status that each role is answered."""
EVERYWHERE: Final[Mapping[str, Need]] = MappingProxyType(
    {
        "GET /healthz": Open.TO_ALL,
        "GET /readyz": Open.TO_ALL,
        "GET /metrics": Open.TO_ALL,
        "GET /openapi.json": Open.TO_ALL,
    }
)
QUERY: Final[Mapping[str, Need]] = MappingProxyType(
    {
        **EVERYWHERE,
        "GET /": Open.TO_ALL,
        "GET /v1/objects/{key:path}": Open.TO_ALL,  # by a signed link
        "GET /v1/files/{key:path}": Open.TO_ALL,  # by a signed link
        "GET /v1/whoami": Open.TO_ANY_KEY,
        "GET /v1/traces": Permission.TRACE_READ,
        "GET /v1/traces/{trace_id}": Permission.TRACE_READ,
        "GET /v1/traces/{trace_id}/frames": Permission.TRACE_READ,
        "GET /v1/traces/{trace_id}/compare/{other_id}": Permission.TRACE_READ,
        "GET /v1/traces/{trace_id}/thumbnails": Permission.ARTIFACT_READ,
        "GET /v1/live/traces": Permission.TRACE_READ,
        "GET /v1/views": Permission.TRACE_READ,
        "POST /v1/views": Permission.TRACE_READ,
        "GET /v1/views/{view_id}": Permission.TRACE_READ,
        "PUT /v1/views/{view_id}": Permission.TRACE_READ,
        "DELETE /v1/views/{view_id}": Permission.TRACE_READ,
        "POST /v1/artifacts/signed-url": Permission.ARTIFACT_READ,
        "GET /v1/analytics/bottlenecks": Permission.METRIC_READ,
        "POST /v1/analytics/costs/calculate": Permission.METRIC_READ,
        "GET /v1/analytics/quality": Permission.METRIC_READ,
        "GET /v1/analytics/throughput": Permission.METRIC_READ,
        "GET /v1/alerts": Permission.ALERT_READ,
        "GET /v1/alerts/rules": Permission.ALERT_READ,
        "GET /v1/alerts/{alert_id}": Permission.ALERT_READ,
        "GET /v1/audit/records": Permission.AUDIT_READ,
        "POST /v1/platform/inspections": Permission.PLATFORM_INSPECT,
        "GET /v1/platform/inspections/{inspection_id}": Permission.PLATFORM_INSPECT,
        "GET /v1/tenant": Permission.TRACE_READ,
        "POST /v1/tenants": Permission.ADMIN_TENANTS,
        "GET /v1/tenants": Permission.ADMIN_TENANTS,
        "GET /v1/tenants/{tenant_id}": Permission.ADMIN_TENANTS,
        "PATCH /v1/tenants/{tenant_id}": Permission.ADMIN_TENANTS,
        "DELETE /v1/tenants/{tenant_id}": Permission.ADMIN_TENANTS,
        "POST /v1/tenants/{tenant_id}/keys": Permission.ADMIN_TENANTS,
        "POST /v1/keys": Permission.ADMIN_KEYS,
        "GET /v1/keys": Permission.ADMIN_KEYS,
        "GET /v1/keys/{prefix}": Permission.ADMIN_KEYS,
        "POST /v1/keys/{prefix}/rotate": Permission.ADMIN_KEYS,
        "DELETE /v1/keys/{prefix}": Permission.ADMIN_KEYS,
    }
)
COLLECTOR: Final[Mapping[str, Need]] = MappingProxyType(
    {**EVERYWHERE, "GET /v1/whoami": Open.TO_ANY_KEY, "POST /v1/ingest/batch": Permission.TRACE_WRITE}
)
SOP: Final[Mapping[str, Need]] = MappingProxyType(
    {
        **EVERYWHERE,
        "GET /v1/whoami": Open.TO_ANY_KEY,
        "POST /v1/sop/videos": Permission.VIDEO_WRITE,
        "GET /v1/sop/videos": Permission.VIDEO_READ,
        "GET /v1/sop/videos/{video_id}": Permission.VIDEO_READ,
        "DELETE /v1/sop/videos/{video_id}": Permission.ADMIN_DELETE,
        "GET /v1/sop/videos/{video_id}/file": Permission.VIDEO_READ,
        "GET /v1/sop/videos/{video_id}/thumbnail": Permission.VIDEO_READ,
        "GET /v1/sop/tasks": Permission.VIDEO_READ,
        "GET /v1/sop/tasks/{task_id}/gold": Permission.VIDEO_READ,
        "PUT /v1/sop/tasks/{task_id}/gold": Permission.DEFINITION_WRITE,
        "POST /v1/sop/scores": Permission.SCORE_RUN,
        "GET /v1/sop/scores": Permission.SCORE_READ,
        "GET /v1/sop/scores.csv": Permission.SCORE_READ,
        "GET /v1/sop/scores/{score_id}": Permission.SCORE_READ,
        "POST /v1/sop/scores/{score_id}/cancel": Permission.SCORE_RUN,
        "POST /v1/sop/scores/{score_id}/retry": Permission.SCORE_RUN,
        "PUT /v1/sop/scores/{score_id}/review": Permission.SCORE_REVIEW,
        "GET /v1/sop/scores/{score_id}/report.pdf": Permission.SCORE_READ,
        "GET /v1/sop/scores/{score_id}/evidence": Permission.SCORE_READ,
        "GET /v1/sop/scores/{score_id}/evidence/{name}": Permission.SCORE_READ,
        "POST /v1/sop/neighbours": Permission.VIDEO_READ,
        "GET /v1/sop/definitions": Permission.DEFINITION_READ,
        "GET /v1/sop/definitions/{task_id}": Permission.DEFINITION_READ,
        "PUT /v1/sop/definitions/{task_id}": Permission.DEFINITION_WRITE,
        "DELETE /v1/sop/definitions/{task_id}": Permission.DEFINITION_WRITE,
        "GET /v1/sop/definitions/{task_id}/versions": Permission.DEFINITION_READ,
        "GET /v1/sop/definitions/{task_id}/versions/{version}": Permission.DEFINITION_READ,
        "DELETE /v1/sop/definitions/{task_id}/versions/{version}": Permission.DEFINITION_WRITE,
        "POST /v1/sop/trainings": Permission.TRAINING_RUN,
        "GET /v1/sop/trainings/{training_id}": Permission.SCORE_READ,
        "GET /v1/sop/adapters": Permission.SCORE_READ,
        "GET /v1/sop/trends/operators": Permission.SCORE_READ,
        "GET /v1/sop/trends/steps": Permission.SCORE_READ,
    }
)
TABLES: Final = {"query": QUERY, "collector": COLLECTOR, "sop": SOP}
MAKERS: Final = {"query": query.create, "collector": collector.create, "sop": sop.create}
CALLS: Final = [(service, route) for service, table in TABLES.items() for route in table]
_IMPLIED_METHODS: Final = frozenset({"HEAD", "OPTIONS"})
_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_EXAMPLES: Final = {"prefix": "zzzzzzzz", "tenant_id": "no-such-tenant", "key": "no/such/object", "version": "1"}


@dataclass(frozen=True)
class Caller:
    """A key, or none."""

    role: Role | None
    header: str | None


def routes_of(app: FastAPI) -> set[str]:
    """Give `METHOD /template` of each route of an app."""
    return {
        f"{method} {context.path}"
        for context in iter_route_contexts(app.routes)
        for method in (context.methods or ())
        if method not in _IMPLIED_METHODS
    }


def expected(need: Need, role: Role | None) -> int | None:
    """Give the status that refuses a caller of this role; None when it is let in."""
    if need is Open.TO_ALL:
        return None
    if role is None:
        return 401
    return 403 if isinstance(need, Permission) and not allows(role, need) else None


async def status_of(app: FastAPI, route: str, header: str | None) -> int:
    """Call a route as a server would, and leave as soon as its answer begins: some of them never end."""
    method, template = route.split(" ", 1)
    path = _PARAMETER.sub(lambda found: _EXAMPLES.get(found[1], str(uuid4())), template)
    headers = [(b"host", b"test"), (b"content-type", b"application/json")]
    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    left = asyncio.Event()
    bodies = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        if (body := next(bodies, None)) is not None:
            return body
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and not begun.done():
            begun.set_result(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [*headers, (b"authorization", header.encode())] if header else headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    serving = asyncio.create_task(app(scope, receive, send))
    try:
        waited_for: set[asyncio.Future[Any]] = {begun, serving}
        await asyncio.wait(waited_for, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        assert begun.done(), f"{route} did not begin to answer"
        return begun.result()
    finally:
        left.set()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture(scope="module")
def callers(settings: Settings) -> list[Caller]:
    """A key of each role, of tenants that may ask often, and nobody's."""
    found = [Caller(None, None)]
    for role in Role:
        name = f"t-{uuid4().hex}"
        with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
            connection.execute(
                "INSERT INTO tenants (tenant_id, name, tier) VALUES (%s, %s, 'enterprise')", (name, name)
            )
        key = issue(settings, name, role, "roles", None)
        assert key is not None
        found.append(Caller(role, f"Bearer {key.text}"))
    return found


@pytest.fixture(scope="module")
def answers(settings: Settings, callers: list[Caller]) -> Answers:
    """The status of each route in the tables to each caller; the services run for as long as it takes to ask."""

    async def ask(app: FastAPI, service: str) -> Answers:
        async with app.router.lifespan_context(app):
            return {
                (service, route): {caller.role: await status_of(app, route, caller.header) for caller in callers}
                for route in TABLES[service]
            }

    with asyncio.Runner() as runner:
        found: Answers = {}
        for service, create in MAKERS.items():
            found |= runner.run(ask(create(settings), service))
    return found


def test_every_route_is_in_the_table_and_every_line_of_the_table_is_a_route(settings: Settings) -> None:
    apps = {service: create(settings) for service, create in MAKERS.items()}
    routes = {(service, route) for service, app in apps.items() for route in routes_of(app)}
    assert routes - set(CALLS) == set()
    assert set(CALLS) - routes == set()


@pytest.mark.parametrize(("service", "route"), CALLS, ids=[" ".join(call) for call in CALLS])
def test_a_route_lets_in_whoever_the_table_says_and_refuses_the_others(
    service: str, route: str, answers: Answers
) -> None:
    need = TABLES[service][route]
    for role, status in answers[service, route].items():
        if (refused := expected(need, role)) is not None:
            assert status == refused, f"{role} was answered {status}"
        elif need is Open.TO_ALL:
            assert status != 401, f"{role} was answered {status}"
        else:
            assert status not in {401, 403}, f"{role} was answered {status}"
            assert status < 500, f"{role} was answered {status}"
