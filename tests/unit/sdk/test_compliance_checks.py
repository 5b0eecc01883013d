# SPDX-License-Identifier: Apache-2.0
"""The checks that judge what one run sent: each finds its own fault, names the place, and finds nothing else."""

from collections.abc import Callable

import pytest

from ovpo_sdk.kinds import EventType, TraceStatus
from ovpo_sdk.testing.checks import completeness, frame_order, media_time, parenting, skew
from ovpo_sdk.testing.findings import Finding, Verdict
from ovpo_sdk.testing.recording import Recording
from tests.unit.sdk.recordings import NOBODY, OTHER, SPAN, START, TRACE, after, frame, recording, sound, span, trace

CHILD = "55555555-5555-4555-8555-555555555555"
GRANDCHILD = "66666666-6666-4666-8666-666666666666"
CHECKS: tuple[Callable[[Recording], Finding], ...] = (
    completeness.check,
    parenting.check,
    frame_order.check,
    media_time.check,
    skew.check,
)


def failed(given: Recording) -> list[Finding]:
    return [finding for check in CHECKS if (finding := check(given)).verdict is Verdict.FAILED]


def only(given: Recording) -> Finding:
    [finding] = failed(given)
    return finding


def test_a_sound_run_passes_all() -> None:
    assert [check(sound()).verdict for check in CHECKS] == [Verdict.PASSED] * len(CHECKS)


def test_a_run_without_frames_has_no_order_to_judge() -> None:
    found = [check(recording(trace(), span())).verdict for check in CHECKS]

    assert found == [Verdict.PASSED] * 2 + [Verdict.NOT_APPLICABLE] * 2 + [Verdict.PASSED]


def test_nothing_at_all_is_incomplete_and_says_what_was_printed_last() -> None:
    finding = completeness.check(recording(), "ovpo: no API key")

    assert finding.verdict is Verdict.FAILED
    assert "no trace arrived" in finding.message
    assert "ovpo: no API key" in finding.message


@pytest.mark.parametrize("status", [TraceStatus.PENDING, TraceStatus.GENERATING])
def test_a_trace_that_does_not_end_is_named(status: TraceStatus) -> None:
    finding = only(recording(trace(status=status, completed_at=None), span()))

    assert finding.check == "completeness"
    assert TRACE in finding.message
    assert f"still {status}" in finding.message


def test_a_final_record_counts_whenever_it_comes() -> None:
    late = trace(status=TraceStatus.GENERATING, completed_at=None)

    assert failed(recording(trace(), late, span())) == []


def test_an_end_without_its_time_is_incomplete() -> None:
    assert "without completed_at" in only(recording(trace(completed_at=None), span())).message


def test_a_trace_without_a_span_is_incomplete() -> None:
    assert f"trace {TRACE} has no span" in only(recording(trace())).message


def test_a_span_and_a_frame_of_a_trace_that_never_came_are_incomplete() -> None:
    stray = span(span_id=CHILD, trace_id=OTHER)
    finding = only(recording(trace(), span(), stray, frame(0, trace_id=OTHER, span_id=CHILD)))

    assert f"span {CHILD} (denoise) is of trace {OTHER}, which never came" in finding.message
    assert len(finding.others) == 1
    assert finding.others[0].startswith("frame 0 ")


def test_what_the_collector_refused_is_incomplete() -> None:
    finding = only(recording(trace(), span(), refused=("the collector refuses span x",)))

    assert finding.check == "completeness"
    assert finding.message == "the collector refuses span x"


def test_a_parent_that_no_span_has_is_named() -> None:
    finding = only(recording(trace(), span(parent_span_id=NOBODY)))

    assert finding.check == "parenting"
    assert f"names the parent {NOBODY}, which no span has" in finding.message


def test_a_parent_in_another_trace_is_none() -> None:
    given = recording(trace(), trace(trace_id=OTHER), span(parent_span_id=CHILD), span(span_id=CHILD, trace_id=OTHER))

    assert f"which is a span of trace {OTHER}" in only(given).message


