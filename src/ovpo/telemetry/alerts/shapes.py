# SPDX-License-Identifier: Apache-2.0
"""What the routes of alerts answer with, as OpenAPI shows it."""

from datetime import datetime

from pydantic import BaseModel, Field

from ovpo.telemetry.alerts.life import Ending, State
from ovpo.telemetry.alerts.notices import Event
from ovpo.telemetry.alerts.rules import Comparison, GroupBy, Severity
from ovpo.telemetry.contract.records import FailureKind


class AlertRow(BaseModel):
    """An alert: one for as long as it lasts; one that fires again is another."""

    alert_id: str = Field(examples=["5b2e3f0a-6c1d-4c8e-9a51-7d0f2b6e4c11"])
    rule: str = Field(description="The name of its rule", examples=["high-failure-rate"])
    description: str = Field(examples=["More than a fifth of the traces fail"])
    severity: Severity
    state: State
    metric: str = Field(examples=["failure_rate"])
    group_by: GroupBy | None = Field(description="What the rule looks at one by one, if it does")
    group: str | None = Field(
        description="The model or project that it is about; empty where none is known", examples=["wan-2.1"]
    )
    value: float = Field(description="What was measured last", examples=[0.42])
    samples: int = Field(description="From how many traces or frames", examples=[57])
    comparison: Comparison
    threshold: float = Field(examples=[0.2])
    window: str = Field(examples=["30m"])
    labels: dict[str, str] = Field(examples=[{"team": "inference"}])
    started_at: datetime = Field(description="Since when the condition was true")
    fired_at: datetime | None
    resolved_at: datetime | None
    ending: Ending | None = Field(description="Why it resolved")
    evaluated_at: datetime


class AlertPage(BaseModel):
    """A page of alerts, the newest first."""

    alerts: list[AlertRow]
    has_more: bool
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page", examples=["eyJsYXN0X3RpbWVzdGFtcCI6…"]
    )


class NotificationRow(BaseModel):
    """What was told of an alert, to whom, and whether it arrived."""

    notification_id: str = Field(examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"])
    action: str = Field(examples=["on-call"])
    event: Event
    state: str = Field(description="waiting, delivered or given_up", examples=["delivered"])
    attempts: int = Field(examples=[1])
    reason: str | None = Field(description="Why the last attempt failed", examples=["the receiver answered 503"])
    created_at: datetime
    settled_at: datetime | None = Field(description="When it was delivered or given up")


class AlertDetail(AlertRow):
    """An alert, and the newest hundred notifications about it."""

    notifications: list[NotificationRow]


class RuleRow(BaseModel):
    """A rule that is evaluated for your tenant."""

    name: str = Field(examples=["high-failure-rate"])
    description: str = Field(examples=["More than a fifth of the traces fail"])
    metric: str = Field(examples=["failure_rate"])
    says: str = Field(description="What the metric is", examples=["share of traces that failed"])
    model: str | None = Field(description="Only traces of this model", examples=["wan-2.1"])
    project: str | None = Field(description="Only traces of this project", examples=["trailer"])
    failure_kind: FailureKind | None
    group_by: GroupBy | None
    window: str = Field(description="How far it looks back", examples=["30m"])
    comparison: Comparison
    threshold: float = Field(examples=[0.2])
    hold: str = Field(alias="for", description="How long it must hold before it fires", examples=["5m"])
    repeat: str | None = Field(description="How often it is told again while it fires", examples=["4h"])
    min_samples: int = Field(description="Fewer samples than this count as no data", examples=[20])
    severity: Severity
    labels: dict[str, str] = Field(examples=[{"team": "inference"}])
    actions: dict[str, str] = Field(description="Who is told, and in which way", examples=[{"on-call": "pagerduty"}])


class RuleList(BaseModel):
    """The rules, in the order of their file."""

    rules: list[RuleRow]
