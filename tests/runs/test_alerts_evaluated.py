# SPDX-License-Identifier: Apache-2.0
"""`platform/alerts_evaluated` against the real stores: what a run says of itself, and what its checks find."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml

from ovpo.foundation.settings.tree import Alerts as AlertSettings
from ovpo.foundation.settings.tree import Settings
from ovpo.governance.audit import chain
from ovpo.governance.audit.errors import AuditError
from tests.integration.alerts.conftest import Desk
from tests.integration.alerts.receivers import receiver
from tests.runs.conftest import Perform, Resources, bind, checks, sample
from tests.unit.telemetry.alerts.books import raw_rule

JOB = "evaluate_alerts"
CHECKS = {"rules_valid", "notifications_arrive", "tenants_evaluated"}
pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning:ovpo_assets")


@pytest.fixture
def desk(settings: Settings, tmp_path: Path) -> Desk:
    (tmp_path / "secret").write_text("a-secret-of-both")
    made = Desk(settings, tmp_path, datetime.now(UTC))
    made.empty()
    return made


def bound(desk: Desk) -> Resources:
    return bind(desk.settings.model_copy(update={"alerts": AlertSettings(rules=desk.file)}))


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node("platform__alerts_evaluated")
    return {name: value.value for name, value in event.metadata.items()}


def failed(result: dg.ExecuteInProcessResult) -> set[str]:
    found = checks(result)
    assert found.keys() == CHECKS
    return {name for name, check in found.items() if not check.passed}


def test_the_packaged_rules_are_evaluated_over_empty_stores(perform: Perform, desk: Desk) -> None:
    result = perform(JOB)
    said = metadata(result)
    assert (said["evaluated"], said["firing"], said["notified"], said["waiting"]) == (True, 0, 0, 0)
    assert "high-failure-rate" in str(said["by_rule"])
    assert failed(result) == set()


def test_a_run_fires_tells_and_resolves_and_says_how_often(perform: Perform, desk: Desk) -> None:
    with receiver() as hook:
        desk.rules(raw_rule(actions=["hook"]), hook=desk.hook(hook))
        desk.fact("FAILED")
        said = metadata(perform(JOB, bound(desk)))
        assert (said["measured"], said["fired"], said["firing"], said["notified"]) == (1, 1, 1, 1)
        assert "| failing | critical | 1 | 0 | 1 | 1 | 0 | 0 |" in str(said["by_rule"])
        desk.facts([{}] * 9)
        said = metadata(perform(JOB, bound(desk)))
        assert (said["resolved"], said["firing"], said["notified"]) == (1, 0, 1)
        assert len(hook.received) == 2


def test_the_run_is_named_on_the_audit_chain(perform: Perform, desk: Desk) -> None:
    desk.rules(raw_rule())
    desk.fact("FAILED")
    run_id = perform(JOB, bound(desk)).run_id
    [(actor,)] = desk.sql("SELECT actor_id FROM audit_log WHERE resource_id = (SELECT alert_id::text FROM alerts)")
    assert actor == f"run:{run_id}"


def test_a_notification_that_was_given_up_fails_its_check_with_the_reason(perform: Perform, desk: Desk) -> None:
    with receiver() as hook:
        hook.answers = [(400, {}, b"")]
        desk.rules(raw_rule(actions=["hook"]), hook=desk.hook(hook))
        desk.fact("FAILED")
        result = perform(JOB, bound(desk))
    assert (metadata(result)["given_up"], failed(result)) == (1, {"notifications_arrive"})
    [row] = sample(checks(result)["notifications_arrive"])
    assert (row["rule"], row["action"], row["reason"]) == ("failing", "hook", "the receiver answered 400")


def test_a_tenant_that_cannot_be_evaluated_fails_its_check_by_name(
    perform: Perform, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object, tenant_id: str, __: object) -> None:
        if tenant_id == "demo":
            raise AuditError("no audit")

    monkeypatch.setattr(chain, "append", fail)
    desk.rules(raw_rule())
    desk.fact("FAILED")
    result = perform(JOB, bound(desk))
    assert (metadata(result)["failed_tenants"], failed(result)) == (1, {"tenants_evaluated"})
    assert sample(checks(result)["tenants_evaluated"]) == [{"tenant": "demo"}]


def test_one_that_is_still_tried_is_on_its_way(perform: Perform, desk: Desk) -> None:
    with receiver() as hook:
        hook.answers = [(503, {}, b"")]
        desk.rules(raw_rule(actions=["hook"]), hook=desk.hook(hook))
        desk.fact("FAILED")
        result = perform(JOB, bound(desk))
    assert (metadata(result)["failed"], metadata(result)["waiting"], failed(result)) == (1, 1, set())


def test_what_was_given_up_longer_than_a_day_ago_is_no_longer_held_against_it(perform: Perform, desk: Desk) -> None:
    with receiver() as hook:
        hook.answers = [(400, {}, b"")]
        desk.rules(raw_rule(actions=["hook"]), hook=desk.hook(hook))
        desk.fact("FAILED")
        perform(JOB, bound(desk))
    desk.sql("UPDATE alert_notifications SET settled_at = settled_at - interval '25 hours'")
    assert failed(perform(JOB, bound(desk))) == set()


def test_rules_that_are_wrong_evaluate_nothing_and_fail_their_check_line_by_line(perform: Perform, desk: Desk) -> None:
    desk.file.write_text(yaml.safe_dump({"rules": [raw_rule(window="x"), raw_rule(name="b", metric="y")]}))
    result = perform(JOB, bound(desk))
    assert (metadata(result)["evaluated"], metadata(result)["measured"]) == (False, 0)
    assert failed(result) == {"rules_valid"}
    faults = [str(row["fault"]) for row in sample(checks(result)["rules_valid"])]
    assert ["rule failing: window" in faults[0], "rule b: metric" in faults[1]] == [True, True]
