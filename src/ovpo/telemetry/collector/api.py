# SPDX-License-Identifier: Apache-2.0
"""`POST /v1/ingest/batch`: from a request to an arrival, from an answer to a response. What is done is `intake`'s."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify, require
from ovpo.foundation.http.errors import Code
from ovpo.foundation.permissions import Permission
from ovpo.foundation.rates import headers
from ovpo.foundation.rates.limit import RateLimit
from ovpo.telemetry.collector import declared
from ovpo.telemetry.collector.answer import BatchAnswer
from ovpo.telemetry.collector.decoding import decode
from ovpo.telemetry.collector.intake import Arrival, Intake
from ovpo.telemetry.collector.refusal import RefusedError

PATH: Final = "/v1/ingest/batch"
_TOO_SLOW: Final = 408
_BATCH: Final = {
    "schema_version": "0.08",
    "batch_id": "0d1f6a3e-6c0b-4f5e-9a55-1b1f0d6d2c11",
    "sent_at": "2026-11-21T12:00:11Z",
    "items": [
        {
            "type": "span",
            "schema_version": "0.08",
            "span_id": "f4dc9b64-3c83-4fa4-9025-a09eeefefc04",
            "trace_id": "1243f7dc-6290-4b1d-bf6f-d5231213dfe7",
            "span_kind": "SPAN_KIND_SAMPLING",
            "name": "denoise",
            "start_time": "2026-11-21T12:00:02Z",
            "end_time": "2026-11-21T12:00:10Z",
            "status": "OK",
            "attributes": {"gpu.model": "h100"},
        }
    ],
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A batch of schemas/v0.08/ingest_batch.schema.json, at most 5 MiB; gzip and zstd are taken",
        "content": {"application/json": {"schema": {"type": "object"}, "example": _BATCH}},
    }
}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    408: {"description": "The body did not arrive in time"},
    409: {"description": "The Idempotency-Key was used with another body"},
}


def router(
    identify: Identify, rate: RateLimit, intake: Intake, body_seconds: float, now: Callable[[], datetime]
) -> APIRouter:
    """Make the route."""
    routes = APIRouter(tags=["ingest"])

    async def admit(
        request: Request, caller: Annotated[Principal, Depends(require(Permission.TRACE_WRITE, identify))]
    ) -> str:
        """Let a sender pass that is within its rate; give its tenant."""
        standing = await rate.take(caller.tenant_id)
        headers.tell(request.scope, standing)
        if not standing.granted:
            raise RefusedError(
                Code.RATE_LIMIT_EXCEEDED,
                f"your tenant sends faster than its tier allows; go on in {standing.retry_after_seconds} s",
                retry_after=standing.retry_after_seconds,
            )
        return caller.tenant_id

    @routes.post(
        PATH,
        openapi_extra=_BODY,
        response_model=BatchAnswer,
        response_model_exclude_unset=True,
        responses=_REFUSED,
    )
    async def ingest_batch(request: Request, tenant_id: Annotated[str, Depends(admit)]) -> Response:
        """Take a batch of traces, spans and frame events; 200 means that every item not refused is durable."""
        received_at = now()
        said = declared.read(request.headers)
        try:
            async with asyncio.timeout(body_seconds):
                body = await decode(request.stream(), said.encoding)
        except TimeoutError:
            raise HTTPException(
                _TOO_SLOW, f"The body did not arrive within {body_seconds:g} s; send it again"
            ) from None
        answer = await intake.take(Arrival(tenant_id, body, said.idempotency_key, received_at))
        return Response(answer.as_json(), media_type="application/json")

    return routes
