# SPDX-License-Identifier: Apache-2.0
"""What the ledger holds, as frozen values, and the arithmetic of windows. Pure; the statements are in `session`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """Where an item of work is."""

    QUEUED = "queued"
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that was found or asked for; its digest makes a second registration of it a no-op."""

    tenant_id: str
    subject: str
    digest: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item of work as the ledger knows it."""

    item_id: UUID
    lane: str
    tenant_id: str
    subject: str
    digest: str
    window_start: datetime
    state: State
    attempt: int
    run_id: str | None
    reason: str | None
    result: str | None
    registered_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PendingWindow:
    """A window that holds queued work, and its revision, which rises with each gain."""

    window_start: datetime
    revision: int
    queued: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many items of a lane, registered on one day, are in one state."""

    day: datetime
    lane: str
    state: State
    items: int
    most_attempts: int
    oldest_change: datetime


def hour_of(moment: datetime) -> datetime:
    """Give the window that a moment falls into: its hour in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
