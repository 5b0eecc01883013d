# SPDX-License-Identifier: Apache-2.0
"""Tenants over HTTP: opened, configured without losing a change, closed for ever, all of it audited."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.settings.tree import Settings
from ovpo.governance.access.retention import DEFAULTS
from tests.integration.governance.access_service import Access, Headers, error, prefix_of, serving

PATH = "/v1/tenants"


@pytest.fixture(scope="module")
def access(settings: Settings) -> Iterator[Access]:
    with serving(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def home(access: Access) -> str:
    """The tenant of whoever runs the platform."""
    return access.new_tenant()


@pytest.fixture(scope="module")
def platform(access: Access, home: str) -> Headers:
    return access.key(Role.SUPER_ADMIN, home)


def opened(access: Access, platform: Headers, **more: object) -> dict[str, Any]:
    answer = access.ask("POST", PATH, platform, {"tenant_id": f"t-{uuid4().hex}", "name": "Acme Video"} | more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_tenant_is_opened_gets_its_first_key_and_sees_what_is_configured_of_it(
    access: Access, platform: Headers
) -> None:
    wanted = {
        "tier": "pro",
        "hardware_profile": "h100",
        "legal_hold_default": True,
        "retention": {"traces": {"purge_days": 400}},
    }
    tenant = opened(access, platform, **wanted)
    made = access.ask("POST", f"{PATH}/{tenant['tenant_id']}/keys", platform, {"role": "admin", "label": "first"})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    own = access.ask("GET", "/v1/tenant", {"Authorization": f"Bearer {made.json()['key']}"}).json()
    assert {name: own[name] for name in ("tenant_id", "tier", "hardware_profile", "legal_hold_default")} == {
        "tenant_id": tenant["tenant_id"],
        "tier": "pro",
        "hardware_profile": "h100",
        "legal_hold_default": True,
    }
    assert own["effective_retention"]["traces"] == DEFAULTS["traces"] | {"purge_days": 400}
    assert own["effective_retention"]["frames"] == DEFAULTS["frames"]
    assert "purge_days" not in own["effective_retention"]["audit"]
    assert access.ask("GET", f"{PATH}/{tenant['tenant_id']}", platform).json() == own


def test_a_change_is_audited_in_the_chain_of_the_tenant_it_is_about(
    access: Access, home: str, platform: Headers
) -> None:
    tenant = opened(access, platform)
    name = tenant["tenant_id"]
    change = {"tier": "enterprise", "retention": {"frames": {"purge_days": 365}}, "hardware_profile": "rtx_4090"}
    changed = access.ask("PATCH", f"{PATH}/{name}", platform, change)
    assert changed.json()["revision"] == 2
    access.ask("POST", f"{PATH}/{name}/keys", platform, {"role": "admin", "label": "first"})
    access.ask("DELETE", f"{PATH}/{name}", platform)
    recorded = access.recorded(name)
    said = [(row["event_type"], row["metadata"].get("action")) for row in recorded]
    assert said == [
        ("CONFIG_CHANGE", "opened"),
        ("CONFIG_CHANGE", "configured"),
        ("API_KEY_CREATED", None),
        ("CONFIG_CHANGE", "closed"),
    ]
    assert recorded[1]["metadata"]["changes"] == {
        "tier": {"old": "free", "new": "enterprise"},
        "retention": {"old": {}, "new": {"frames": {"purge_days": 365}}},
        "hardware_profile": {"old": None, "new": "rtx_4090"},
    }
    assert {row["actor_id"] for row in recorded} == {f"key:{prefix_of(platform)}"}
    assert {row["metadata"]["actor_tenant_id"] for row in recorded} == {home}
    assert {row["resource_id"] for row in access.recorded(home)} == set()


def test_what_is_as_it_was_is_neither_changed_nor_recorded(access: Access, platform: Headers) -> None:
    tenant = opened(access, platform)
    same = {"name": tenant["name"], "retention": {"traces": {}}, "hardware_profile": None}
    bodies: list[dict[str, object]] = [{}, same]
    for body in bodies:
        answer = access.ask("PATCH", f"{PATH}/{tenant['tenant_id']}", platform, body)
        assert (answer.status_code, answer.json()) == (200, tenant)
    assert len(access.recorded(tenant["tenant_id"])) == 1


def test_null_clears_the_hardware_profile_and_an_empty_object_the_retention(access: Access, platform: Headers) -> None:
    tenant = opened(access, platform, hardware_profile="h100", retention={"frames": {"hot_days": 3}})
    body: dict[str, object] = {"hardware_profile": None, "retention": {}}
    changed = access.ask("PATCH", f"{PATH}/{tenant['tenant_id']}", platform, body).json()
    assert changed["hardware_profile"] is None
    assert changed["effective_retention"]["frames"] == DEFAULTS["frames"]


def test_a_change_that_is_meant_for_an_older_state_is_refused(access: Access, platform: Headers) -> None:
    path = f"{PATH}/{opened(access, platform)['tenant_id']}"
    tag = access.ask("GET", path, platform).headers["etag"]
    assert access.ask("PATCH", path, platform, {"tier": "pro"}, If_Match=tag).headers["etag"] == '"2"'
    for stale in (tag, "2", 'W/"2"', '"3"', "", "\x7f"):
        answer = access.ask("PATCH", path, platform, {"tier": "enterprise"}, If_Match=stale)
        assert (answer.status_code, error(answer)["details"]) == (409, {"field": "If-Match", "revision": 2})
    assert access.ask("GET", path, platform).json()["tier"] == "pro"
    for met in ('"9", "2"', "*"):
        assert access.ask("PATCH", path, platform, {"name": met}, If_Match=met).status_code == 200


def test_of_many_changes_at_once_that_are_meant_for_one_state_one_wins(access: Access, platform: Headers) -> None:
    name = opened(access, platform)["tenant_id"]
    path = f"{PATH}/{name}"
    hold = "SELECT 1 FROM tenants WHERE tenant_id = %s FOR NO KEY UPDATE"
    renames = [partial(access.ask, "PATCH", path, platform, {"name": new}, If_Match='"1"') for new in "abcd"]
    answers = access.all_at_once(hold, name, renames)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert access.ask("GET", path, platform).json()["revision"] == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"tier": "gold"}, "tier"),
        ({"tier": None}, "tier"),
        ({"legal_hold_default": None}, "legal_hold_default"),
        ({"legal_hold_default": "true"}, "legal_hold_default"),
        ({"hardware_profile": "RTX 4090"}, "hardware_profile"),
        ({"hardware_profile": "h100\n"}, "hardware_profile"),
        ({"retention": None}, "retention"),
        ({"retention": {"audit": {"purge_days": 1}}}, "retention.audit.purge_days"),
        ({"retention": {"frames": {"purge_days": 0}}}, "retention.frames.purge_days"),
        ({"retention": {"frames": {"purge_days": 36501}}}, "retention.frames.purge_days"),
        ({"retention": {"frames": {"purge_days": "30"}}}, "retention.frames.purge_days"),
        ({"retention": {"frames": {"purge_days": 10}}}, "cold_days"),
        ({"retention": {"traces": {"hot_days": 100}}}, "warm_days"),
        ({"retention": {"spans": {}}}, "retention.spans"),
        ({"deleted_at": None}, "deleted_at"),
        ({"tenant_id": "other"}, "tenant_id"),
        ({"revision": 9}, "revision"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused_by_name(
    access: Access, platform: Headers, change: dict[str, object], field: str
) -> None:
    tenant = opened(access, platform)
    answer = access.ask("PATCH", f"{PATH}/{tenant['tenant_id']}", platform, change)
    assert answer.status_code == 400
    assert field in error(answer)["message"]
    assert access.ask("GET", f"{PATH}/{tenant['tenant_id']}", platform).json() == tenant


def test_a_closed_tenants_keys_stop_at_once_and_its_id_is_never_given_again(access: Access, platform: Headers) -> None:
    name = opened(access, platform)["tenant_id"]
    key = access.key(Role.ADMIN, name)
    assert access.ask("GET", "/v1/tenant", key).status_code == 200
    closed = access.ask("DELETE", f"{PATH}/{name}", platform).json()
    assert closed["closed_at"]
    assert access.ask("GET", "/v1/tenant", key).status_code == 401
    again = {"tenant_id": name, "name": "again"}
    refused = [
        access.ask("POST", PATH, platform, again),
        access.ask("PATCH", f"{PATH}/{name}", platform, {"name": "again"}),
        access.ask("POST", f"{PATH}/{name}/keys", platform, {"role": "admin", "label": "again"}),
    ]
    assert [error(answer)["code"] for answer in refused] == ["CONFLICT"] * 3
    assert access.ask("DELETE", f"{PATH}/{name}", platform).json() == closed
    assert access.ask("GET", f"{PATH}/{name}", platform).json() == closed
    assert len(access.recorded(name)) == 2


def test_whoever_runs_the_platform_cannot_close_the_tenant_it_calls_from(
    access: Access, home: str, platform: Headers
) -> None:
    assert error(access.ask("DELETE", f"{PATH}/{home}", platform))["code"] == "CONFLICT"
    assert access.ask("GET", "/v1/tenant", platform).json()["closed_at"] is None


def test_a_tenant_that_is_none_is_not_found(access: Access, platform: Headers) -> None:
    path = f"{PATH}/never-{uuid4().hex}"
    key = {"role": "admin", "label": "x"}
    tries = [("GET", path, None), ("PATCH", path, {}), ("DELETE", path, None), ("POST", f"{path}/keys", key)]
    assert {access.ask(method, where, platform, body).status_code for method, where, body in tries} == {404}


def test_the_list_goes_on_by_cursor_and_shows_every_tenant_once_closed_ones_too(
    access: Access, platform: Headers
) -> None:
    names = {opened(access, platform)["tenant_id"] for _ in range(3)}
    access.ask("DELETE", f"{PATH}/{min(names)}", platform)
    seen: list[str] = []
    query = "?limit=2"
    while query:
        page = access.ask("GET", f"{PATH}{query}", platform).json()
        seen += [tenant["tenant_id"] for tenant in page["tenants"]]
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert names < set(seen)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=%00", "cursor=bm8", "cursor="])
def test_a_page_that_cannot_be_is_refused(access: Access, platform: Headers, query: str) -> None:
    assert access.ask("GET", f"{PATH}?{query}", platform).status_code == 400
