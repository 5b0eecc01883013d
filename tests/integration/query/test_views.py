# SPDX-License-Identifier: Apache-2.0
"""Saved views: kept for a tenant, checked like the question that they are, changed by whom they belong to."""

from typing import Any

import pytest

from ovpo.foundation.auth import Role
from ovpo.governance.access.console import issue
from tests.integration.query.conftest import NewTenant, Tenant

FAILED: dict[str, Any] = {"name": "Failed", "query": {"status": "FAILED", "order_by": "total_ms"}}


def save(tenant: Tenant, view: dict[str, Any]) -> Any:
    return tenant.api.post("/v1/views", headers=tenant.headers, json=view)


def another_key(tenant: Tenant, role: Role) -> dict[str, str]:
    key = issue(tenant.settings, tenant.name, role, "another", None)
    assert key is not None
    return {"Authorization": f"Bearer {key.text}"}


def test_a_view_is_kept_and_its_question_works(tenant: Tenant) -> None:
    saved = save(tenant, FAILED)
    assert saved.status_code == 201
    view = saved.json()
    assert tenant.found("/v1/views") == {"views": [view]}
    assert tenant.found(f"/v1/views/{view['view_id']}")["query"] == FAILED["query"]
    assert tenant.get("/v1/traces?" + "&".join(f"{k}={v}" for k, v in view["query"].items())).status_code == 200
    assert ("CONFIG_CHANGE", "view", view["view_id"]) in [line[:3] for line in tenant.audited()]


def test_a_view_is_changed_and_forgotten_by_its_maker_or_an_admin(tenant: Tenant) -> None:
    path = f"/v1/views/{save(tenant, FAILED).json()['view_id']}"
    other, admin = another_key(tenant, Role.DEVELOPER), another_key(tenant, Role.ADMIN)
    changed = {"name": "Slow", "query": {"order_by": "total_ms"}}
    assert tenant.api.put(path, headers=other, json=changed).status_code == 403
    assert tenant.api.delete(path, headers=other).status_code == 403
    assert tenant.api.put(path, headers=tenant.headers, json=changed).json()["name"] == "Slow"
    assert tenant.api.delete(path, headers=admin).status_code == 204
    assert tenant.get(path).status_code == 404


def test_no_tenant_sees_or_touches_anothers_views(new_tenant: NewTenant) -> None:
    one, other = new_tenant(), new_tenant(Role.ADMIN)
    path = f"/v1/views/{save(one, FAILED).json()['view_id']}"
    assert other.found("/v1/views") == {"views": []}
    assert other.get(path).status_code == 404
    assert other.api.delete(path, headers=other.headers).status_code == 404
    assert save(other, FAILED).status_code == 201


def test_two_views_of_one_name_are_a_conflict(tenant: Tenant) -> None:
    assert save(tenant, FAILED).status_code == 201
    answer = save(tenant, FAILED)
    assert (answer.status_code, answer.json()["error"]["details"]) == (409, {"field": "name"})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "body.name"),
        ({"name": "a\u0007b"}, "body.name"),
        ({"query": {"status": "DONE"}}, "query.status"),
        ({"query": {"cursor": "x"}}, "query"),
        ({"query": {"tenant_id": "demo"}}, "query.tenant_id"),
        ({"query": {"limit": "many"}}, "query.limit"),
        ({"query": {"model": "\u0000"}}, "query.model"),
        ({"owner": "me"}, "body.owner"),
    ],
)
def test_what_the_list_would_refuse_is_refused(tenant: Tenant, change: dict[str, Any], field: str) -> None:
    answer = save(tenant, FAILED | change)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["details"]["field"] == field


def test_half_a_surrogate_pair_which_json_can_spell_and_utf_8_cannot_is_refused(tenant: Tenant) -> None:
    headers = tenant.headers | {"Content-Type": "application/json"}
    answer = tenant.api.post("/v1/views", headers=headers, content=b'{"name": "\\ud800", "query": {}}')
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "body.name")
