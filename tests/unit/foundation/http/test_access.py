# SPDX-License-Identifier: Apache-2.0
"""Who is let in over HTTP, and how the others are told."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated

import httpx
import pytest
import structlog
from fastapi import APIRouter, Depends

from ovpo.foundation.auth import KeyStoreError, Principal, Role, StoredKey
from ovpo.foundation.http.access import principal, require
from ovpo.foundation.keys import mint
from ovpo.foundation.permissions import Permission

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
KEY = mint(lambda size: bytes(range(size)))
NOW = datetime(2026, 11, 21, tzinfo=UTC)
BEARER = {"Authorization": f"Bearer {KEY.text}"}


class Kept:
    """A store that holds one key of a role, or cannot be asked when the role is None."""

    def __init__(self, role: Role | None) -> None:
        self.role = role
        self.asked = 0

    async def find(self, prefix: str) -> StoredKey | None:
        self.asked += 1
        if self.role is None:
            raise KeyStoreError("no connection")
        if prefix != KEY.prefix:
            return None
        return StoredKey(prefix, KEY.digest, "demo", self.role, expires_at=None, revoked_at=None)


def routes_for(store: Kept) -> APIRouter:
    routes = APIRouter()
    identify = principal(store, lambda: NOW)

    @routes.get("/me")
    async def me(caller: Annotated[Principal, Depends(identify)]) -> dict[str, object]:
        return {"tenant": caller.tenant_id, "bound": structlog.contextvars.get_contextvars().get("tenant_id")}

    @routes.get("/admin", dependencies=[Depends(require(Permission.ADMIN_KEYS, identify))])
    async def admin(caller: Annotated[Principal, Depends(identify)]) -> str:
        return caller.role.value

    return routes


def get(client: Client, store: Kept, path: str, headers: dict[str, str]) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with client(routes_for(store)) as opened:
            return await opened.get(path, headers=headers)

    return asyncio.run(ask())


def test_a_good_key_is_let_in_and_its_tenant_bound_to_the_log(client: Client) -> None:
    assert get(client, Kept(Role.VIEWER), "/me", BEARER).json() == {"tenant": "demo", "bound": "demo"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic x"}, {"Authorization": BEARER["Authorization"] + "x"}]
)
def test_any_other_is_answered_401_with_the_contracts_body(client: Client, headers: dict[str, str]) -> None:
    answer = get(client, Kept(Role.VIEWER), "/me", headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "UNAUTHORIZED"
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(("role", "status"), [(Role.DEVELOPER, 403), (Role.ADMIN, 200), (Role.SUPER_ADMIN, 200)])
def test_a_role_below_the_needed_one_is_answered_403(client: Client, role: Role, status: int) -> None:
    answer = get(client, Kept(role), "/admin", BEARER)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["code"] == "FORBIDDEN"
        assert answer.json()["error"]["details"] == {"permission": "admin:keys", "needed": "admin", "role": role.value}


def test_a_store_that_cannot_be_asked_is_503_and_not_401(client: Client) -> None:
    answer = get(client, Kept(None), "/me", BEARER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "2"
    assert "no connection" not in answer.text


def test_the_store_is_asked_once_per_request(client: Client) -> None:
    store = Kept(Role.ADMIN)
    get(client, store, "/admin", BEARER)
    assert store.asked == 1


def test_the_scheme_is_documented(client: Client) -> None:
    document = get(client, Kept(Role.ADMIN), "/openapi.json", {}).json()
    assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    assert document["paths"]["/me"]["get"]["security"] == [{"ApiKey": []}]
    assert document["paths"]["/admin"]["get"]["security"] == [{"ApiKey": ["admin:keys"]}]
