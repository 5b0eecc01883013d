# SPDX-License-Identifier: Apache-2.0
"""What each receiver is sent, in the shape and within the limits that its own documentation states. Pure.

Slack: text of a header at most 150 characters, of a section 3000, at most 10 fields of 2000, and `&`, `<`, `>` escaped.
PagerDuty Events API v2: summary at most 1024 characters, dedup_key 255, severity one of info, warning, error, critical.
OpsGenie Alert API: message at most 130 characters, alias and entity 512, description 15 000, 20 tags of 50, note
25 000, source 100, details as texts.
"""

from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec

from ovpo.telemetry.alerts.notices import Event, Notice, cut, facts, sentence, title
from ovpo.telemetry.alerts.rules import Severity

SOURCE: Final = "ovpo"
_MOST_FIELDS: Final = 10
_PRIORITIES: Final = {Severity.CRITICAL: "P1", Severity.WARNING: "P3", Severity.INFO: "P5"}
_URGENT: Final = {Severity.CRITICAL: "1", Severity.WARNING: "3", Severity.INFO: "5"}


def webhook(told: Notice, notification_id: UUID) -> dict[str, Any]:
    """Give the facts as they are, with the words that people read."""
    named: dict[str, Any] = msgspec.to_builtins(told)
    return {
        "notification_id": str(notification_id),
        "dedup_key": told.dedup_key,
        "title": title(told),
        "text": sentence(told),
        **named,
    }


def slack(told: Notice) -> dict[str, Any]:
    """Give a message of blocks, with a text for where blocks are not shown."""
    fields = [_mrkdwn(f"*{_escaped(name)}*\n{_escaped(value)}", 2000) for name, value in facts(told).items()]
    return {
        "text": cut(_escaped(f"{title(told)} {sentence(told)}"), 3000),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": cut(title(told), 150)}},
            {"type": "section", "text": _mrkdwn(_escaped(f"{told.description}\n{sentence(told)}"), 3000)},
            {"type": "section", "fields": fields[:_MOST_FIELDS]},
        ],
    }


def pagerduty(told: Notice, routing_key: str) -> dict[str, Any]:
    """Give an event that triggers the alert's incident, once more where it is repeated, or resolves it."""
    event: dict[str, Any] = {"routing_key": routing_key, "dedup_key": told.dedup_key}
    if told.event is Event.RESOLVED:
        return {**event, "event_action": "resolve"}
    return {
        **event,
        "event_action": "trigger",
        "client": "OVPO",
        "payload": {
            "summary": cut(f"{title(told)} {sentence(told)}", 1024),
            "source": SOURCE,
            "severity": told.severity.value,
            "timestamp": told.happened_at.isoformat(),
            "component": told.tenant_id,
            "group": told.group or told.tenant_id,
            "class": told.metric,
            "custom_details": {"description": told.description, **facts(told)},
        },
    }


def opsgenie(told: Notice) -> tuple[str, dict[str, Any]]:
    """Give what follows the address of the API, and the body, that create an alert or close it by its alias."""
    if told.event is Event.RESOLVED:
        alias = quote(told.dedup_key, safe="")
        return f"/{alias}/close?identifierType=alias", {"source": SOURCE, "note": cut(sentence(told), 25_000)}
    return "", {
        "message": cut(title(told), 130),
        "alias": told.dedup_key,
        "description": cut(f"{told.description}\n{sentence(told)}", 15_000),
        "tags": [cut(tag, 50) for tag in (SOURCE, told.severity, told.metric)],
        "details": facts(told),
        "entity": cut(told.group or told.tenant_id, 512),
        "source": SOURCE,
        "priority": _PRIORITIES[told.severity],
    }


def email(told: Notice, notification_id: UUID, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Give a message in plain text; all messages about one alert are one thread."""
    domain = sender.rpartition("@")[2]
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = cut(title(told), 200)
    message["Date"] = format_datetime(told.happened_at)
    message["Message-ID"] = f"<{notification_id}@{domain}>"
    message["References"] = f"<{told.alert_id}@{domain}>"
    message["X-Priority"] = _URGENT[told.severity]
    message["Auto-Submitted"] = "auto-generated"
    rows = "\n".join(f"{name}: {value}" for name, value in facts(told).items())
    message.set_content(f"{told.description}\n\n{sentence(told)}\n\n{rows}\n")
    return message


def _mrkdwn(text: str, most: int) -> dict[str, str]:
    return {"type": "mrkdwn", "text": cut(text, most)}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
