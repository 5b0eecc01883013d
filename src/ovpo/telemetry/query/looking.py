# SPDX-License-Identifier: Apache-2.0
"""A look at one trace: that it is there, its version, and the record of the look on the audit chain."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ovpo.foundation.auth import Principal
from ovpo.foundation.clickhouse.clients import ClientPool
from ovpo.foundation.http.conditional import Version, is_current, unchanged, version_of
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.json_answer import JSON, encode
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.events import EventType
from ovpo.governance.audit.http import actor
from ovpo.telemetry.processor.hardware import Hardware
from ovpo.telemetry.query import events, trace
from ovpo.telemetry.query.bodies import Bodies
from ovpo.telemetry.query.detail import detail
from ovpo.telemetry.query.trace import State


@dataclass(frozen=True, slots=True)
class Stores:
    """Where traces are read from, and what a second of their hardware counts."""

    pool: ConnectionPool
    clickhouse: ClientPool
    bodies: Bodies
    hardware: Hardware


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks at which part of which trace; `asked` is all else that the answer depends on."""

    request: Request
    caller: Principal
    trace_id: str
    part: str
    asked: object
    dated: bool = True
    """Whether the trace's own change is the newest that the answer can show."""

    def version(self, state: State) -> Version:
        """Name the answer that this look gets while the trace is in this state."""
        depends = (self.caller.tenant_id, self.trace_id, self.part, self.asked, state)
        return version_of(*depends, modified=state.modified if self.dated else None)


async def answer(stores: Stores, look: Look, make: Any) -> Response:
    """Record the look, then answer it: 304 where the caller has this version, else what was kept or is made now."""
    version = look.version(await run_in_threadpool(recorded, stores, look))
    if is_current(look.request.headers, version):
        return unchanged(version)
    body = await stores.bodies.of(version, lambda: encode(make()))
    return Response(body, 200, version.headers, JSON)


def recorded(stores: Stores, look: Look) -> State:
    """Find the trace and put the look on the chain of its tenant; 404 where the tenant has no such trace."""
    tenant_id = look.caller.tenant_id
    with tenant_transaction(stores.pool, tenant_id) as connection:
        state = trace.state_of(connection, look.trace_id)
        if state is None:
            raise no_such_trace(look.trace_id)
        current = is_current(look.request.headers, look.version(state))
        entry = actor(look.request, look.caller).entry(
            EventType.TRACE_ACCESS, "trace", look.trace_id, part=look.part, unchanged=current
        )
        append(connection, tenant_id, [entry])
    return state


def whole(stores: Stores, tenant_id: str, trace_id: str, most_events: int) -> dict[str, Any]:
    """Read all that there is of a trace."""
    with tenant_transaction(stores.pool, tenant_id) as connection:
        known = trace.read(connection, trace_id)
    if known is None:
        raise no_such_trace(trace_id)
    with stores.clickhouse.lent() as client:
        found, cut = events.events_of(client, tenant_id, trace_id, most_events)
        gaps = events.gaps_in(client, tenant_id, trace_id) if cut else events.gaps_among(found)
        only = events.is_only_sampled(client, tenant_id, trace_id) if cut else events.are_only_sampled(found)
    return detail(known, found, cut, gaps, only)


def no_such_trace(trace_id: str) -> ApiError:
    """Say that there is no such trace, in the same words whether it is nobody's or another tenant's."""
    return ApiError(Code.NOT_FOUND, f"your tenant has no trace {trace_id}", details={"field": "trace_id"})
