# SPDX-License-Identifier: Apache-2.0
"""`/v1/tenants` for whoever runs the platform, `/v1/tenant` for all about their own. What is done is `tenants`'."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Request, Response
from psycopg_pool import ConnectionPool
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify, require, utc_now
from ovpo.foundation.permissions import Permission
from ovpo.foundation.rates.tiers import Tier
from ovpo.governance.access import api_keys, tenants
from ovpo.governance.access.api_keys import Maker
from ovpo.governance.access.cursor import Place, cursor_of, place_of
from ovpo.governance.access.fields import Cursor, HardwareName, IfMatch, Limit, TenantId, TenantIdText, Text
from ovpo.governance.access.keys_api import CreatedKey, KeyWanted, show_once
from ovpo.governance.access.refusals import Refusal, RefusedError, governing
from ovpo.governance.access.retention import Retention, effective
from ovpo.governance.access.tenants import Configuration, Tenant
from ovpo.governance.audit.events import Actor
from ovpo.governance.audit.http import actor

PATH = "/v1/tenants"
_LIST = "tenants"


class TenantWanted(BaseModel):
    """A tenant to be opened."""

    model_config = ConfigDict(extra="forbid")
    tenant_id: TenantIdText = Field(description="Its id for ever; that of a closed tenant is never given again")
    name: Text = Field(examples=["Acme Video"])
    tier: Tier = Field(Tier.FREE, description="How fast it may send and ask")
    retention: Retention = Field(Retention(), description="Days that differ from the defaults")
    hardware_profile: HardwareName | None = Field(
        None, description="Accelerator to count for spans that name none in `gpu.model`"
    )
    legal_hold_default: StrictBool = Field(default=False, description="Whether new traces are under legal hold")


class TenantChange(BaseModel):
    """What is to be configured anew; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    name: Text | None = Field(None, examples=["Acme Video"])
    tier: Tier | None = Field(None, description="How fast it may send and ask")
    retention: Retention | None = Field(None, description="All days that differ from the defaults; `{}` for none")
    hardware_profile: HardwareName | None = Field(None, description="Accelerator to count; null for none")
    legal_hold_default: StrictBool | None = Field(None, description="Whether new traces are under legal hold")

    @model_validator(mode="after")
    def _no_null_but_the_profile(self) -> Self:
        for name in self.model_fields_set - {"hardware_profile"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} is null; give a value or leave it out")
        return self

    def applied(self, to: Configuration) -> Configuration:
        """Give a configuration with what is set here."""
        return replace(to, **{name: getattr(self, name) for name in self.model_fields_set})


class TenantAnswer(BaseModel):
    """A tenant and what is configured of it."""

    tenant_id: str = Field(examples=["acme-video"])
    name: str = Field(examples=["Acme Video"])
    tier: Tier
    retention: Retention = Field(description="Days that were set")
    effective_retention: Retention = Field(description="Days that hold: those that were set, else the defaults")
    hardware_profile: str | None = Field(examples=["rtx_4090"])
    legal_hold_default: bool
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = Field(description="Since when its keys are refused; its data stays until retention")
    revision: int = Field(description="Rises with each change; the ETag", examples=[3])


class TenantPage(BaseModel):
    """Some tenants, the newest first."""

    tenants: list[TenantAnswer]
    next_cursor: str | None = Field(
        description="Where the next page begins; none after the last", examples=["eyJsYXN0X3RpbWVzdGFtcCI6…"]
    )


