# SPDX-License-Identifier: Apache-2.0
"""The routes of traces: the list, one trace, its frames. Each look is on the audit chain before it is shown."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify, require
from ovpo.foundation.http.conditional import is_current, unchanged, version_of
from ovpo.foundation.http.fields import TraceId
from ovpo.foundation.http.json_answer import json_answer
from ovpo.foundation.permissions import Permission
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.events import EventType
from ovpo.governance.audit.http import actor
from ovpo.telemetry.query import comparison, examples, shapes, timeline
from ovpo.telemetry.query.examples import shown
from ovpo.telemetry.query.listing import page
from ovpo.telemetry.query.looking import Look, Stores, answer, in_one_go, no_such_trace, recorded, whole
from ovpo.telemetry.query.questions import Question
from ovpo.telemetry.query.stretch import StretchQuery

NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "Nothing changed since the tag or date"}}


def router(stores: Stores, identify: Identify, now: Callable[[], datetime]) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix="/v1/traces", tags=["traces"])
    Reader = Annotated[Principal, Depends(require(Permission.TRACE_READ, identify))]  # noqa: N806

    @routes.get("", responses={200: shown(shapes.TracePage, examples.TRACE_PAGE), **NOT_MODIFIED})
    def list_traces(request: Request, question: Annotated[Question, Query()], caller: Reader) -> Response:
        """List traces, the newest first unless another order is asked for; every filter that is given must hold.

        A walk by `next_cursor` meets each trace that was there when it began exactly once, however many are written
        meanwhile, as long as the value that the list is ordered by does not change.
        """
        with tenant_transaction(stores.pool, caller.tenant_id) as connection:
            found = page(connection, caller.tenant_id, question, now())
            asked = {
                "filters": sorted(question.model_fields_set - {"limit", "cursor"}),
                "order": f"{question.order_by} {question.order_dir}",
                "shown": len(found.rows),
            }
            entry = actor(request, caller).entry(EventType.TRACE_QUERY, "traces", "list", **asked)
            append(connection, caller.tenant_id, [entry])
        more = found.next_cursor is not None
        states = [(row["trace_id"], row["updated_at"]) for row in found.rows]
        version = version_of(caller.tenant_id, question.list_identity, question.limit, question.cursor, states, more)
        if is_current(request.headers, version):
            return unchanged(version)
        return json_answer({"traces": found.rows, "has_more": more, "next_cursor": found.next_cursor}, version.headers)

    @routes.get("/{trace_id}", responses={200: shown(shapes.TraceDetail, examples.TRACE), **NOT_MODIFIED})
    async def get_trace(
        request: Request,
        trace_id: TraceId,
        caller: Reader,
        events: Annotated[int, Query(ge=0, le=10_000, description="Most frame events to show")] = 1_000,
    ) -> Response:
        """Show one trace: its record, spans, frame events, what it adds up to, and how complete it is."""
        look = Look(request, caller, trace_id, "whole", events)
        return await answer(stores, look, lambda state: whole(stores, caller.tenant_id, trace_id, events, state))

    @routes.get("/{trace_id}/frames", responses={200: shown(shapes.Timeline, examples.TIMELINE), **NOT_MODIFIED})
    async def get_frames(
        request: Request, trace_id: TraceId, asked: Annotated[StretchQuery, Query()], caller: Reader
    ) -> Response:
        """Show metrics of a trace's frames over media time, at as many points as are asked for.

        A trace of a hundred thousand frames comes as buckets with the mean, least and greatest value of each, so that
        no peak is lost; a stretch with fewer frames than points comes frame by frame.
        """

        def drawn() -> dict[str, Any]:
            with stores.clickhouse.lent() as client:
                return {"trace_id": trace_id, **timeline.draw(client, caller.tenant_id, trace_id, asked.stretch)}

        return await answer(stores, Look(request, caller, trace_id, "frames", asked), in_one_go(drawn))

    @routes.get(
        "/{trace_id}/compare/{other_id}",
        responses={200: shown(shapes.TraceComparison, examples.COMPARISON), **NOT_MODIFIED},
    )
    async def compare_traces(request: Request, trace_id: TraceId, other_id: TraceId, caller: Reader) -> Response:
        """Set two traces side by side: stages by kind, frames by media time, and what each has alone."""
        tenant_id = caller.tenant_id
        ids = (trace_id, other_id)
        other = await run_in_threadpool(recorded, stores, Look(request, caller, other_id, "compare", trace_id))
        asked = (other_id, other, stores.hardware.version)

        def both() -> dict[str, Any]:
            with tenant_transaction(stores.pool, tenant_id) as connection:
                sides = comparison.sides(connection, stores.hardware, ids)
            if sides is None:
                raise no_such_trace(f"{trace_id} or {other_id}")
            with stores.clickhouse.lent() as client:
                events = comparison.frames(client, tenant_id, ids)
            return comparison.answer(ids, sides, events)

        return await answer(stores, Look(request, caller, trace_id, "compare", asked, dated=False), in_one_go(both))

    return routes
