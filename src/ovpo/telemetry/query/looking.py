# SPDX-License-Identifier: Apache-2.0
"""A look at one trace: that it is there, its version, and the record of the look on the audit chain."""

import asyncio
from collections.abc import Awaitable, Callable
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
from ovpo.telemetry.query import trace
from ovpo.telemetry.query.bodies import Bodies
from ovpo.telemetry.query.detail import Counted, count, detail
from ovpo.telemetry.query.events import Frames, frames_of
from ovpo.telemetry.query.trace import State

Make = Callable[[State], Awaitable[bytes]]
"""Makes the body of an answer about a trace that was just found in this state."""


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


async def answer(stores: Stores, look: Look, make: Make) -> Response:
    """Answer a look once it is recorded: 304 where the caller has this version, else what was kept or is made now.

    What there is to show is fetched while the look is being written on the chain, and shown when it is there.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[State] = loop.create_future()

    def tell(state: State) -> None:
        loop.call_soon_threadsafe(found.set_result, state)

    recording = asyncio.ensure_future(run_in_threadpool(recorded, stores, look, tell))
    await asyncio.wait({found, recording}, return_when=asyncio.FIRST_COMPLETED)
    state = found.result() if found.done() else await recording
    version = look.version(state)
    if is_current(look.request.headers, version):
        await recording
        return unchanged(version)
    body, _ = await asyncio.gather(stores.bodies.of(version, lambda: make(state)), recording)
    return Response(body, 200, version.headers, JSON)


def in_one_go(make: Callable[[], Any]) -> Make:
    """Make an answer in one thread, from whatever state the trace is in by then."""
    return lambda _: run_in_threadpool(lambda: encode(make()))


def recorded(stores: Stores, look: Look, tell: Callable[[State], None] = lambda _: None) -> State:
    """Find the trace, tell its state, put the look on the chain of its tenant; 404 where there is no such trace."""
    tenant_id = look.caller.tenant_id
    with tenant_transaction(stores.pool, tenant_id) as connection:
        state = trace.state_of(connection, look.trace_id)
        if state is None:
            raise no_such_trace(look.trace_id)
        tell(state)
        current = is_current(look.request.headers, look.version(state))
        entry = actor(look.request, look.caller).entry(
            EventType.TRACE_ACCESS, "trace", look.trace_id, part=look.part, unchanged=current
        )
        append(connection, tenant_id, [entry])
    return state


async def whole(stores: Stores, tenant_id: str, trace_id: str, most_events: int, state: State) -> bytes:
    """Read all that there is of a trace, from both stores at once."""

    def known() -> Counted:
        with tenant_transaction(stores.pool, tenant_id) as connection:
            found = trace.read(connection, trace_id)
        if found is None:
            raise no_such_trace(trace_id)
        return count(found, only_sampled=False)

    def observed() -> Frames:
        with stores.clickhouse.lent() as client:
            return frames_of(client, tenant_id, trace_id, most_events, state.frame_events or 0)

    both = await asyncio.gather(run_in_threadpool(known), run_in_threadpool(observed))
    return await run_in_threadpool(lambda: encode(detail(*both)))


def no_such_trace(trace_id: str) -> ApiError:
    """Say that there is no such trace, in the same words whether it is nobody's or another tenant's."""
    return ApiError(Code.NOT_FOUND, f"your tenant has no trace {trace_id}", details={"field": "trace_id"})
