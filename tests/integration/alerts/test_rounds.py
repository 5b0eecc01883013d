# SPDX-License-Identifier: Apache-2.0
"""Rounds over the real stores: what fires, what resolves, what is kept, told and audited, and what a crash leaves."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from ovpo.foundation.postgres.connect import conninfo, open_pool, transaction
from ovpo.foundation.settings.tree import PostgresRole
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.governance.audit import chain
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.events import Entry
from ovpo.governance.audit.record import Record
from ovpo.telemetry.alerts import keeping, rounds
from ovpo.telemetry.alerts.rounds import Round
from tests.conftest import free_ports
from tests.integration.alerts.conftest import Desk
from tests.integration.alerts.receivers import Receiver
from tests.unit.telemetry.alerts.books import raw_rule

MINUTES = timedelta(minutes=1)
AUDITED = """
SELECT event_type, actor_id, resource_type, metadata ->> 'rule', metadata ->> 'ending' FROM audit_log
WHERE resource_id = %s ORDER BY seq
"""

SECOND_ALERT = """
INSERT INTO alerts
SELECT (jsonb_populate_record(a, jsonb_build_object('alert_id', gen_random_uuid()))).* FROM alerts AS a
"""
SECOND_WORD = """
INSERT INTO alert_notifications (notification_id, tenant_id, alert_id, action, event, content)
SELECT gen_random_uuid(), tenant_id, alert_id, action, event, content FROM alert_notifications
"""


def told(hook: Receiver) -> list[str]:
    return [json.loads(sent.body)["event"] for sent in hook.received]


def failing(desk: Desk, hook: Receiver, **fields: object) -> None:
    """Have a rule about failures that tells the hook."""
    desk.rules(raw_rule(actions=["hook"], **fields), hook=desk.hook(hook))


def test_an_alert_fires_is_told_once_and_resolves(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook)
    desk.fact("FAILED")
    for _ in range(3):
        desk.round(MINUTES)
    assert (desk.alerts(), told(hook)) == ([("firing", None)], ["fired"])
    for _ in range(9):
        desk.fact("COMPLETED", ago=0)
    desk.round(MINUTES)
    desk.round(MINUTES)
    assert (desk.alerts(), told(hook)) == ([("resolved", "calm")], ["fired", "resolved"])
    assert desk.outbox() == [("fired", "delivered", 1), ("resolved", "delivered", 1)]


def test_an_alert_that_fires_again_is_another_row(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, metric="failures", threshold=0, window="5m")
    for _ in range(2):
        desk.fact("FAILED")
        desk.round(MINUTES)
        desk.round(10 * MINUTES)
    assert desk.alerts() == [("resolved", "calm"), ("resolved", "calm")]
    keys = {json.loads(sent.body)["dedup_key"] for sent in hook.received}
    assert (told(hook), len(keys)) == (["fired", "resolved"] * 2, 2)


def test_a_pending_alert_tells_nobody_and_is_forgotten_when_it_ends(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, metric="failures", threshold=0, window="5m", for_="10m")
    desk.fact("FAILED")
    desk.round()
    assert desk.alerts() == [("pending", None)]
    desk.round(10 * MINUTES)
    assert (desk.alerts(), desk.outbox(), told(hook)) == ([], [], [])


def test_an_alert_that_lasts_is_repeated_where_its_rule_says_so(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, window="1d", repeat="1h")
    desk.fact("FAILED")
    for _ in range(3):
        desk.round(30 * MINUTES)
    assert told(hook) == ["fired", "repeated"]


def test_nobody_is_told_again_before_having_been_told(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, window="1d", repeat="5m")
    desk.fact("FAILED")
    hook.answers = [(500, {}, b"")]
    for _ in range(4):
        desk.round(10 * MINUTES)
    desk.due()
    desk.round(MINUTES)
    assert (told(hook), desk.outbox()) == (["fired", "fired"], [("fired", "delivered", 2)])
    desk.round(10 * MINUTES)
    assert told(hook)[-1] == "repeated"


def test_one_connection_is_enough_for_a_service(desk: Desk, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(desk, hook)
    desk.fact("FAILED")
    postgres = desk.settings.postgres.model_copy(update={"pool_size": 1})
    monkeypatch.setattr(desk, "settings", desk.settings.model_copy(update={"postgres": postgres}))
    desk.round()
    assert told(hook) == ["fired"]


def test_every_group_has_its_own_alert(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, group_by="model")
    for model in ("wan", "ltx", "wan"):
        desk.fact("FAILED", model=model)
    desk.fact(model="good")
    done = desk.round()
    assert sorted(json.loads(sent.body)["group"] for sent in hook.received) == ["ltx", "wan"]
    assert done.evaluated is not None
    [tally] = done.evaluated.by_rule
    assert (tally.measured, tally.firing, tally.fired, tally.resolved) == (3, 2, 2, 0)


def test_tenants_do_not_share_alerts_and_a_rule_may_name_its_tenants(desk: Desk, hook: Receiver) -> None:
    other = f"other-{uuid4().hex}"
    desk.sql("INSERT INTO tenants (tenant_id, name) VALUES (%s, 'x')", other)
    desk.fact("FAILED", tenant=other)
    desk.fact("FAILED")
    failing(desk, hook, tenants=[other])
    desk.round()
    assert desk.sql("SELECT tenant_id FROM alerts") == [(other,)]
    failing(desk, hook)
    desk.round()
    assert sorted(desk.sql("SELECT tenant_id FROM alerts")) == sorted([("demo",), (other,)])


def test_the_alerts_of_a_tenant_that_is_closed_resolve_with_that_reason(desk: Desk, hook: Receiver) -> None:
    other = f"other-{uuid4().hex}"
    desk.sql("INSERT INTO tenants (tenant_id, name) VALUES (%s, 'x')", other)
    desk.fact("FAILED", tenant=other)
    failing(desk, hook)
    desk.round()
    desk.sql("UPDATE tenants SET deleted_at = now() WHERE tenant_id = %s", other)
    desk.round(MINUTES)
    assert desk.sql("SELECT state, ending FROM alerts") == [("resolved", "tenant_closed")]


def test_a_rule_that_is_removed_while_it_fires_resolves_with_that_reason(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook)
    desk.fact("FAILED")
    desk.round()
    desk.rules(hook=desk.hook(hook))
    desk.round(MINUTES)
    assert desk.alerts() == [("resolved", "rule_removed")]
    assert json.loads(hook.received[-1].body)["ending"] == "rule_removed"


def test_missing_data_keeps_a_firing_alert_for_an_hour(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook)
    desk.fact("FAILED")
    desk.round()
    for _ in range(6):
        desk.round(16 * MINUTES)
    assert desk.alerts() == [("resolved", "no_data")]
    resolved_at, fired_at = desk.sql("SELECT resolved_at, fired_at FROM alerts")[0]
    assert resolved_at - fired_at >= timedelta(hours=1)


def test_firing_and_resolving_are_on_the_audit_chain_and_nothing_else_is(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, metric="failures", threshold=0, window="5m", for_="1m")
    desk.fact("FAILED")
    desk.round()
    desk.round(MINUTES)
    for _ in range(3):
        desk.round(6 * MINUTES)
    [(alert_id,)] = desk.sql("SELECT alert_id::text FROM alerts")
    assert desk.sql(AUDITED, alert_id) == [
        ("ALERT_FIRED", "run:test", "alert", "failing", None),
        ("ALERT_RESOLVED", "run:test", "alert", "failing", "calm"),
    ]


def test_what_cannot_be_audited_is_neither_kept_nor_told(
    desk: Desk, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no audit")

    failing(desk, hook)
    desk.fact("FAILED")
    monkeypatch.setattr(chain, "append", fail)
    done = desk.round().evaluated
    assert done is not None
    assert "demo" in done.failed
    assert (desk.alerts(), desk.outbox(), told(hook)) == ([], [], [])


def test_a_tenant_that_cannot_be_evaluated_is_named_and_the_others_go_on(
    desk: Desk, hook: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    append, later = chain.append, f"later-{uuid4().hex}"

    def fail_for_demo(connection: psycopg.Connection, tenant_id: str, entries: Sequence[Entry]) -> list[Record]:
        if tenant_id == "demo":
            raise AuditError("no audit")
        return append(connection, tenant_id, entries)

    desk.sql("INSERT INTO tenants (tenant_id, name) VALUES (%s, 'x')", later)
    failing(desk, hook)
    for tenant in ("demo", later):
        desk.fact("FAILED", tenant=tenant)
    monkeypatch.setattr(chain, "append", fail_for_demo)
    done = desk.round().evaluated
    assert done is not None
    assert (done.failed, done.by_rule[0].fired) == (("demo",), 1)
    assert desk.sql("SELECT tenant_id FROM alerts") == [(later,)]
    assert "alerts.tenant_not_evaluated" in "".join(capsys.readouterr())


def test_a_mean_beyond_all_numbers_is_no_data_and_fires_nothing(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, metric="quality.motion_score", threshold=1)
    desk.frames(desk.fact(), "motion_score", [1e308, 1e308])
    done = desk.round().evaluated
    assert done is not None
    assert (done.failed, desk.alerts()) == ((), [])


def test_many_evaluations_at_once_fire_and_tell_once(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, group_by="model")
    for model in ("a", "b", "c"):
        desk.fact("FAILED", model=model)
    together = threading.Barrier(6)

    def evaluate(_: int) -> Round:
        together.wait()
        return desk.round()

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(evaluate, range(6)))
    assert any(one.evaluated for one in done)
    assert len(desk.alerts()) == 3
    assert sorted(told(hook)) == ["fired"] * 3


def test_an_evaluation_stands_back_while_another_one_is_at_work(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook)
    desk.fact("FAILED")
    with open_pool(desk.settings.postgres, PostgresRole.PROCESS) as pool:
        with transaction(pool) as held:
            assert keeping.hold(held)
            assert desk.round().evaluated is None
        assert desk.alerts() == []
        assert desk.round().evaluated is not None


def test_a_process_that_dies_between_change_and_delivery_has_lost_nothing(
    desk: Desk, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    failing(desk, hook)
    desk.fact("FAILED")
    with monkeypatch.context() as dying:
        dying.setattr(rounds, "deliver", die)
        with pytest.raises(Killed):
            desk.round()
    assert (desk.alerts(), desk.outbox(), told(hook)) == ([("firing", None)], [("fired", "waiting", 0)], [])
    desk.round(MINUTES)
    assert (desk.outbox(), told(hook)) == ([("fired", "delivered", 1)], ["fired"])


def test_what_waits_is_delivered_although_clickhouse_does_not_answer(
    desk: Desk, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(desk, hook)
    desk.fact("FAILED")
    hook.answers = [(500, {}, b"")]
    desk.round()
    desk.due()
    (nobody,) = free_ports(1)
    away = desk.settings.model_copy(update={"clickhouse": desk.settings.clickhouse.model_copy(update={"port": nobody})})
    monkeypatch.setattr(desk, "settings", away)
    with pytest.raises(StoreUnavailableError):
        desk.round(MINUTES)
    assert told(hook) == ["fired", "fired"]
    assert desk.alerts() == [("firing", None)]


def test_with_rules_that_are_wrong_nothing_fires_resolves_or_is_told(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook)
    desk.fact("FAILED")
    desk.round()
    desk.file.write_text("rules: [{name: failing}]")
    assert desk.round(90 * MINUTES) == Round(None, None)
    assert desk.alerts() == [("firing", None)]
    assert rounds.faults(desk.bound)[0].startswith("OVPO_ALERTS__RULES: ")


def test_secrets_and_tenants_that_are_not_there_are_faults_of_the_rules(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, tenants=["demo", "nobody"])
    assert rounds.faults(desk.bound) == [
        "rule failing: tenants: there is no tenant nobody; take it out, or mend its name"
    ]
    (desk.folder / "secret").unlink()
    assert len(rounds.faults(desk.bound)) == 2


def test_a_clock_that_is_set_back_ends_and_repeats_nothing(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, window="1d", repeat="1m")
    desk.fact("FAILED")
    desk.round()
    desk.round(-30 * MINUTES)
    assert (desk.alerts(), told(hook)) == ([("firing", None)], ["fired"])


def test_the_database_itself_refuses_a_second_open_alert_and_a_second_word_of_its_firing(
    desk: Desk, hook: Receiver
) -> None:
    failing(desk, hook)
    desk.fact("FAILED")
    desk.round()
    for statement in (SECOND_ALERT, SECOND_WORD):
        with pytest.raises(psycopg.errors.UniqueViolation):
            desk.sql(statement)


def test_history_cannot_be_changed_or_removed_by_the_role_that_evaluates(desk: Desk, hook: Receiver) -> None:
    failing(desk, hook, metric="failures", threshold=0, window="5m")
    desk.fact("FAILED")
    desk.round()
    with psycopg.connect(conninfo(desk.settings.postgres, PostgresRole.PROCESS)) as connection:
        assert connection.execute("DELETE FROM alerts").rowcount == 0
    desk.round(10 * MINUTES)
    with psycopg.connect(conninfo(desk.settings.postgres, PostgresRole.PROCESS)) as connection:
        assert connection.execute("UPDATE alerts SET value = 0").rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM alert_notifications")
