# SPDX-License-Identifier: Apache-2.0
"""The frame invariants see what is wrong, wherever it stands, and nothing else."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from ovpo.telemetry.contract.frames import FrameRule
from ovpo.telemetry.contract.records import EventType, FrameEvent
from tests.unit.telemetry.processor.frame_rules import findings

START = datetime(2026, 11, 21, 10, tzinfo=UTC)
GENERATED, SAMPLED = EventType.FRAME_GENERATED, EventType.FRAME_SAMPLED


def event(
    number: int, frame: int, media_ms: float, seconds: float, event_type: EventType = EventType.FRAME_GENERATED
) -> FrameEvent:
    return FrameEvent(
        schema_version="0.08",
        event_id=str(UUID(int=number)),
        trace_id=str(UUID(int=0)),
        span_id=str(UUID(int=1)),
        event_type=event_type,
        observed_at=START + timedelta(seconds=seconds),
        frame_index=frame,
        media_time_ms=media_ms,
    )


def rules(*events: FrameEvent) -> list[FrameRule]:
    return [finding.rule for finding in findings(events)]


events = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 12), st.sampled_from(EventType)), max_size=12
).map(lambda rows: [event(number, *row) for number, row in enumerate(rows)])


def test_frames_in_order_break_nothing() -> None:
    assert rules(*(event(n, n, n * 40, n * 0.1) for n in range(50))) == []


def test_a_gap_between_frames_is_no_fault() -> None:
    assert rules(event(1, 0, 0, 0), event(2, 7, 280, 1)) == []


def test_a_generated_and_a_sampled_event_of_one_frame_are_two_facts() -> None:
    assert rules(event(1, 4, 160, 0), event(2, 4, 160, 1, SAMPLED)) == []


def test_two_generated_events_of_one_frame_are_a_fault() -> None:
    found = findings([event(1, 4, 160, 0), event(2, 5, 200, 1, SAMPLED), event(3, 4, 160, 0.5)])
    assert [(one.rule, one.event_id, one.against_event_id) for one in found] == [
        (FrameRule.INDEX_RISES, str(UUID(int=3)), str(UUID(int=1)))
    ]


def test_media_time_may_stand_still_but_not_fall() -> None:
    assert rules(event(1, 0, 40, 0), event(2, 1, 40, 1)) == []
    assert rules(event(1, 0, 40, 0), event(2, 1, 39.9, 1)) == [FrameRule.MEDIA_TIME_NEVER_FALLS]


def test_media_time_is_measured_from_its_furthest() -> None:
    found = findings([event(1, 0, 100, 0), event(2, 1, 40, 0), event(3, 2, 60, 0)])
    assert [one.against_event_id for one in found] == [str(UUID(int=1))] * 2


def test_a_clock_may_run_back_five_seconds_and_no_more() -> None:
    assert rules(event(1, 0, 0, 10), event(2, 1, 40, 5)) == []
    assert rules(event(1, 0, 0, 10), event(2, 1, 40, 4.999)) == [FrameRule.OBSERVED_AT_KEEPS_PACE]


def test_a_clock_that_creeps_back_is_measured_from_its_furthest() -> None:
    assert rules(event(1, 0, 0, 10), event(2, 1, 40, 6), event(3, 2, 80, 2)) == [FrameRule.OBSERVED_AT_KEEPS_PACE]


def test_a_pass_over_the_frames_may_begin_long_after_another_began() -> None:
    sampled = [event(frame, frame, frame * 40, frame, SAMPLED) for frame in range(8)]
    decoded = [event(20 + frame, frame, frame * 40, 60 + frame) for frame in range(8)]
    assert rules(*sampled, *decoded) == []


@settings(deadline=None)
@given(events, st.randoms())
def test_the_order_in_which_events_came_does_not_matter(given_events: list[FrameEvent], random: object) -> None:
    shuffled = list(given_events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert findings(shuffled) == findings(given_events)


@settings(deadline=None)
@given(events)
def test_no_finding_means_that_every_pair_of_events_agrees(given_events: list[FrameEvent]) -> None:
    broken = bool(findings(given_events))
    order = sorted(given_events, key=lambda one: (one.frame_index, one.observed_at, one.media_time_ms, one.event_id))
    disagree = any(
        (one.event_type is other.event_type and one.frame_index == other.frame_index)
        or other.media_time_ms < one.media_time_ms
        or (one.event_type is other.event_type and one.observed_at - other.observed_at > timedelta(seconds=5))
        for place, one in enumerate(order)
        for other in order[place + 1 :]
    )
    assert broken == disagree
