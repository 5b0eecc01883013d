# SPDX-License-Identifier: Apache-2.0
"""Admission to a service as a FastAPI dependency: a caller whose key is good, and whose tenant is within its rate."""

from typing import Annotated

from fastapi import Depends, Request

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.rates import headers
from ovpo.foundation.rates.limit import RateLimit


def admitted(identify: Identify, rate: RateLimit) -> Identify:
    """Make the dependency that tells who calls, and answers 429 to a tenant that asks faster than its tier allows."""

    async def admit(request: Request, caller: Annotated[Principal, Depends(identify)]) -> Principal:
        standing = await rate.take(caller.tenant_id)
        headers.tell(request.scope, standing)
        if not standing.granted:
            raise ApiError(
                Code.RATE_LIMIT_EXCEEDED,
                f"your tenant asks faster than its tier allows; go on in {standing.retry_after_seconds} s",
                retry_after=standing.retry_after_seconds,
            )
        return caller

    return admit
