# SPDX-License-Identifier: Apache-2.0
"""The frame invariants of a trace, as a pure function over its events. What a finding leads to is the processor's."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from ovpo.telemetry.contract.limits import OBSERVED_AT_BACKWARDS
from ovpo.telemetry.contract.records import EventType, FrameEvent


class FrameRule(StrEnum):
    """An invariant that a trace's events may break."""

    INDEX_RISES = "frame_index_rises"
    MEDIA_TIME_NEVER_FALLS = "media_time_never_falls"
    OBSERVED_AT_KEEPS_PACE = "observed_at_keeps_pace"


class Finding(Struct, frozen=True):
    """A broken invariant: the event at which it shows, and the event that it contradicts."""

    rule: FrameRule
    event_id: str
    frame_index: int
    against_event_id: str


def findings(events: Iterable[FrameEvent]) -> tuple[Finding, ...]:
    """Find where the events of one trace, each given once and in any order, break an invariant.

    They are looked at by frame, events of one frame as they were observed. `frame_index` must rise among events of one
    type, so two of them on one frame are a fault; `media_time_ms` must not fall; `observed_at` must not lie more than
    5 s before the latest one seen on an earlier event.
    """
    found: list[Finding] = []
    last_of_type: dict[EventType, FrameEvent] = {}
    furthest: FrameEvent | None = None
    latest: FrameEvent | None = None
    for event in sorted(events, key=_place):
        twin = last_of_type.get(event.event_type)
        if twin is not None and twin.frame_index >= event.frame_index:
            found.append(_finding(FrameRule.INDEX_RISES, event, twin))
        if furthest is not None and event.media_time_ms < furthest.media_time_ms:
            found.append(_finding(FrameRule.MEDIA_TIME_NEVER_FALLS, event, furthest))
        if latest is not None and latest.observed_at - event.observed_at > OBSERVED_AT_BACKWARDS:
            found.append(_finding(FrameRule.OBSERVED_AT_KEEPS_PACE, event, latest))
        last_of_type[event.event_type] = event
        furthest = event if furthest is None or event.media_time_ms > furthest.media_time_ms else furthest
        latest = event if latest is None or event.observed_at > latest.observed_at else latest
    return tuple(found)


def _place(event: FrameEvent) -> tuple[int, datetime, float, str]:
    return event.frame_index, event.observed_at, event.media_time_ms, event.event_id


def _finding(rule: FrameRule, event: FrameEvent, against: FrameEvent) -> Finding:
    return Finding(rule, event.event_id, event.frame_index, against.event_id)