def router(
    pool: ConnectionPool,
    identify: Identify,
    *,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    now: Callable[[], datetime] = utc_now,
) -> APIRouter:
    """Make the routes; the pool is of a role that sees every tenant."""
    routes = APIRouter(prefix="/v1", tags=["access"])
    Anybody = Annotated[Principal, Depends(require(Permission.TRACE_READ, identify))]  # noqa: N806
    Platform = Annotated[Principal, Depends(require(Permission.ADMIN_TENANTS, identify))]  # noqa: N806

    @routes.get("/tenant")
    def get_own_tenant(caller: Anybody, response: Response) -> TenantAnswer:
        """Tell about the tenant of the caller's own key, and what is configured of it."""
        with governing(pool) as connection:
            return _tagged(tenants.known(connection, caller.tenant_id), response)

    @routes.post("/tenants", status_code=201, responses={409: {"description": "The id is taken"}})
    def open_tenant(wanted: TenantWanted, caller: Platform, request: Request, response: Response) -> TenantAnswer:
        """Open a tenant; it has no key yet."""
        configuration = Configuration(
            wanted.name, wanted.tier, wanted.retention, wanted.hardware_profile, wanted.legal_hold_default
        )
        with governing(pool) as connection:
            made = tenants.add(connection, wanted.tenant_id, configuration, _who(request, caller), now())
            if made is None:
                raise RefusedError(
                    Refusal.STATE, f"tenant_id: {wanted.tenant_id} is taken; choose another", field="tenant_id"
                )
        response.headers["Location"] = f"{PATH}/{made.tenant_id}"
        return _tagged(made, response)

    @routes.get("/tenants", dependencies=[Depends(require(Permission.ADMIN_TENANTS, identify))])
    def list_tenants(limit: Limit = 100, cursor: Cursor = None) -> TenantPage:
        """List every tenant, closed ones too, the newest first."""
        moment = now()
        with governing(pool) as connection:
            found = tenants.listed(connection, place_of(cursor, _LIST, moment), limit + 1)
        shown, rest = found[:limit], found[limit:]
        more = cursor_of(Place(shown[-1].created_at, shown[-1].tenant_id), _LIST, moment) if rest else None
        return TenantPage(tenants=[_answer(tenant) for tenant in shown], next_cursor=more)

    @routes.get("/tenants/{tenant_id}", dependencies=[Depends(require(Permission.ADMIN_TENANTS, identify))])
    def get_tenant(tenant_id: TenantId, response: Response) -> TenantAnswer:
        """Tell about a tenant, closed or not."""
        with governing(pool) as connection:
            return _tagged(tenants.known(connection, tenant_id), response)

    @routes.patch(
        "/tenants/{tenant_id}",
        responses={409: {"description": "The tenant is closed, or in another state than If-Match names"}},
    )
    def configure_tenant(
        tenant_id: TenantId,
        wanted: TenantChange,
        caller: Platform,
        request: Request,
        response: Response,
        if_match: IfMatch = None,
    ) -> TenantAnswer:
        """Configure a tenant; with `If-Match`, only as long as nobody else did."""
        with governing(pool) as connection:
            tenant = tenants.held(connection, tenant_id)
            _require_meant(if_match, tenant)
            to = wanted.applied(tenant.configuration)
            return _tagged(tenants.change(connection, tenant, to, _who(request, caller), now()), response)

    @routes.delete(
        "/tenants/{tenant_id}", responses={409: {"description": "It is the tenant of the key that you call with"}}
    )
    def close_tenant(tenant_id: TenantId, caller: Platform, request: Request, response: Response) -> TenantAnswer:
        """Close a tenant: its keys stop at once, its data stays for retention and erasure, its id is never given again.

        Closing it again changes nothing. The tenant of the key you call with cannot be closed so.
        """
        with governing(pool) as connection:
            _require_another(tenant_id, caller)
            return _tagged(tenants.close(connection, tenant_id, _who(request, caller), now()), response)

    @routes.post("/tenants/{tenant_id}/keys", status_code=201, responses={409: {"description": "The tenant is closed"}})
    def create_key_of_tenant(
        tenant_id: TenantId, wanted: KeyWanted, caller: Platform, request: Request, response: Response
    ) -> CreatedKey:
        """Make a key of any tenant, such as the first one of a new tenant; its text is shown this once."""
        maker = Maker(_who(request, caller), caller.role, now(), random_bytes)
        with governing(pool) as connection:
            made = api_keys.issue(connection, tenant_id, wanted.asked(), maker)
        return show_once(made, maker.now, response)

    return routes


def _who(request: Request, caller: Principal) -> Actor:
    """Tell who acts on a tenant that may be another one than the actor's."""
    who = actor(request, caller)
    return replace(who, context={**who.context, "actor_tenant_id": caller.tenant_id})


def _etag(tenant: Tenant) -> str:
    return f'"{tenant.revision}"'


def _require_meant(if_match: str | None, tenant: Tenant) -> None:
    """Refuse a change that is meant for another state of the tenant than it is in."""
    if if_match is None or not {"*", _etag(tenant)}.isdisjoint(tag.strip() for tag in if_match.split(",")):
        return
    raise RefusedError(
        Refusal.STATE,
        f"If-Match: the tenant is at {_etag(tenant)} by now; read it again and repeat the change",
        field="If-Match",
        revision=tenant.revision,
    )


def _require_another(tenant_id: str, caller: Principal) -> None:
    """Refuse what would shut out whoever asks for it."""
    if tenant_id == caller.tenant_id:
        raise RefusedError(
            Refusal.STATE, f"{tenant_id} is the tenant of the key you call with; use a key of another tenant"
        )


def _tagged(tenant: Tenant, response: Response) -> TenantAnswer:
    response.headers["ETag"] = _etag(tenant)
    response.headers["Cache-Control"] = "private, no-cache"
    return _answer(tenant)


def _answer(tenant: Tenant) -> TenantAnswer:
    configuration = tenant.configuration
    return TenantAnswer(
        tenant_id=tenant.tenant_id,
        name=configuration.name,
        tier=configuration.tier,
        retention=configuration.retention,
        effective_retention=effective(configuration.retention),
        hardware_profile=configuration.hardware_profile,
        legal_hold_default=configuration.legal_hold_default,
        created_at=tenant.created_at,
        updated_at=tenant.updated_at,
        closed_at=tenant.closed_at,
        revision=tenant.revision,
    )