def test_spans_that_are_their_own_ancestors_are_told_once_a_circle() -> None:
    given = recording(
        trace(),
        span(parent_span_id=GRANDCHILD),
        span(span_id=CHILD, parent_span_id=SPAN),
        span(span_id=GRANDCHILD, parent_span_id=CHILD),
    )
    finding = only(given)

    assert "is its own ancestor" in finding.message
    assert finding.others == ()


@pytest.mark.parametrize(
    ("starts", "ends", "said"),
    [(-0.002, 10, "begins 2.0 ms before its parent"), (0, 10.003, "ends 3.0 ms after its parent")],
)
def test_a_child_that_stands_out_of_its_parent_in_time_is_named(starts: float, ends: float, said: str) -> None:
    child = span(span_id=CHILD, parent_span_id=SPAN, start_time=after(starts), end_time=after(ends))

    assert said in only(recording(trace(), span(), child)).message


def test_a_child_may_stand_out_by_what_clocks_are_read_apart() -> None:
    child = span(span_id=CHILD, parent_span_id=SPAN, start_time=after(-0.0009), end_time=after(10.0009))

    assert failed(recording(trace(), span(), child)) == []


def test_a_frame_on_a_span_that_never_came_is_named() -> None:
    finding = only(recording(trace(), span(), frame(4, span_id=NOBODY)))

    assert finding.check == "parenting"
    assert finding.message.startswith(f"frame 4 of trace {TRACE}")
    assert f"names span {NOBODY}, which never came" in finding.message


def test_a_frame_that_is_told_twice_is_named() -> None:
    finding = only(recording(trace(), span(), frame(0), frame(1), frame(1)))

    assert finding.check == "frame-order"
    assert "has frame 1 twice as frame_generated" in finding.message


def test_a_second_look_at_a_frame_is_no_second_frame() -> None:
    assert failed(recording(trace(), span(), frame(1), frame(1, event_type=EventType.SAMPLED))) == []


def test_frames_may_arrive_in_any_order() -> None:
    assert failed(recording(trace(), span(), frame(2), frame(0), frame(1))) == []


def test_media_time_that_falls_is_named_with_the_frame_that_was_further() -> None:
    finding = only(recording(trace(), span(), frame(0), frame(1, media_time_ms=900), frame(2), frame(3)))

    assert finding.check == "media-time"
    assert finding.message.startswith(f"frame 2 of trace {TRACE}")
    assert "before the 900 ms of frame 1" in finding.message
    assert len(finding.others) == 1


def test_each_trace_has_a_media_time_of_its_own() -> None:
    other = frame(1, trace_id=OTHER, span_id=CHILD, media_time_ms=0)
    given = recording(
        trace(), trace(trace_id=OTHER), span(), span(span_id=CHILD, trace_id=OTHER), frame(0), frame(9), other
    )

    assert failed(given) == []


def test_a_frame_observed_more_than_five_seconds_back_is_named() -> None:
    late = frame(0, observed_at=after(5.2))
    finding = only(recording(trace(), span(), late, frame(1, observed_at=START)))

    assert finding.check == "skew"
    assert "was observed 5.2 s before frame 0" in finding.message


def test_five_seconds_back_are_allowed() -> None:
    assert failed(recording(trace(), span(), frame(0, observed_at=after(5)), frame(1, observed_at=START))) == []


def test_a_pass_over_the_frames_may_begin_long_after_another_began() -> None:
    sampled = [frame(index, event_type=EventType.SAMPLED) for index in range(3)]
    decoded = [frame(index, observed_at=after(60 + index)) for index in range(3)]

    assert failed(recording(trace(), span(), *sampled, *decoded)) == []


def test_a_span_that_ends_before_it_starts_is_named() -> None:
    finding = only(recording(trace(), span(start_time=after(3), end_time=after(1))))

    assert finding.check == "skew"
    assert "ends 2 s before it starts" in finding.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"started_at": after(-1)}, "started_at 1 s before its created_at"),
        ({"completed_at": after(-1)}, "completed_at 1 s before its started_at"),
        ({"started_at": None, "completed_at": after(-1)}, "completed_at 1 s before its created_at"),
    ],
)
def test_the_times_of_a_trace_follow_one_another(changes: dict[str, object], said: str) -> None:
    assert said in only(recording(trace(**changes), span())).message
