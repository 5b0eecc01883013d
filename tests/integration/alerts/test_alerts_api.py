# SPDX-License-Identifier: Apache-2.0
"""The routes of alerts over real stores: filters, pages, tenants, what is audited and what is never shown."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from ovpo.foundation.auth import Role
from ovpo.foundation.http.access import principal
from ovpo.foundation.http.app import create_app
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import open_pool
from ovpo.foundation.settings.tree import PostgresRole
from ovpo.foundation.tenancy.key_store import PostgresKeys
from ovpo.governance.access.console import issue
from ovpo.telemetry.alerts import api
from tests.integration.alerts.conftest import SECRET, Desk
from tests.integration.alerts.receivers import Receiver
from tests.unit.telemetry.alerts.books import raw_rule

MINUTES = timedelta(minutes=1)
LOOKS = """
SELECT event_type, resource_type, resource_id FROM audit_log
WHERE tenant_id = %s AND resource_type = 'alerts' ORDER BY seq DESC LIMIT 1
"""


class Caller:
    """A client with the key of a tenant."""

    def __init__(self, client: TestClient, desk: Desk, tenant: str, role: Role) -> None:
        key = issue(desk.settings, tenant, role, "test", None)
        assert key is not None
        self._client = client
        self._headers = {"Authorization": f"Bearer {key.text}"}

    def get(self, path: str = "", **given: Any) -> Any:
        return self._client.get(f"/v1/alerts{path}", params=given, headers=self._headers)

    def ids(self, **given: Any) -> list[str]:
        answer = self.get(**given)
        assert answer.status_code == 200, answer.text
        return [row["alert_id"] for row in answer.json()["alerts"]]


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    desk.rules()
    with open_pool(desk.settings.postgres, PostgresRole.QUERY) as pool:
        app = create_app(
            title="t",
            version="0",
            service="query",
            probes={},
            probe_deadline_seconds=1,
            registry=new_registry("query", "0"),
            routers=[api.router(pool, principal(PostgresKeys(pool)), desk.bound.alerts)],
        )
        with TestClient(app, raise_server_exceptions=False) as opened:
            yield opened


@pytest.fixture
def caller(client: TestClient, desk: Desk) -> Caller:
    return Caller(client, desk, "demo", Role.VIEWER)


@pytest.fixture
def stranger(client: TestClient, desk: Desk) -> Caller:
    name = f"other-{uuid4().hex}"
    desk.sql("INSERT INTO tenants (tenant_id, name) VALUES (%s, 'x')", name)
    return Caller(client, desk, name, Role.ADMIN)


@pytest.fixture
def history(desk: Desk, hook: Receiver) -> Desk:
    """One alert that resolved, one that fires, one that is pending: the oldest first."""
    counts = {"metric": "failures", "threshold": 0}
    desk.rules(
        raw_rule(name="short", window="5m", actions=["hook"], severity="info", **counts),
        raw_rule(name="long", window="1d", group_by="model", actions=["hook"], labels={"team": "a"}, **counts),
        raw_rule(name="slow", window="1d", for_="1d", **counts),
        hook=desk.hook(hook),
    )
    desk.fact("FAILED", model="wan")
    for _ in range(2):
        desk.round(10 * MINUTES)
    return desk


def test_alerts_come_newest_first_with_what_was_measured(history: Desk, caller: Caller) -> None:
    answer = caller.get().json()
    assert (answer["has_more"], answer["next_cursor"]) == (False, None)
    states = {row["rule"]: row["state"] for row in answer["alerts"]}
    assert states == {"long": "firing", "slow": "pending"}
    long = next(row for row in answer["alerts"] if row["rule"] == "long")
    assert (long["group_by"], long["group"], long["value"], long["labels"]) == ("model", "wan", 1.0, {"team": "a"})
    started = [row["started_at"] for row in answer["alerts"]]
    assert started == sorted(started, reverse=True)


def test_filters_choose_alerts(desk: Desk, hook: Receiver, caller: Caller) -> None:
    rules = [raw_rule(name=name, severity=severity) for name, severity in (("one", "info"), ("two", "critical"))]
    desk.fact("FAILED")
    desk.rules(rules[0])
    desk.round()
    first = desk.now
    desk.rules(*rules)
    desk.round(MINUTES)
    [one], [two] = caller.ids(rule="one"), caller.ids(rule="two")
    assert caller.ids() == [two, one]
    assert caller.ids(severity="info") == [one]
    assert caller.ids(severity="info,critical") == [two, one]
    assert caller.ids(state="firing") == [two, one]
    assert caller.ids(state="pending,resolved") == []
    assert caller.ids(start_date=(first + MINUTES).isoformat()) == [two]
    assert caller.ids(end_date=(first + MINUTES).isoformat()) == [one]
    assert caller.ids(rule="three") == []


def test_pages_hold_every_alert_once_while_others_begin(desk: Desk, caller: Caller) -> None:
    desk.rules(raw_rule(group_by="model"))
    for index in range(7):
        desk.fact("FAILED", model=f"m{index}")
    desk.round()
    seen, cursor = [], None
    for page in range(4):
        answer = caller.get(limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [row["group"] for row in answer["alerts"]]
        cursor = answer["next_cursor"]
        desk.fact("FAILED", model=f"new{page}")
        desk.round(MINUTES)
    assert cursor is None
    assert sorted(seen) == [f"m{index}" for index in range(7)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"state": "broken"}, "query.state"),
        ({"severity": ""}, "query.severity"),
        ({"rule": "Not A Rule"}, "query.rule"),
        ({"start_date": "yesterday"}, "query.start_date"),
        ({"start_date": "2026-11-22", "end_date": "2026-11-21"}, "query"),
        ({"limit": "0"}, "query.limit"),
        ({"limit": "1001"}, "query.limit"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"order_by": "value"}, "query.order_by"),
        ({"tenant_id": "demo"}, "tenant_id"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused_by_its_field(
    caller: Caller, given: dict[str, str], field: str
) -> None:
    answer = caller.get(**given)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["field"] == field


def test_another_tenants_alert_and_cursor_are_none(history: Desk, caller: Caller, stranger: Caller) -> None:
    assert stranger.ids() == []
    [one, *_] = caller.ids()
    assert stranger.get(f"/{one}").status_code == 404
    cursor = caller.get(limit=1).json()["next_cursor"]
    assert "another tenant" in stranger.get(limit=1, cursor=cursor).json()["error"]["message"]


def test_one_alert_shows_what_became_of_its_notifications(desk: Desk, hook: Receiver, caller: Caller) -> None:
    desk.rules(raw_rule(actions=["hook"]), hook=desk.hook(hook))
    desk.fact("FAILED")
    hook.answers = [(500, {}, b"internal.host.example said no")]
    desk.round()
    [one] = caller.ids()
    answer = caller.get(f"/{one}")
    [told] = answer.json()["notifications"]
    assert (told["action"], told["event"], told["state"]) == ("hook", "fired", "waiting")
    assert (told["attempts"], told["reason"]) == (1, "the receiver answered 500")
    assert not {SECRET, hook.url, "internal.host.example", str(desk.folder)} & set(answer.text.split('"'))
    assert "internal.host.example" not in answer.text


def test_an_id_that_is_none_is_refused_and_one_of_nothing_is_not_found(caller: Caller) -> None:
    assert caller.get("/not-an-id").json()["error"]["code"] == "INVALID_UUID"
    assert caller.get(f"/{uuid4()}").json()["error"]["code"] == "NOT_FOUND"


def test_rules_are_shown_without_addresses_secrets_or_other_tenants(
    desk: Desk, hook: Receiver, caller: Caller, stranger: Caller
) -> None:
    desk.rules(
        raw_rule(name="mine", tenants=["demo"], actions=["hook"], for_="10m"),
        raw_rule(name="ours", metric="quality.nsfw_score"),
        hook=desk.hook(hook),
    )
    answer = caller.get("/rules")
    rules = {row["name"]: row for row in answer.json()["rules"]}
    assert (rules["mine"]["for"], rules["mine"]["actions"]) == ("10m", {"hook": "webhook"})
    assert (rules["ours"]["min_samples"], rules["ours"]["actions"]) == (1, {})
    assert not any(part in answer.text for part in (SECRET, hook.url, str(desk.folder), "tenants", "secret_file"))
    assert [row["name"] for row in stranger.get("/rules").json()["rules"]] == ["ours"]


def test_rules_that_cannot_be_read_now_are_service_unavailable_without_the_reason(desk: Desk, caller: Caller) -> None:
    desk.file.write_text("rules: [{name: secret-plan}]")
    answer = caller.get("/rules")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "secret-plan" not in answer.text
    assert str(desk.folder) not in answer.text


def test_every_look_is_on_the_audit_chain(history: Desk, caller: Caller) -> None:
    [one, *_] = caller.ids()
    assert history.sql(LOOKS, "demo") == [("TRACE_QUERY", "alerts", "list")]
    caller.get(f"/{one}")
    assert history.sql(LOOKS, "demo") == [("TRACE_QUERY", "alerts", one)]
    caller.get("/rules")
    assert history.sql(LOOKS, "demo") == [("TRACE_QUERY", "alerts", "rules")]


def test_without_a_key_nothing_is_shown(client: TestClient) -> None:
    for path in ("", "/rules", f"/{uuid4()}"):
        assert client.get(f"/v1/alerts{path}").status_code == 401
