# SPDX-License-Identifier: Apache-2.0
"""`GET /v1/live/traces`: the traces of a tenant as they change, as server-sent events."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from ovpo.foundation.auth import Principal
from ovpo.foundation.cache import Cache, CacheUnavailableError
from ovpo.foundation.http.access import Identify, require
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.stopping import Stopping
from ovpo.foundation.permissions import Permission
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.events import Entry, EventType
from ovpo.governance.audit.http import actor
from ovpo.telemetry.live import log_of

POLL_SECONDS: Final = 0.5
BEAT_SECONDS: Final = 15.0
LONGEST_SECONDS: Final = 600.0
"""After this a stream ends and the client comes again, with a key that is checked anew."""
MOST_A_TENANT: Final = 20
MOST: Final = 200
_AT_ONCE: Final = 500
_POSITION: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")
_BEGINNING: Final = "0-0"
_RELOAD: Final = "event: reload\ndata: {}\n\n"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events `trace`, each with a trace as the list shows it; `reload` where some were missed",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@dataclass(slots=True)
class Lookers:
    """Who follows now; bounded, because each holds a connection for minutes."""

    by_tenant: Counter[str] = field(default_factory=Counter)

    def enter(self, tenant_id: str) -> None:
        """Take one more in, or refuse it where there are too many."""
        if self.by_tenant[tenant_id] >= MOST_A_TENANT or self.by_tenant.total() >= MOST:
            raise ApiError(
                Code.RATE_LIMIT_EXCEEDED, "too many follow live traces now; close a stream or ask again", retry_after=30
            )
        self.by_tenant[tenant_id] += 1

    def leave(self, tenant_id: str) -> None:
        """Let one go."""
        self.by_tenant[tenant_id] -= 1


class Stream(StreamingResponse):
    """An answer that is told of its end, however it ends, even if it never began."""

    def __init__(self, lines: AsyncIterator[str], ended: Callable[[], None]) -> None:
        super().__init__(lines, media_type="text/event-stream", headers=_HEADERS)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


def router(pool: ConnectionPool, cache: Cache, identify: Identify, stopping: Stopping) -> APIRouter:
    """Make the route."""
    routes = APIRouter(prefix="/v1/live", tags=["traces"])
    lookers = Lookers()

    def note(tenant_id: str, entry: Entry) -> None:
        with tenant_transaction(pool, tenant_id) as connection:
            append(connection, tenant_id, [entry])

    @routes.get("/traces", response_class=StreamingResponse, responses=_DOCUMENTED)
    async def follow_traces(
        request: Request,
        caller: Annotated[Principal, Depends(require(Permission.TRACE_READ, identify))],
        last_event_id: Annotated[str | None, Header(description="The last event that came; browsers send it")] = None,
    ) -> StreamingResponse:
        """Follow the traces of your tenant: an event about a second after each change.

        A stream that was cut goes on where it was, for an hour; after ten minutes it ends and is to be opened anew.
        """
        if last_event_id is not None and not _POSITION.fullmatch(last_event_id):
            raise ApiError(
                Code.INVALID_FORMAT,
                "header.last-event-id: takes the id of an event of this stream",
                details={"field": "last-event-id"},
            )
        tenant_id = caller.tenant_id
        lookers.enter(tenant_id)
        try:
            begun = await cache.ends(log_of(tenant_id))
            entry = actor(request, caller).entry(EventType.TRACE_QUERY, "traces", "live")
            await run_in_threadpool(note, tenant_id, entry)
        except BaseException:
            lookers.leave(tenant_id)
            raise
        lines = changes(cache, tenant_id, last_event_id, begun, stopping)
        return Stream(lines, lambda: lookers.leave(tenant_id))

    return routes


async def changes(
    cache: Cache, tenant_id: str, position: str | None, ends: tuple[str, str] | None, stopping: Stopping
) -> AsyncIterator[str]:
    """Give the lines of a stream until it has lasted long enough, the service stops, or Valkey goes away.

    `ends` are those of the log before the answer began: what comes after its first byte is in the stream.
    """
    log, end, beat = log_of(tenant_id), monotonic() + LONGEST_SECONDS, monotonic() + BEAT_SECONDS
    yield "retry: 2000\n\n"
    try:
        if position is not None and ends is None:
            yield _RELOAD
        position = (ends[1] if ends else _BEGINNING) if position is None or ends is None else position
        while monotonic() < end and not stopping.is_set:
            ends = await cache.ends(log)
            if ends is not None and position != _BEGINNING and _order(position) < _order(ends[0]):
                yield _RELOAD
                position = ends[1]
            found = await cache.after(log, position, _AT_ONCE)
            for position, line in found:
                yield f"id: {position}\nevent: trace\ndata: {line.decode()}\n\n"
            if found:
                beat = monotonic() + BEAT_SECONDS
            elif monotonic() >= beat:
                beat = monotonic() + BEAT_SECONDS
                yield ": still here\n\n"
            if len(found) < _AT_ONCE:
                await stopping.within(POLL_SECONDS)
    except CacheUnavailableError:
        yield "event: away\ndata: {}\n\n"


def _order(position: str) -> tuple[int, int]:
    milliseconds, number = position.split("-")
    return int(milliseconds), int(number)
