# SPDX-License-Identifier: Apache-2.0
"""`ovpo ping`, `analytics`, `costs`, `alerts`, `views`, `tenants` and `keys` against the real service, in each form."""

import csv
import io
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from ovpo.foundation.auth import Role
from tests.conftest import free_ports
from tests.integration.cli.calling import Caller, Done, called
from tests.integration.cli.conftest import NewTenant, Service, Tenant
from tests.integration.cli.runs import run
from tests.integration.collector.batches import new_id

ALERT = """
INSERT INTO alerts (alert_id, tenant_id, rule, description, severity, metric, scope, group_by, group_value, comparison,
                    threshold, looks_back, labels, actions, state, value, samples, started_at, evaluated_at, fired_at)
VALUES (%s, %s, 'high-failure-rate', 'Too many fail.', 'critical', 'failure_rate', '', 'model', 'wan', '>', 0.2, '30m',
        '{"team": "a"}', '{on-call}', 'firing', 0.42, 57, now(), now(), now())
"""
TOLD = """
INSERT INTO alert_notifications (notification_id, tenant_id, alert_id, action, event, content, state, attempts,
                                 settled_at, reason)
VALUES (gen_random_uuid(), %s, %s, 'on-call', 'fired', '{}', 'given_up', 5, now(), 'no answer')
"""


@pytest.fixture(scope="module")
def tenant(new_tenant: NewTenant) -> Tenant:
    made = new_tenant()
    made.send(*run(timedelta(hours=1)), *run(timedelta(hours=2), status="FAILED", failure=OOM))
    return made


OOM = {"kind": "oom", "message": "out of memory", "retryable": False}


@pytest.fixture(scope="module")
def ovpo(tenant: Tenant) -> Caller:
    return tenant.caller(Role.ADMIN)


def rows(done: Done) -> list[dict[str, str]]:
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def test_ping_says_who_one_is_and_which_stores_answer(tenant: Tenant, ovpo: Caller) -> None:
    said = ovpo("ping").out
    assert f"admin of tenant {tenant.name}, key {(ovpo.key or '').split('_')[2]}" in said
    assert {row["name"] for row in rows(ovpo("ping", "-o", "csv"))} >= {"postgres", "clickhouse", "cache"}
    found = ovpo("ping", "-o", "json").json
    assert (found["ready"], found["caller"]["tenant_id"]) == (True, tenant.name)


def test_ping_needs_no_key_and_refuses_a_wrong_one(service: Service) -> None:
    done = Caller(service.url, None)("ping")
    assert done.code == 0
    assert "no key: `ovpo up` printed the first key" in done.out
    assert Caller(service.url, "ovpo_sk_abcd2345_wrongwrongwrongwrong")("ping").code == 4


def test_where_the_time_goes(ovpo: Caller) -> None:
    said = ovpo("analytics", "bottlenecks", "--since", "1d").out
    assert said.splitlines()[1].split()[:4] == ["SAMPLING", "80", "%", "16.0"]
    assert "2 traces, from " in said
    first, second = rows(ovpo("analytics", "bottlenecks", "--group-by", "model", "-o", "csv"))
    assert (first["span_kind"], first["model"], first["count"]) == ("SPAN_KIND_SAMPLING", "wan-2.1", "2")
    assert second["total_ms"] == "4000.0"
    assert ovpo("analytics", "bottlenecks", "-o", "json").json["traces"] == 2
    assert rows(ovpo("analytics", "bottlenecks", "--status", "failed", "-o", "csv"))[0]["count"] == "1"


def test_how_quality_moves(ovpo: Caller) -> None:
    said = ovpo("analytics", "quality", "aesthetic_score", "--since", "1d", "--bucket", "hour").out
    assert "20 values of 2 traces, 5.45 on average" in said
    assert [row["values"] for row in rows(ovpo("analytics", "quality", "aesthetic_score", "-o", "csv"))] in (
        ["20"],
        ["10", "10"],
    )
    assert ovpo("analytics", "quality", "aesthetic_score", "-o", "json").json["metric"] == "aesthetic_score"
    assert "No frame has motion_score, from" in ovpo("analytics", "quality", "motion_score").out


