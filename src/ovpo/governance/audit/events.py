# SPDX-License-Identifier: Apache-2.0
"""What is written to the audit chain: the kinds of events, one entry, and who acted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """What happened."""

    TRACE_ACCESS = "TRACE_ACCESS"
    TRACE_QUERY = "TRACE_QUERY"
    TRACE_DELETE = "TRACE_DELETE"
    ARTIFACT_DOWNLOAD = "ARTIFACT_DOWNLOAD"
    CONFIG_CHANGE = "CONFIG_CHANGE"
    USER_LOGIN = "USER_LOGIN"
    API_KEY_CREATED = "API_KEY_CREATED"
    API_KEY_REVOKED = "API_KEY_REVOKED"
    LEGAL_HOLD_SET = "LEGAL_HOLD_SET"
    LEGAL_HOLD_CLEARED = "LEGAL_HOLD_CLEARED"
    GDPR_DELETION = "GDPR_DELETION"
    RETENTION_PURGE = "RETENTION_PURGE"
    ALERT_FIRED = "ALERT_FIRED"
    ALERT_RESOLVED = "ALERT_RESOLVED"
    AUDIT_READ = "AUDIT_READ"
    VIDEO_UPLOADED = "VIDEO_UPLOADED"
    VIDEO_ACCESS = "VIDEO_ACCESS"
    VIDEO_QUERY = "VIDEO_QUERY"
    VIDEO_DELETED = "VIDEO_DELETED"
    GOLD_CHOSEN = "GOLD_CHOSEN"
    SCORE_REQUESTED = "SCORE_REQUESTED"
    SCORE_ACCESS = "SCORE_ACCESS"
    SCORE_QUERY = "SCORE_QUERY"
    SCORE_CANCELED = "SCORE_CANCELED"
    SCORE_RETRIED = "SCORE_RETRIED"
    SCORE_REVIEWED = "SCORE_REVIEWED"
    TRAINING_REQUESTED = "TRAINING_REQUESTED"
    DEFINITION_CHANGED = "DEFINITION_CHANGED"
    DEFINITION_RETIRED = "DEFINITION_RETIRED"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, before it has a place in the chain of its tenant."""

    event_type: EventType
    actor_id: str
    actor_ip: str | None
    resource_type: str
    resource_id: str
    metadata: Mapping[str, Any]
    """Values that JSON holds exactly; no personal data, no secret."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `key:<prefix>` over HTTP, `console` at the machine, `run:<id>` in a Dagster run."""

    actor_id: str
    actor_ip: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    """What belongs to each of its entries: request_id, user_agent."""

    def entry(self, event_type: EventType, resource_type: str, resource_id: str, **metadata: Any) -> Entry:
        """Make an entry of something that this actor did."""
        return Entry(event_type, self.actor_id, self.actor_ip, resource_type, resource_id, {**self.context, **metadata})
