# SPDX-License-Identifier: Apache-2.0
"""One notification to one receiver: the payload of its kind, on the way of its kind."""

import hashlib
import hmac
from datetime import datetime
from typing import Any, Final, assert_never
from uuid import UUID

import msgspec

from ovpo.telemetry.alerts import payloads
from ovpo.telemetry.alerts.actions import Action, Email, OpsGenie, PagerDuty, Slack, Webhook
from ovpo.telemetry.alerts.mailing import mail
from ovpo.telemetry.alerts.notices import Notice
from ovpo.telemetry.alerts.posting import post

SIGNATURE: Final = "X-OVPO-Signature"
TIMESTAMP: Final = "X-OVPO-Timestamp"
NOTIFICATION: Final = "X-OVPO-Notification"


def send(action: Action, secret: str | None, told: Notice, notification_id: UUID, now: datetime) -> None:
    """Send; raise DeliveryError where it does not arrive. What is sent twice has the same ids twice."""
    known = secret or ""
    match action:
        case Webhook():
            body = msgspec.json.encode(payloads.webhook(told, notification_id))
            post(action.url, body, signed(body, known, notification_id, now), now, secret=known)
        case Slack():
            _post(known, payloads.slack(told), {}, now, known)
        case PagerDuty():
            _post(action.url, payloads.pagerduty(told, known), {}, now, known)
        case OpsGenie():
            behind, content = payloads.opsgenie(told)
            _post(action.url.rstrip("/") + behind, content, {"Authorization": f"GenieKey {known}"}, now, known)
        case Email():
            mail(action, payloads.email(told, notification_id, action.sender, action.to), secret)
        case _:
            assert_never(action)


def signed(body: bytes, secret: str, notification_id: UUID, now: datetime) -> dict[str, str]:
    """Give the headers by which a receiver knows who sent a body, and when: HMAC-SHA256 of `<timestamp>.<body>`."""
    timestamp = str(int(now.timestamp()))
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {TIMESTAMP: timestamp, SIGNATURE: f"sha256={mac}", NOTIFICATION: str(notification_id)}


def _post(url: str, content: dict[str, Any], headers: dict[str, str], now: datetime, secret: str) -> None:
    post(url, msgspec.json.encode(content), headers, now, secret=secret)
