# SPDX-License-Identifier: Apache-2.0
"""What one evaluation makes of one tenant's alerts, readings and rules."""

from datetime import timedelta
from uuid import uuid4

from ovpo.telemetry.alerts.deciding import closed, decide
from ovpo.telemetry.alerts.life import Alert, Change, Ending, Reading
from ovpo.telemetry.alerts.rules import Rule
from tests.unit.telemetry.alerts.books import NOON, a_rule, begun, reading

LATER = NOON + timedelta(minutes=5)


def changes(rules: list[Rule], readings: dict[str, list[Reading]], alerts: list[Alert]) -> list[tuple[str, Change]]:
    decided = decide(readings, {rule.name: rule for rule in rules}, alerts, LATER, uuid4)
    return sorted((one.group, decision.change) for decision in decided if (one := decision.after or decision.before))


def endings(rules: list[Rule], alerts: list[Alert]) -> list[Ending | None]:
    decided = decide({}, {rule.name: rule for rule in rules}, alerts, LATER, uuid4)
    return [decision.after.ending for decision in decided if decision.after]


def test_groups_live_apart() -> None:
    rule = a_rule(group_by="model")
    readings = {"failing": [reading(0.5, group="a"), reading(0.1, group="b"), reading(0.5, group="c")]}
    assert changes([rule], readings, [begun(rule, group="a"), begun(rule, group="b")]) == [
        ("a", Change.NONE),
        ("b", Change.RESOLVED),
        ("c", Change.FIRED),
    ]


def test_nothing_of_a_group_that_is_counted_is_none_of_it_and_resolves_at_once() -> None:
    rule = a_rule(metric="failures", group_by="model", threshold=0)
    assert changes([rule], {}, [begun(rule, group="a")]) == [("a", Change.RESOLVED)]


def test_nothing_of_a_group_that_is_a_rate_is_no_data() -> None:
    rule = a_rule(group_by="model")
    assert changes([rule], {}, [begun(rule, group="a")]) == [("a", Change.NONE)]


def test_an_alert_whose_rule_is_gone_resolves_with_that_reason_and_a_pending_one_is_forgotten() -> None:
    assert endings([], [begun(a_rule())]) == [Ending.RULE_REMOVED]
    assert changes([], {}, [begun(a_rule(for_="10m"))]) == [("", Change.FORGOTTEN)]


def test_a_rule_that_asks_about_something_else_ends_its_alerts() -> None:
    for changed in (a_rule(metric="p95_duration_ms"), a_rule(group_by="model"), a_rule(model="wan")):
        assert endings([changed], [begun(a_rule())]) == [Ending.RULE_CHANGED]
        assert changes([changed], {"failing": [reading()]}, [begun(a_rule())]) == [("", Change.RESOLVED)]


def test_another_threshold_is_the_same_question() -> None:
    assert changes([a_rule(threshold=0.4)], {"failing": [reading()]}, [begun(a_rule())]) == [("", Change.NONE)]
    assert changes([a_rule(threshold=0.6)], {"failing": [reading()]}, [begun(a_rule())]) == [("", Change.RESOLVED)]


def test_the_alerts_of_a_closed_tenant_end() -> None:
    [decision] = closed([begun(a_rule())], LATER)
    assert decision.after is not None
    assert (decision.change, decision.after.ending) == (Change.RESOLVED, Ending.TENANT_CLOSED)
