# SPDX-License-Identifier: Apache-2.0
"""The frame invariants of a trace as a pure function over its events: what the processor's SQL is held to."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ovpo.telemetry.contract.frames import Finding, FrameRule
from ovpo.telemetry.contract.records import EventType, FrameEvent

OBSERVED_AT_BACKWARDS: Final = timedelta(seconds=5)


def findings(events: Iterable[FrameEvent]) -> tuple[Finding, ...]:
    """Find where the events of one trace, each given once and in any order, break an invariant.

    They are looked at by frame, events of one frame as they were observed. `frame_index` must rise among events of one
    type, so two of them on one frame are a fault; `media_time_ms` must not fall; `observed_at` must not lie more than
    5 s before the latest one seen on an earlier event of its type.
    """
    found: list[Finding] = []
    last_of_type: dict[EventType, FrameEvent] = {}
    furthest: FrameEvent | None = None
    latest_of_type: dict[EventType, FrameEvent] = {}
    for event in sorted(events, key=_place):
        twin = last_of_type.get(event.event_type)
        if twin is not None and twin.frame_index >= event.frame_index:
            found.append(_finding(FrameRule.INDEX_RISES, event, twin))
        if furthest is not None and event.media_time_ms < furthest.media_time_ms:
            found.append(_finding(FrameRule.MEDIA_TIME_NEVER_FALLS, event, furthest))
        latest = latest_of_type.get(event.event_type)
        if latest is not None and latest.observed_at - event.observed_at > OBSERVED_AT_BACKWARDS:
            found.append(_finding(FrameRule.OBSERVED_AT_KEEPS_PACE, event, latest))
        last_of_type[event.event_type] = event
        furthest = event if furthest is None or event.media_time_ms > furthest.media_time_ms else furthest
        if latest is None or event.observed_at > latest.observed_at:
            latest_of_type[event.event_type] = event
    return tuple(found)


def _place(event: FrameEvent) -> tuple[int, datetime, float, bytes]:
    """Events that are alike in all that counts stand in the order that ClickHouse gives ids: by their second half."""
    of_id = UUID(event.event_id).bytes
    return event.frame_index, event.observed_at, event.media_time_ms, of_id[8:] + of_id[:8]


def _finding(rule: FrameRule, event: FrameEvent, against: FrameEvent) -> Finding:
    return Finding(rule, event.event_id, event.frame_index, against.event_id)
