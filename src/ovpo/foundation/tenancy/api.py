# SPDX-License-Identifier: Apache-2.0
"""`GET /v1/whoami`: who the server takes the caller for."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify


class WhoAmI(BaseModel):
    """The caller, as its key says."""

    tenant_id: str = Field(examples=["demo"])
    role: str = Field(examples=["admin"])
    key_prefix: str = Field(description="The public part of the key", examples=["k3v9x2ab"])


def router(identify: Identify) -> APIRouter:
    """Make the route."""
    routes = APIRouter(prefix="/v1", tags=["access"])

    @routes.get("/whoami", summary="Tell who calls")
    async def whoami(caller: Annotated[Principal, Depends(identify)]) -> WhoAmI:
        """Tell which tenant and role the presented key stands for."""
        return WhoAmI(tenant_id=caller.tenant_id, role=caller.role.value, key_prefix=caller.key_prefix)

    return routes
