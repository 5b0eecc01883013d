# SPDX-License-Identifier: Apache-2.0
"""What each receiver is sent: the shapes and limits of its documentation, whatever a sender named its models."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.telemetry.alerts import payloads
from ovpo.telemetry.alerts.life import Ending
from ovpo.telemetry.alerts.notices import Event, Notice, sentence, title
from ovpo.telemetry.alerts.rules import Comparison, Severity
from ovpo.telemetry.alerts.sending import signed

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALERT = UUID("5b2e3f0a-6c1d-4c8e-9a51-7d0f2b6e4c11")
NOTIFICATION = UUID("0d6cbd0c-9d5c-4f0e-8f2b-3c1f3f7f9a10")
KEY = "0123456789abcdef0123456789abcdef"


def told(event: Event = Event.FIRED, **fields: Any) -> Notice:
    ended = {"resolved_at": NOW + timedelta(hours=1), "ending": Ending.CALM} if event is Event.RESOLVED else {}
    facts: dict[str, Any] = {
        "alert_id": ALERT, "tenant_id": "demo", "rule": "failing-model", "description": "A model fails.",
        "severity": Severity.CRITICAL, "metric": "failure_rate", "group_by": "model", "group": "wan-2",
        "comparison": Comparison.ABOVE, "threshold": 0.2, "window": "30m", "value": 0.4321987, "samples": 57,
        "labels": {"team": "inference"}, "started_at": NOW, "fired_at": NOW + timedelta(minutes=10),
        "resolved_at": None, "ending": None, **ended, **fields,
    }  # fmt: skip
    return Notice(event=event, **facts)


def test_the_words_say_what_happened_to_whom() -> None:
    assert title(told()) == "[FIRING] critical: failing-model (tenant demo, model wan-2)"
    assert sentence(told()) == "failure_rate over 30m is 0.432199; the rule fires at > 0.2."
    assert title(told(Event.REPEATED)).startswith("[STILL FIRING]")
    assert title(told(Event.RESOLVED)).startswith("[RESOLVED]")
    assert "no longer true" in sentence(told(Event.RESOLVED))
    for ending in Ending:
        assert sentence(told(Event.RESOLVED, ending=ending)).startswith("Resolved because ")


def test_a_webhook_is_given_the_facts() -> None:
    body = json.loads(msgspec.json.encode(payloads.webhook(told(), NOTIFICATION)))
    assert body["notification_id"] == str(NOTIFICATION)
    assert body["dedup_key"] == f"ovpo-alert-{ALERT}"
    assert (body["event"], body["tenant_id"], body["value"], body["group"]) == ("fired", "demo", 0.4321987, "wan-2")
    assert body["fired_at"] == "2026-11-21T12:10:00Z"


def test_a_receiver_can_tell_who_signed_a_body_and_when() -> None:
    headers = signed(b'{"a":1}', "secret-of-both", NOTIFICATION, NOW)
    expected = hmac.new(b"secret-of-both", b'1795262400.{"a":1}', hashlib.sha256).hexdigest()
    assert headers == {
        "X-OVPO-Timestamp": "1795262400",
        "X-OVPO-Signature": f"sha256={expected}",
        "X-OVPO-Notification": str(NOTIFICATION),
    }


def test_slack_is_given_blocks_and_a_text() -> None:
    body = payloads.slack(told())
    assert body["text"].startswith("[FIRING] critical")
    header, section, fields = body["blocks"]
    assert header == {"type": "header", "text": {"type": "plain_text", "text": title(told())}}
    assert (section["type"], section["text"]["type"]) == ("section", "mrkdwn")
    assert {"type": "mrkdwn", "text": "*model*\nwan-2"} in fields["fields"]
    assert {"type": "mrkdwn", "text": "*threshold*\n&gt; 0.2"} in fields["fields"]


def test_no_name_of_a_sender_mentions_a_channel_or_makes_a_link_in_slack() -> None:
    text = json.dumps(payloads.slack(told(group="<!channel> <https://evil.example|click> &")))
    assert "<!channel>" not in text.replace(
        json.dumps(title(told(group="<!channel> <https://evil.example|click> &"))), ""
    )
    assert "&lt;!channel&gt;" in text


def test_pagerduty_is_given_an_event_that_triggers_and_one_of_the_same_key_that_resolves() -> None:
    event = payloads.pagerduty(told(), KEY)
    assert (event["routing_key"], event["event_action"]) == (KEY, "trigger")
    assert event["dedup_key"] == f"ovpo-alert-{ALERT}"
    content = event["payload"]
    assert (content["severity"], content["source"], content["class"]) == ("critical", "ovpo", "failure_rate")
    assert content["timestamp"] == "2026-11-21T12:10:00+00:00"
    assert content["custom_details"]["samples"] == "57"
    again = payloads.pagerduty(told(Event.REPEATED), KEY)
    assert (again["event_action"], again["dedup_key"]) == ("trigger", event["dedup_key"])
    resolved = payloads.pagerduty(told(Event.RESOLVED), KEY)
    assert resolved == {"routing_key": KEY, "dedup_key": event["dedup_key"], "event_action": "resolve"}


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_is_one_that_pagerduty_and_opsgenie_know(severity: Severity) -> None:
    assert payloads.pagerduty(told(severity=severity), KEY)["payload"]["severity"] in {"info", "warning", "critical"}
    assert payloads.opsgenie(told(severity=severity))[1]["priority"] in {"P1", "P3", "P5"}


def test_opsgenie_is_given_an_alert_with_an_alias_by_which_it_is_closed() -> None:
    behind, body = payloads.opsgenie(told())
    assert (behind, body["alias"], body["priority"]) == ("", f"ovpo-alert-{ALERT}", "P1")
    assert all(isinstance(value, str) for value in body["details"].values())
    behind, body = payloads.opsgenie(told(Event.RESOLVED))
    assert behind == f"/ovpo-alert-{ALERT}/close?identifierType=alias"
    assert set(body) == {"source", "note"}


def test_a_mail_is_one_of_a_thread_and_says_that_no_person_sent_it() -> None:
    sent = payloads.email(told(), NOTIFICATION, "ovpo@x.example", ("a@x.example", "b@x.example"))
    message = message_from_bytes(sent.as_bytes(), policy=default)
    assert message["To"] == "a@x.example, b@x.example"
    assert message["Message-ID"] == f"<{NOTIFICATION}@x.example>"
    assert message["References"] == f"<{ALERT}@x.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "model: wan-2" in message.get_content()


@given(
    group=st.text(max_size=4000),
    description=st.text(min_size=1, max_size=500),
    labels=st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_]{0,62}\Z"), st.text(min_size=1, max_size=256), max_size=20),
    event=st.sampled_from(Event),
)
def test_no_name_breaks_a_limit_of_a_receiver_or_a_header(
    group: str, description: str, labels: dict[str, str], event: Event
) -> None:
    notice = told(event, group=group, description=description, labels=labels)
    body = payloads.slack(notice)
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    assert len(body["blocks"][1]["text"]["text"]) <= 3000
    assert len(body["blocks"][2]["fields"]) <= 10
    assert all(len(field["text"]) <= 2000 for field in body["blocks"][2]["fields"])
    _, alert = payloads.opsgenie(notice)
    limits = {"message": 130, "alias": 512, "description": 15_000, "entity": 512, "note": 25_000, "source": 100}
    assert all(len(alert[name]) <= most for name, most in limits.items() if name in alert)
    assert all(len(tag) <= 50 for tag in alert.get("tags", []))
    assert sum(len(name) + len(value) for name, value in alert.get("details", {}).items()) <= 8_000
    event_body = payloads.pagerduty(notice, KEY)
    assert len(event_body["dedup_key"]) <= 255
    assert len(event_body.get("payload", {}).get("summary", "")) <= 1024
    if all(not "\ud800" <= character <= "\udfff" for character in group + description + "".join(labels.values())):
        sent = payloads.email(notice, NOTIFICATION, "ovpo@x.example", ("a@x.example",)).as_bytes()
        assert message_from_bytes(sent, policy=default)["To"] == "a@x.example"
