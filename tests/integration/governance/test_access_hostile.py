# SPDX-License-Identifier: Apache-2.0
"""Whoever tries to learn or do more with keys and tenants than its key allows learns and does nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from tests.integration.governance.access_service import Access, Headers, error, prefix_of, serving

NOBODYS = "zzzzzzzz"
TRICKS = [
    "' OR 1=1 --",
    "demo';DROP TABLE tenants;--",
    "%27%20OR%20%271%27%3D%271",
    "..%2F..%2Fdemo",
    "demo%00",
    "DEMO",
    "dem%6f%0a",
    "d\u00e9mo",
    "a" * 129,
    "%",
    "*",
]


@pytest.fixture(scope="module")
def access(settings: Settings) -> Iterator[Access]:
    with serving(settings) as opened:
        yield opened


def routes_of_a_key(prefix: str) -> list[tuple[str, str]]:
    return [("GET", f"/v1/keys/{prefix}"), ("POST", f"/v1/keys/{prefix}/rotate"), ("DELETE", f"/v1/keys/{prefix}")]


def test_a_viewer_cannot_learn_that_a_key_exists(access: Access) -> None:
    tenant = access.new_tenant()
    viewer, admin = access.key(Role.VIEWER, tenant), access.key(Role.ADMIN, tenant)
    for there, absent in zip(routes_of_a_key(prefix_of(admin)), routes_of_a_key(NOBODYS), strict=True):
        answers = [error(access.ask(method, path, viewer)) for method, path in (there, absent)]
        assert answers[0] == answers[1]
        assert answers[0]["code"] == "FORBIDDEN"


def test_a_key_of_another_tenant_is_as_absent_as_none(access: Access) -> None:
    admin = access.key(Role.ADMIN, access.new_tenant())
    platform = access.key(Role.SUPER_ADMIN, access.new_tenant())
    foreign = prefix_of(access.key(Role.VIEWER, access.new_tenant()))
    for caller in (admin, platform):
        for there, absent in zip(routes_of_a_key(foreign), routes_of_a_key(NOBODYS), strict=True):
            told = [error(access.ask(method, path, caller)) for method, path in (there, absent)]
            assert {said["code"] for said in told} == {"NOT_FOUND"}
            assert told[0]["message"].replace(foreign, NOBODYS) == told[1]["message"]
    assert access.rows("SELECT revoked_at, replaced_by FROM api_keys WHERE prefix = %s", foreign) == [
        {"revoked_at": None, "replaced_by": None}
    ]


@pytest.mark.parametrize("trick", ["AAAAAAAA", "aaaaaaa%27", "aaaaaaaa%00", "a", "a" * 9, "%25%25%25%25%25%25%25%25",
                                   "aaaa;--%20", "aaaaaaa%0a"])  # fmt: skip
def test_a_prefix_that_can_be_none_is_refused_and_not_looked_for(access: Access, trick: str) -> None:
    admin = access.key(Role.ADMIN, "demo")
    for method, path in routes_of_a_key(trick):
        answer = access.ask(method, path, admin)
        assert (answer.status_code, error(answer)["code"]) == (400, "INVALID_FORMAT")


def test_the_prefix_of_one_key_with_the_secret_of_another_opens_nothing(access: Access) -> None:
    one, two = (access.key(role, access.new_tenant()) for role in (Role.VIEWER, Role.SUPER_ADMIN))
    mixed = one["Authorization"].replace(prefix_of(one), prefix_of(two))
    upper = one["Authorization"].replace(prefix_of(one), prefix_of(one).upper())
    wild = one["Authorization"].replace(prefix_of(one), "%" * 8)
    for header in (mixed, upper, wild, one["Authorization"].upper(), one["Authorization"] + " ", f"Bearer {NOBODYS}"):
        answer = access.ask("GET", "/v1/whoami", {"Authorization": header})
        assert answer.status_code == 401, header


def test_expired_revoked_and_closed_are_unauthorized_and_only_expiry_is_told(access: Access) -> None:
    tenant = access.new_tenant()
    expired = access.key(Role.ADMIN, tenant, datetime.now(UTC) - timedelta(seconds=1))
    revoked, closed = access.key(Role.ADMIN, tenant), access.key(Role.ADMIN, access.new_tenant())
    unknown = {"Authorization": f"Bearer ovpo_sk_{NOBODYS}_{'a' * 52}"}
    access.rows("UPDATE api_keys SET revoked_at = now() WHERE prefix = %s RETURNING 1", prefix_of(revoked))
    access.rows(
        "UPDATE tenants SET deleted_at = now() FROM api_keys AS k "
        "WHERE k.tenant_id = tenants.tenant_id AND k.prefix = %s RETURNING 1",
        prefix_of(closed),
    )
    told = [error(access.ask("GET", "/v1/whoami", key)) for key in (revoked, closed, unknown, expired)]
    assert {said["code"] for said in told} == {"UNAUTHORIZED"}
    assert told[0] == told[1] == told[2]
    assert "expired" in told[3]["message"]


@pytest.mark.parametrize("trick", TRICKS)
def test_an_id_that_can_be_no_tenants_is_refused_in_path_and_body(access: Access, trick: str) -> None:
    platform = access.key(Role.SUPER_ADMIN, "demo")
    before = access.rows("SELECT count(*) AS tenants FROM tenants")
    calls = [
        access.ask("GET", f"/v1/tenants/{trick}", platform),
        access.ask("PATCH", f"/v1/tenants/{trick}", platform, {"name": "x"}),
        access.ask("DELETE", f"/v1/tenants/{trick}", platform),
        access.ask("POST", f"/v1/tenants/{trick}/keys", platform, {"role": "viewer", "label": "x"}),
        access.ask("POST", "/v1/tenants", platform, {"tenant_id": trick, "name": "x"}),
    ]
    assert {answer.status_code for answer in calls} <= {400, 404}
    assert calls[-1].status_code == 400
    assert access.rows("SELECT count(*) AS tenants FROM tenants") == before


def test_a_tenant_that_is_given_beside_the_key_changes_nothing(access: Access) -> None:
    other = access.new_tenant()
    admin = access.key(Role.ADMIN, access.new_tenant())
    there = access.ask("GET", f"/v1/keys?tenant_id={other}", admin)
    assert there.status_code == 400 or all(key["tenant_id"] != other for key in there.json()["keys"])
    spoofed = access.ask("GET", "/v1/tenant", admin, X_Tenant_Id=other, X_OVPO_Tenant=other)
    assert spoofed.json()["tenant_id"] != other


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (PostgresRole.GOVERN, "DELETE FROM tenants"),
        (PostgresRole.GOVERN, "DELETE FROM api_keys"),
        (PostgresRole.GOVERN, "TRUNCATE api_keys"),
        (PostgresRole.GOVERN, "SELECT digest FROM api_keys"),
        (PostgresRole.GOVERN, "SELECT * FROM api_keys"),
        (PostgresRole.GOVERN, "UPDATE api_keys SET role = 'super_admin'"),
        (PostgresRole.GOVERN, "UPDATE api_keys SET tenant_id = 'demo'"),
        (PostgresRole.GOVERN, "UPDATE api_keys SET digest = decode(repeat('00', 32), 'hex')"),
        (PostgresRole.GOVERN, "UPDATE tenants SET tenant_id = 'other'"),
        (PostgresRole.GOVERN, "SELECT * FROM api_key_by_prefix('aaaaaaaa')"),
        (PostgresRole.GOVERN, "SELECT touch_api_key('aaaaaaaa')"),
        (PostgresRole.GOVERN, "SELECT * FROM traces"),
        (PostgresRole.PROCESS, "SELECT touch_api_key('aaaaaaaa')"),
        (PostgresRole.PROCESS, "UPDATE tenants SET legal_hold_default = false"),
        (PostgresRole.QUERY, "UPDATE tenants SET tier = 'enterprise'"),
        (PostgresRole.QUERY, "UPDATE api_keys SET revoked_at = NULL"),
        (PostgresRole.COLLECT, "UPDATE api_keys SET last_used_at = now()"),
    ],
)
def test_a_database_role_may_not_do_what_is_not_its_work(
    settings: Settings, role: PostgresRole, statement: str
) -> None:
    with (
        psycopg.connect(conninfo(settings.postgres, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


@pytest.mark.parametrize("role", [PostgresRole.QUERY, PostgresRole.COLLECT])
def test_a_role_that_checks_keys_may_note_their_use_and_see_one_by_its_prefix(
    access: Access, role: PostgresRole
) -> None:
    prefix = prefix_of(access.key(Role.VIEWER, "demo"))
    with psycopg.connect(conninfo(access.settings.postgres, role)) as connection:
        connection.execute("SELECT touch_api_key(%s)", (prefix,))
        found = connection.execute(
            "SELECT tenant_id, tenant_closed_at FROM api_key_by_prefix(%s)", (prefix,)
        ).fetchall()
    assert found == [("demo", None)]
    assert access.rows("SELECT last_used_at IS NOT NULL AS noted FROM api_keys WHERE prefix = %s", prefix) == [
        {"noted": True}
    ]


def test_what_is_closed_or_revoked_cannot_be_opened_again_by_the_role_that_governs(access: Access) -> None:
    tenant = access.new_tenant()
    key: Headers = access.key(Role.VIEWER, tenant)
    access.rows("UPDATE tenants SET deleted_at = now() WHERE tenant_id = %s RETURNING 1", tenant)
    access.rows("UPDATE api_keys SET revoked_at = now() WHERE prefix = %s RETURNING 1", prefix_of(key))
    with psycopg.connect(conninfo(access.settings.postgres, PostgresRole.GOVERN)) as connection:
        reopened = connection.execute("UPDATE tenants SET deleted_at = NULL WHERE tenant_id = %s", (tenant,))
        revived = connection.execute("UPDATE api_keys SET revoked_at = NULL WHERE prefix = %s", (prefix_of(key),))
    assert (reopened.rowcount, revived.rowcount) == (0, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE api_keys SET label = E'a\\nb'",
        "UPDATE tenants SET retention = '{\"audit\": {\"purge_days\": 1}}' WHERE tenant_id = 'demo'",
        "UPDATE tenants SET retention = '{\"everything\": {}}' WHERE tenant_id = 'demo'",
        "UPDATE tenants SET retention = '[]' WHERE tenant_id = 'demo'",
        "UPDATE tenants SET hardware_profile = 'RTX 4090' WHERE tenant_id = 'demo'",
        "UPDATE tenants SET name = E'a\\tb' WHERE tenant_id = 'demo'",
    ],
)
def test_the_tables_refuse_what_the_service_would(settings: Settings, statement: str) -> None:
    with (
        psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(statement.encode())