def test_how_much_goes_through(ovpo: Caller) -> None:
    said = ovpo("analytics", "throughput", "--since", "1d").out
    assert "2 traces: 1 COMPLETED, 1 FAILED, 1 oom, from" in said
    table = rows(ovpo("analytics", "throughput", "--bucket", "hour", "--since", "1d", "-o", "csv"))
    assert [(row["traces"], row["completed"], row["failed"]) for row in table] == [("1", "0", "1"), ("1", "1", "0")]
    assert ovpo("analytics", "throughput", "-o", "json").json["total"]["traces"] == 2


def test_what_traces_cost_and_which_are_not_there(tenant: Tenant, ovpo: Caller) -> None:
    ids = [one["trace_id"] for one in tenant.get("/v1/traces")["traces"]]
    assert "80 units for 2 traces, by factors" in ovpo("costs", "calculate", *ids).out
    assert ovpo("costs", "calculate", *ids, "-o", "json").json["total_units"] == 80
    missing = new_id()
    done = ovpo("costs", "calculate", ids[0], missing, "-o", "csv")
    assert done.code == 3
    assert f"your tenant has no trace {missing}" in done.line
    costs = list(csv.DictReader(io.StringIO(done.out)))
    assert {row["span_kind"]: row["units"] for row in costs} == {"SPAN_KIND_LOAD": "8.0", "SPAN_KIND_SAMPLING": "32.0"}


def test_alerts_are_listed_and_shown_with_who_was_told(tenant: Tenant, ovpo: Caller) -> None:
    alert = new_id()
    tenant.sql(ALERT, alert, tenant.name)
    tenant.sql(TOLD, tenant.name, alert)
    [listed] = ovpo("alerts", "list", "--state", "firing").out.splitlines()[1:]
    assert listed.split()[:6] == [alert, "✗", "firing", "!", "critical", "high-failure-rate"]
    assert ovpo("alerts", "list", "--severity", "info").out == "No alerts match.\n"
    [row] = rows(ovpo("alerts", "list", "--all", "-o", "csv"))
    assert (row["value"], row["threshold"], row["labels"]) == ("0.42", "0.2", "team=a")
    said = ovpo("alerts", "show", alert).out
    for line in ("fires when  failure_rate > 0.2 over 30m", "about       model wan", "no answer"):
        assert line in said
    assert ovpo("alerts", "show", alert, "-o", "json").json["notifications"][0]["state"] == "given_up"
    assert rows(ovpo("alerts", "show", alert, "-o", "csv"))[0]["reason"] == "no answer"


def test_the_rules_are_listed(ovpo: Caller) -> None:
    assert "high-failure-rate" in ovpo("alerts", "rules").out
    names = [rule["name"] for rule in ovpo("alerts", "rules", "-o", "json").json["rules"]]
    assert [row["name"] for row in rows(ovpo("alerts", "rules", "-o", "csv"))] == names


def test_saved_views_are_listed(tenant: Tenant, ovpo: Caller) -> None:
    assert ovpo("views", "list").out == "No views are saved.\n"
    tenant.post("/v1/views", {"name": "Failed", "query": {"status": "FAILED", "violations": ">0"}})
    assert "status=FAILED&violations=>0" in ovpo("views", "list").out
    [view] = ovpo("views", "list", "-o", "json").json["views"]
    assert rows(ovpo("views", "list", "-o", "csv"))[0]["view_id"] == view["view_id"]


