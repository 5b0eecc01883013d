# SPDX-License-Identifier: Apache-2.0
"""`GET /v1/audit/records` over a real chain: who may look, what is shown, and that looking is recorded."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ovpo.foundation.auth import Principal, Role
from ovpo.foundation.http.app import create_app
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import open_pool
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.audit import api, cursor
from tests.integration.governance.chains import Chain

PATH = "/v1/audit/records"


@pytest.fixture
def chain(settings: Settings) -> Chain:
    made = Chain.new(settings)
    made.append(7)
    return made


def serve(chain: Chain, role: Role) -> Iterator[TestClient]:
    async def identify() -> Principal:
        return Principal(chain.tenant, role, "abcd1234")

    with open_pool(chain.settings.postgres, PostgresRole.QUERY) as pool:
        app = create_app(
            title="audit",
            version="1",
            service="audit",
            probes={},
            probe_deadline_seconds=1,
            registry=new_registry("audit", "1"),
            routers=[api.router(pool, identify)],
        )
        yield TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(chain: Chain) -> Iterator[TestClient]:
    yield from serve(chain, Role.ADMIN)


def listed(client: TestClient, **parameters: Any) -> dict[str, Any]:
    answer = client.get(PATH, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def seqs(client: TestClient, **parameters: Any) -> list[int]:
    return [record["seq"] for record in listed(client, **parameters)["records"]]


def test_the_newest_records_come_first_and_looking_at_them_is_the_next(client: TestClient, chain: Chain) -> None:
    assert seqs(client) == [7, 6, 5, 4, 3, 2, 1]
    (looked, *_) = listed(client, limit=1)["records"]
    assert (looked["event_type"], looked["actor_id"], looked["seq"]) == ("AUDIT_READ", "key:abcd1234", 8)
    assert (looked["metadata"]["records"], looked["metadata"]["asked"]) == (7, {"limit": 100})
    assert chain.verify().records == 9


def test_a_walk_by_cursor_sees_each_record_once_though_the_walk_itself_adds_some(
    client: TestClient, chain: Chain
) -> None:
    seen: list[int] = []
    answer = listed(client, limit=3)
    while True:
        seen += [record["seq"] for record in answer["records"]]
        if answer["next_cursor"] is None:
            break
        chain.append()
        answer = listed(client, limit=3, cursor=answer["next_cursor"])
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_filters_narrow_the_list(client: TestClient, chain: Chain) -> None:
    border = chain.append()[0].timestamp
    assert seqs(client, resource_id="trace-3") == [4]
    assert seqs(client, resource_type="span") == []
    assert seqs(client, event_type="AUDIT_READ") == [10, 9]
    assert seqs(client, event_type="TRACE_ACCESS", actor="key:abcd1234", limit=2) == [8, 7]
    assert seqs(client, actor="console") == []
    assert seqs(client, **{"from": border.isoformat(), "event_type": "TRACE_ACCESS"}) == [8]
    assert seqs(client, to=border.isoformat(), limit=1) == [7]


def test_a_record_is_shown_whole_so_that_its_hash_can_be_computed(client: TestClient, chain: Chain) -> None:
    shown = listed(client, resource_id="trace-0")["records"][0]
    kept = chain.records()[0]
    assert (shown["audit_id"], shown["record_hash"], shown["previous_hash"]) == (
        str(kept.audit_id),
        kept.record_hash,
        "0" * 64,
    )
    assert shown["metadata"] == {"number": 0, "request_id": "0f0f", "user_agent": "test"}
    assert datetime.fromisoformat(shown["timestamp"]) == kept.timestamp


def test_another_tenant_sees_its_own_chain_only(client: TestClient, chain: Chain) -> None:
    other = Chain.new(chain.settings)
    other.append(2)
    assert {record["tenant_id"] for record in listed(client)["records"]} == {chain.tenant}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER])
def test_who_is_no_administrator_is_refused_and_nothing_is_recorded(chain: Chain, role: Role) -> None:
    for client in serve(chain, role):
        assert client.get(PATH).status_code == 403
    assert chain.verify().records == 7


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"event_type": "NOTHING"}, "event_type"),
        ({"from": "yesterday"}, "from"),
        ({"to": "9999-99-99"}, "to"),
        ({"actor": "x" * 257}, "actor"),
        ({"resource_id": ""}, "resource_id"),
        ({"cursor": "x" * 513}, "cursor"),
        ({"actr": "key:k3v9x2ab"}, "actr"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(client: TestClient, parameters: dict[str, Any], field: str) -> None:
    answer = client.get(PATH, params=parameters)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["details"]["field"]


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


def test_a_cursor_that_is_not_ours_is_refused(client: TestClient, chain: Chain) -> None:
    now = datetime.now(UTC)
    good = cursor.write(5, chain.tenant, now)
    assert seqs(client, cursor=good) == [4, 3, 2, 1]
    for wrong, said in (
        ("", "is none that this API gave"),
        ("%%%", "is none that this API gave"),
        ("é", "is none that this API gave"),
        (good[:-4], "is none that this API gave"),
        (encoded("[]"), "is none that this API gave"),
        (encoded('{"last_seq":-1,"tenant":"x","issued_at":"2026-01-01T00:00:00Z"}'), "is none that this API gave"),
        (encoded('{"last_seq":1e400,"tenant":"x","issued_at":"2026-01-01T00:00:00Z"}'), "is none that this API gave"),
        (encoded('{"last_seq":1,"tenant":"x","issued_at":"0001-01-01T00:00:00+23:00"}'), "belongs to another tenant"),
        (cursor.write(5, "another", now), "belongs to another tenant"),
        (cursor.write(5, chain.tenant, now - timedelta(hours=25)), "is older than 24 hours"),
        (cursor.write(5, chain.tenant, now + timedelta(hours=1)), "is older than 24 hours"),
    ):
        answer = client.get(PATH, params={"cursor": wrong})
        assert (answer.status_code, answer.json()["error"]["details"]) == (400, {"field": "cursor"}), wrong
        assert said in answer.json()["error"]["message"]
