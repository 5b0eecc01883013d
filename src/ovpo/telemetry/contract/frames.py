# SPDX-License-Identifier: Apache-2.0
"""The frame invariants of a trace by name, and what breaks one. Finding it is the business of the processor."""

from enum import StrEnum

from msgspec import Struct


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
