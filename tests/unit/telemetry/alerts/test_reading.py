# SPDX-License-Identifier: Apache-2.0
"""What a rules file may say, and what its author is told when it is wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.settings.tree import Alerts
from ovpo.telemetry.alerts.actions import OPSGENIE, Email, OpsGenie, PagerDuty, Slack, Webhook
from ovpo.telemetry.alerts.metrics import METRICS
from ovpo.telemetry.alerts.reading import PACKAGED, load_rules, read_rules
from ovpo.telemetry.alerts.rules import TAKES, Comparison, GroupBy, Rule
from ovpo.telemetry.alerts.secret_files import faults_of_secrets
from ovpo.telemetry.alerts.sending import SIGNATURE, TIMESTAMP, signed
from tests.unit.telemetry.alerts.books import raw_rule, write

DOCS = Path(__file__).resolve().parents[4] / "docs"


def faults(folder: Path, content: object) -> list[str]:
    """Read a file that is wrong; the lines name the file, which is left out here."""
    file = write(folder, content)
    with pytest.raises(SettingsError) as raised:
        read_rules(file)
    assert all(line.startswith(f"{file}: ") for line in raised.value.lines)
    return [line.removeprefix(f"{file}: ") for line in raised.value.lines]


def test_the_packaged_rules_are_right_and_tell_nobody() -> None:
    book = load_rules(Alerts())
    assert len(book.rules) >= 5
    assert all(not rule.actions for rule in book.rules)
    assert faults_of_secrets(book) == []


def test_every_field_of_a_rule_has_its_meaning(tmp_path: Path) -> None:
    given = raw_rule(
        for_="10m", repeat="4h", model="wan", project="film", group_by="model", min_samples=7, labels={"team": "a"},
        tenants=["demo"], actions=["hook"],
    )  # fmt: skip
    hook = {"type": "webhook", "url": "https://x.example/a?b=c", "secret_file": "s"}
    [rule] = read_rules(write(tmp_path, {"rules": [given], "actions": {"hook": hook}})).rules
    assert (rule.looks_back, rule.must_hold) == (timedelta(minutes=30), timedelta(minutes=10))
    assert (rule.tells_again_after, rule.fewest_samples) == (timedelta(hours=4), 7)
    assert (rule.comparison, rule.group_by, rule.tenants) == (Comparison.ABOVE, GroupBy.MODEL, ("demo",))


def test_what_each_field_takes_can_be_told() -> None:
    assert set(TAKES) == set(Rule.__struct_encode_fields__)


def test_every_type_of_action_is_read_with_its_defaults(tmp_path: Path) -> None:
    book = read_rules(
        write(
            tmp_path,
            {
                "actions": {
                    "a": {"type": "webhook", "url": "https://x.example", "secret_file": "s"},
                    "b": {"type": "slack", "secret_file": "s"},
                    "c": {"type": "pagerduty", "secret_file": "s"},
                    "d": {"type": "opsgenie", "secret_file": "s"},
                    "e": {"type": "email", "host": "mail", "from": "a@x.example", "to": ["b@x.example"]},
                }
            },
        )
    )
    assert [type(action) for action in book.actions.values()] == [Webhook, Slack, PagerDuty, OpsGenie, Email]
    assert isinstance(book.actions["d"], OpsGenie)
    assert book.actions["d"].url == OPSGENIE
    assert isinstance(book.actions["e"], Email)
    assert (book.actions["e"].port, book.actions["e"].starttls) == (587, True)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("name", "Bad Name", "rule Bad Name: name: expected `str`; takes lower-case letters"),
        ("metric", ..., "rule failing: metric: is missing; takes the name of a metric: failure_rate"),
        ("metric", "failure_rat", "rule failing: metric: there is no metric 'failure_rat', did you mean failure_rate?"),
        ("window", "30", "rule failing: window: expected `str`; takes a span of time from 1m to 30d"),
        ("window", "30s", "rule failing: window: got 30s; takes a span of time from 1m to 30d"),
        ("window", "31d", "rule failing: window: got 31d; takes"),
        ("window", 30, "rule failing: window: expected `str`, got `int`; takes a span of time"),
        ("window", "10m\n", "rule failing: window: expected `str`; takes"),
        (
            "comparison",
            "=>",
            "rule failing: comparison: is another value; takes one of '>', '>=', '<', '<=', in quotes",
        ),
        ("threshold", "high", "rule failing: threshold: expected `float`, got `str`; takes a number"),
        ("threshold", float("nan"), "rule failing: threshold: got nan; takes a number"),
        ("severity", "bad", "rule failing: severity: is another value; takes one of info, warning, critical"),
        ("for", "31d", "rule failing: for: got 31d; takes a span of time up to 30d"),
        ("repeat", "0m", "rule failing: repeat: got 0m; takes a span of time from 1m to 30d"),
        ("group_by", "user", "rule failing: group_by: is another value; takes one of model, project"),
        ("min_samples", 0, "rule failing: min_samples: expected `int` >= 1; takes a whole number of at least 1"),
        ("failure_kind", "oom", "rule failing: failure_kind: is not taken by the metric failure_rate: take it out"),
        ("labels", {"Team": "a"}, "rule failing: labels: expected `str`; takes at most 20 names"),
        ("tenants", [], "rule failing: tenants: expected `array` of length >= 1; takes a list of 1 to 1000"),
        ("actions", ["hook"], "rule failing: actions: there is no action 'hook'; takes a list of at most 20 names"),
        ("treshold", 1, "rule failing: treshold: there is no such field, did you mean threshold?; takes name, "),
    ],
)
def test_a_wrong_field_is_named_with_its_rule_and_what_it_takes(
    tmp_path: Path, field: str, value: Any, expected: str
) -> None:
    [line] = faults(tmp_path, {"rules": [raw_rule(**{field: value})]})
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"type": "sms"}, "type: is another value; takes one of webhook, slack, pagerduty, opsgenie, email"),
        ({}, "type: is missing; takes one of webhook"),
        ("hook", "takes type, each with its value"),
        ({"type": "slack"}, "secret_file: is missing; takes the path of a file"),
        ({"type": "slack", "secret": "x"}, "secret: there is no such field, did you mean secret_file?"),
        ({"type": "slack", "secret_file": "s", "secret": "hunter2"}, "secret: there is no such field, did you mean"),
        ({"type": "webhook", "url": "ftp://x", "secret_file": "s"}, "url: expected `str`; takes an address"),
        ({"type": "webhook", "url": "http://x", "secret_file": "s"}, "url: is sent in the clear"),
        ({"type": "webhook", "url": "https://a:b@x", "secret_file": "s"}, "url: holds what looks like a secret"),
        ({"type": "webhook", "url": "https://x?token=b", "secret_file": "s"}, "url: holds what looks like a secret"),
        ({"type": "webhook", "url": "https://x/#a", "secret_file": "s"}, "url: has a part behind #"),
        ({"type": "webhook", "url": "https://x:99999/", "secret_file": "s"}, "url: is no address"),
        ({"type": "webhook", "url": "https://[x/", "secret_file": "s"}, "url: is no address"),
        ({"type": "webhook", "url": "https:///a", "secret_file": "s"}, "url: names no host"),
        ({"type": "email", "host": "m", "from": "a@x\r\nBcc: b@x", "to": ["b@x"]}, "from: expected `str`; takes an"),
        ({"type": "email", "host": "m", "from": "a@x", "to": []}, "to: expected `array` of length >= 1"),
        ({"type": "email", "host": "m", "from": "a@x", "to": ["b@x"], "username": "u"}, "username: goes with"),
    ],
)
def test_a_wrong_action_is_named_with_its_field_and_no_value_of_it(
    tmp_path: Path, action: object, expected: str
) -> None:
    [line] = faults(tmp_path, {"actions": {"hook": action}})
    assert line.startswith(f"action hook: {expected}")
    assert "hunter2" not in line


def test_a_password_is_never_sent_in_the_clear(tmp_path: Path) -> None:
    mail = {"type": "email", "host": "m", "from": "a@x", "to": ["b@x"], "starttls": False}
    [line] = faults(tmp_path, {"actions": {"m": {**mail, "username": "u", "password_file": "p"}}})
    assert line.startswith("action m: starttls: is false, which would send the password in the clear")


def test_every_wrong_rule_of_a_file_has_its_line(tmp_path: Path) -> None:
    rules = [
        raw_rule(name="a", window="x"),
        raw_rule(name="b"),
        raw_rule(name="c", severity=1),
        "d",
        raw_rule(name="b"),
    ]
    found = faults(tmp_path, {"rules": rules})
    assert [line.split(":")[0] for line in found] == ["rule a", "rule c", "rule number 4", "rule b"]
    assert found[-1] == "rule b: name: is that of two rules; give each its own"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rules: [", "line 1: "),
        ("rules:\n- name: a\n  name: b\n", "line 3: 'name' is given twice; mend the YAML"),
        (
            "rules:\n- comparison: >\n",
            "rule number 1: comparison: is another value; takes one of '>', '>=', '<', '<=', in",
        ),
        ("rulez: []", "there is no section 'rulez'; takes actions and rules"),
        ("[]\n- a", "line "),
        ("- a", "takes the sections actions and rules"),
        ("rules: {a: b}", "rules: takes a list of at most 500 rules"),
        ("actions: [a]", "actions: takes at most 100 names"),
        ("actions: {A B: {type: slack}}", "action A B: is no name; takes lower-case letters"),
        ("rules: !!python/object/apply:os.system ['true']", "line 1: could not determine a constructor"),
        ("[" * 5000, "is nested too deeply"),
    ],
)
def test_a_file_that_is_no_rules_file_says_where_it_is_wrong(tmp_path: Path, text: str, expected: str) -> None:
    assert faults(tmp_path, text)[0].startswith(expected)


def test_a_file_that_is_not_there_or_no_text_is_named_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^OVPO_ALERTS__RULES: .*rules.yaml: cannot be read: No such file"):
        load_rules(Alerts(rules=tmp_path / "rules.yaml"))
    (tmp_path / "rules.yaml").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(SettingsError, match="is no YAML in UTF-8"):
        load_rules(Alerts(rules=tmp_path / "rules.yaml"))


def test_an_empty_file_has_no_rules(tmp_path: Path) -> None:
    assert read_rules(write(tmp_path, "")).rules == ()


def secret_fault(folder: Path, action: dict[str, Any], secret: bytes | None) -> list[str]:
    if secret is not None:
        (folder / "secret").write_bytes(secret)
    book = read_rules(write(folder, {"actions": {"a": {**action, "secret_file": "secret"}}}))
    return [line.removeprefix(f"action a: the secret in {folder / 'secret'} ") for line in faults_of_secrets(book)]


@pytest.mark.parametrize(
    ("action", "secret", "expected"),
    [
        ({"type": "pagerduty"}, b"0123456789abcdef0123456789abcdef\n", []),
        ({"type": "pagerduty"}, b"short", ["holds 5 characters; takes an integration's routing key, which has 32"]),
        ({"type": "slack"}, b"https://hooks.slack.com/services/T0/B0/x\n", []),
        (
            {"type": "slack"},
            b"hooks.slack.com",
            ["takes the address of an incoming webhook, which begins with https://"],
        ),
        ({"type": "opsgenie"}, None, ["cannot be read: No such file or directory"]),
        ({"type": "opsgenie"}, b" \n", ["is empty"]),
        ({"type": "opsgenie"}, b"a\r\nX-Injected: 1", ["takes one line of at most 4096 printable ASCII characters"]),
        ({"type": "opsgenie"}, b"\xff\xfe", ["is no text in UTF-8"]),
        ({"type": "opsgenie"}, b"abc", ["takes a secret of at least 8 characters"]),
    ],
)
def test_a_secret_that_cannot_be_meant_is_found_before_it_is_needed_and_never_shown(
    tmp_path: Path, action: dict[str, Any], secret: bytes | None, expected: list[str]
) -> None:
    assert secret_fault(tmp_path, action, secret) == expected


def test_a_slack_address_that_is_sent_in_the_clear_needs_a_word(tmp_path: Path) -> None:
    [line] = secret_fault(tmp_path, {"type": "slack"}, b"http://hooks.example/x")
    assert line.startswith("is sent in the clear")
    assert secret_fault(tmp_path, {"type": "slack", "allow_http": True}, b"http://hooks.example/x") == []


def test_the_example_of_the_documentation_is_a_rules_file(tmp_path: Path) -> None:
    page = (DOCS / "alerts.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    book = read_rules(write(tmp_path, example))
    assert {type(action) for action in book.actions.values()} == {Webhook, Email, Slack, PagerDuty, OpsGenie}
    assert book.rules


def test_the_documentation_names_every_metric_and_every_packaged_rule() -> None:
    page = (DOCS / "alerts.md").read_text()
    for name in METRICS:
        assert name.split(".")[-1] in page, name
    for rule in read_rules(PACKAGED).rules:
        assert f"`{rule.name}`" in page


def test_the_check_of_a_signature_that_the_documentation_shows_is_right() -> None:
    page = (DOCS / "alerts.md").read_text()
    shown: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], shown)
    headers = signed(b"{}", "a-secret-of-both", uuid4(), datetime.now(UTC))
    given = (headers[TIMESTAMP], headers[SIGNATURE], b"{}")
    assert shown["is_ours"](b"a-secret-of-both", *given)
    assert not shown["is_ours"](b"another-secret!!", *given)
