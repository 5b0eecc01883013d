# SPDX-License-Identifier: Apache-2.0
"""The query API over real stores: who may ask what, what they are told, and what happens when a store is away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from ovpo.foundation.auth import Role
from ovpo.foundation.inspection import observations
from ovpo.foundation.inspection.requests import LANE
from ovpo.foundation.inspection.stores import Observation
from ovpo.foundation.ledger.items import State, hour_of
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.postgres.connect import conninfo, open_pool, transaction
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.access.console import issue
from ovpo.services.query import create
from tests.conftest import free_ports

PATH = "/v1/platform/inspections"


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def other_tenant(settings: Settings) -> str:
    name = f"other-{uuid4().hex}"
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute("INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", (name, name))
    return name


def bearer(settings: Settings, role: Role, tenant: str = "demo", expires: datetime | None = None) -> dict[str, str]:
    key = issue(settings, tenant, role, "test", expires)
    assert key is not None
    return {"Authorization": f"Bearer {key.text}"}


def error(answer: object) -> str:
    body = answer.json()  # type: ignore[attr-defined]
    assert body["error"]["request_id"] == answer.headers["x-request-id"]  # type: ignore[attr-defined]
    return str(body["error"]["code"])


def test_a_key_tells_its_tenant_and_role(api: TestClient, settings: Settings) -> None:
    answer = api.get("/v1/whoami", headers=bearer(settings, Role.VIEWER))
    assert answer.status_code == 200
    assert (answer.json()["tenant_id"], answer.json()["role"]) == ("demo", "viewer")


def test_no_key_a_wrong_key_an_expired_and_a_revoked_key_are_unauthorized(api: TestClient, settings: Settings) -> None:
    good = bearer(settings, Role.ADMIN)
    expired = bearer(settings, Role.ADMIN, expires=datetime.now(UTC) - timedelta(seconds=1))
    revoked = bearer(settings, Role.ADMIN)
    prefix = revoked["Authorization"].split("_")[2]
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute("UPDATE api_keys SET revoked_at = now() WHERE prefix = %s", (prefix,))
    wrong = {"Authorization": good["Authorization"][:-1] + ("a" if good["Authorization"][-1] != "a" else "b")}
    for headers in ({}, {"Authorization": "Basic x"}, wrong, expired, revoked):
        answer = api.get("/v1/whoami", headers=headers)
        assert answer.status_code == 401
        assert error(answer) == "UNAUTHORIZED"
    assert api.get("/v1/whoami", headers=good).status_code == 200


def test_only_an_administrator_may_ask_for_an_inspection(api: TestClient, settings: Settings) -> None:
    for role in (Role.VIEWER, Role.DEVELOPER):
        answer = api.post(PATH, headers=bearer(settings, role))
        assert answer.status_code == 403
        assert error(answer) == "FORBIDDEN"
    assert api.post(PATH, headers=bearer(settings, Role.ADMIN)).status_code == 202
    assert api.post(PATH, headers=bearer(settings, Role.SUPER_ADMIN)).status_code == 202


def test_a_request_is_queued_and_shows_its_report_once_a_run_finished_it(api: TestClient, settings: Settings) -> None:
    headers = bearer(settings, Role.ADMIN)
    asked = api.post(PATH, headers=headers)
    assert asked.headers["location"] == f"{PATH}/{asked.json()['inspection_id']}"
    assert (asked.json()["state"], asked.json()["report"]) == ("queued", [])
    now, look = datetime.now(UTC), uuid4()
    seen = Observation(look, now, "postgres", ready=True, milliseconds=1.5, version="v", bytes=7, detail="")
    observations.keep(settings.clickhouse, [seen])
    with open_pool(settings.postgres, PostgresRole.PROCESS) as pool, transaction(pool) as connection:
        ledger = Session(connection)
        ledger.claim(LANE, hour_of(now) - timedelta(hours=1), hour_of(now), "run", now)
        ledger.settle([UUID(asked.json()["inspection_id"])], "run", State.FINISHED, now, result=str(look))
    found = api.get(asked.headers["location"], headers=headers).json()
    assert found["state"] == "finished"
    assert [(row["store"], row["ready"], row["milliseconds"], row["bytes"]) for row in found["report"]] == [
        ("postgres", True, 1.5, 7)
    ]


def test_another_tenant_finds_no_such_inspection(api: TestClient, settings: Settings, other_tenant: str) -> None:
    asked = api.post(PATH, headers=bearer(settings, Role.ADMIN))
    answer = api.get(asked.headers["location"], headers=bearer(settings, Role.SUPER_ADMIN, other_tenant))
    assert answer.status_code == 404
    assert error(answer) == "NOT_FOUND"


def test_an_id_that_is_none_is_named(api: TestClient, settings: Settings) -> None:
    answer = api.get(f"{PATH}/42", headers=bearer(settings, Role.ADMIN))
    assert answer.status_code == 400
    assert "inspection_id" in str(answer.json()["error"])


def test_a_signed_link_gives_the_object_until_it_expires_and_to_nobody_who_changed_it(
    api: TestClient, settings: Settings
) -> None:
    objects = open_objects(settings.objects, settings.query, settings.home)
    objects.put("reports/é.txt", b"hello")
    link = urlsplit(objects.sign("reports/é.txt", timedelta(minutes=1)))
    local = f"{link.path}?{link.query}"
    answer = api.get(local)
    assert (answer.status_code, answer.content) == (200, b"hello")
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    changed = local.replace("reports", "secrets")
    assert error(api.get(changed)) == "FORBIDDEN"
    assert error(api.get(local.replace("expires=", "expires=9"))) == "FORBIDDEN"
    objects.delete("reports/é.txt")
    assert error(api.get(local)) == "NOT_FOUND"


def test_readiness_asks_every_store(api: TestClient) -> None:
    answer = api.get("/readyz")
    assert answer.status_code == 200
    assert all(backend["ready"] for backend in answer.json()["backends"])


def test_a_report_that_cannot_be_read_now_is_service_unavailable(settings: Settings) -> None:
    (nobody,) = free_ports(1)
    away = settings.model_copy(update={"clickhouse": settings.clickhouse.model_copy(update={"port": nobody})})
    headers = bearer(settings, Role.ADMIN)
    with TestClient(create(away), raise_server_exceptions=False) as api:
        asked = api.post(PATH, headers=headers)
        now = datetime.now(UTC)
        with open_pool(settings.postgres, PostgresRole.PROCESS) as pool, transaction(pool) as connection:
            ledger = Session(connection)
            ledger.claim(LANE, hour_of(now) - timedelta(hours=1), hour_of(now), "run", now)
            ledger.settle([UUID(asked.json()["inspection_id"])], "run", State.FINISHED, now, result=str(uuid4()))
        answer = api.get(asked.headers["location"], headers=headers)
    assert (answer.status_code, error(answer)) == (503, "SERVICE_UNAVAILABLE")


def test_stores_that_are_away_are_told_one_by_one_and_keys_cannot_be_checked(settings: Settings) -> None:
    (nobody,) = free_ports(1)
    away = settings.model_copy(
        update={
            "postgres": settings.postgres.model_copy(update={"port": nobody}),
            "cache": settings.cache.model_copy(update={"port": nobody}),
        }
    )
    with TestClient(create(away), raise_server_exceptions=False) as api:
        answer = api.get("/readyz")
        assert answer.status_code == 503
        ready = {backend["name"]: backend["ready"] for backend in answer.json()["backends"]}
        assert ready == {"postgres": False, "clickhouse": True, "broker": True, "cache": False, "objects": True}
        assert api.get("/healthz").status_code == 200
        asked = api.get("/v1/whoami", headers=bearer(settings, Role.ADMIN))
        assert asked.status_code == 503
        assert error(asked) == "SERVICE_UNAVAILABLE"
        assert int(asked.headers["retry-after"]) > 0