def test_a_tenant_is_opened_configured_used_and_closed(new_tenant: NewTenant) -> None:
    platform = new_tenant().caller(Role.SUPER_ADMIN)
    name = f"acme-{uuid4().hex[:8]}"
    made = platform(
        "tenants", "create", name, "--name", "Acme", "--tier", "free", "--retention", "frames.purge_days=90"
    )
    assert made.code == 0, made.err
    assert "keeps frames               hot 7 d, warm 30 d, cold 90 d, purge 90 d (set)" in made.out
    assert platform("tenants", "create", name, "--name", "Acme").code == 1
    changed = platform("tenants", "update", name, "--hardware", "h100", "--legal-hold", "-o", "json").json
    assert (changed["hardware_profile"], changed["legal_hold_default"], changed["tier"]) == ("h100", True, "free")
    assert changed["retention"]["frames"]["purge_days"] == 90
    back = platform("tenants", "update", name, "--no-hardware", "--default-retention", "-o", "json").json
    assert (back["hardware_profile"], back["retention"]["frames"]["purge_days"]) == (None, None)
    key = platform("keys", "create", "--tenant", name, "--role", "admin", "--label", "first", "-o", "json").json["key"]
    own = Caller(platform.server, key)
    assert own("tenants", "show", "-o", "json").json["tenant_id"] == name
    assert name in [row["tenant_id"] for row in rows(platform("tenants", "list", "--all", "-o", "csv"))]
    assert platform("tenants", "close", name, "--yes", "-o", "json").json["closed_at"] is not None
    assert "closed" in platform("tenants", "show", name).out
    assert platform("tenants", "show", "nobody-here").code == 3


def test_a_key_is_made_shown_once_rotated_and_revoked(ovpo: Caller) -> None:
    made = ovpo("keys", "create", "--role", "developer", "--label", "render farm", "--expires", "90d")
    assert made.code == 0, made.err
    [line] = [line for line in made.out.splitlines() if line.startswith("key ")]
    text = line.split()[1]
    prefix = text.split("_")[2]
    assert "shown this once" in made.err
    listed = ovpo("keys", "list")
    assert prefix in listed.out
    assert text not in listed.out
    assert Caller(ovpo.server, text)("traces", "list").code == 0
    rotated = ovpo("keys", "rotate", prefix, "--overlap", "1h", "-o", "json").json
    assert rotated["replaced"]["prefix"] == prefix
    gone = ovpo("keys", "revoke", rotated["prefix"], "--yes")
    assert "revoked" in gone.out
    states = {row["prefix"]: row["state"] for row in rows(ovpo("keys", "list", "-o", "csv"))}
    assert (states[prefix], states[rotated["prefix"]]) == ("active", "revoked")


def test_who_revokes_the_own_key_is_told_so(tenant: Tenant) -> None:
    admin = tenant.caller(Role.ADMIN)
    done = admin("keys", "revoke", (admin.key or "").split("_")[2], "--yes", "-o", "json")
    assert done.code == 0
    assert "it is the key that you call with" in done.line


def in_json(done: Done) -> str:
    return str(json.loads(done.out)["key"])


def in_csv(done: Done) -> str:
    return rows(done)[0]["key"]


def in_table(done: Done) -> str:
    return done.out.split()[-1]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_the_first_super_admin_is_entered_at_the_console(tenant: Tenant, service: Service, form: str) -> None:
    asked = ("keys", "create", "--console", "--role", "super_admin", "--label", "platform", "--tenant", tenant.name)
    done = called(*asked, "--expires", "1d", "-o", form, **service.environment)
    assert done.code == 0, done.err
    text = {"json": in_json, "csv": in_csv, "table": in_table}[form](done)
    assert "super_admin" in Caller(service.url, text)("ping").out


def test_a_key_of_nobody_and_one_without_a_database_are_refused_at_the_console(service: Service) -> None:
    asked = ("keys", "create", "--console", "--role", "admin", "--label", "x")
    nobody = called(*asked, "--tenant", "nobody-here", **service.environment)
    assert (nobody.code, nobody.out) == (3, "")
    assert "there is no tenant 'nobody-here'" in nobody.line
    wrong = called(*asked, "--expires", "soon", **service.environment)
    assert wrong.code == 2
    [port] = free_ports(1)
    away = called(*asked, **service.environment | {"OVPO_POSTGRES__PORT": str(port)})
    assert away.code == 5, away.err
    assert away.line.startswith("ovpo: PostgreSQL")
