# SPDX-License-Identifier: Apache-2.0
"""Two traces side by side: pairs are one to one and in order, and a difference is the other less the one."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovpo.telemetry.analytics.comparing import (
    Comparison,
    Delta,
    FrameSeen,
    SpanSeen,
    TraceSeen,
    compare,
    folded,
    pair_spans,
)
from ovpo.telemetry.analytics.pairing import by_time, interval, thinned

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
numbers = some.floats(0, 1e6)
spans = some.builds(
    SpanSeen,
    span_id=some.uuids(version=4).map(str),
    kind=some.sampled_from(["LOAD", "SAMPLING"]),
    name=some.sampled_from(["a", "b", "c"]),
    start=some.integers(0, 50).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    duration_ms=numbers,
    units=numbers,
    attributes=some.dictionaries(some.sampled_from(["custom.a", "custom.b"]), some.integers(0, 2), max_size=2),
)
frames = some.builds(
    FrameSeen,
    frame_index=some.integers(0, 20),
    media_time_ms=some.integers(0, 400).map(float),
    quality=some.dictionaries(some.sampled_from(["motion_score", "nsfw_score"]), numbers, max_size=2),
    vram_used_mb=some.none() | numbers,
)
traces = some.builds(
    TraceSeen,
    total_ms=some.none() | numbers,
    spans=some.lists(spans, max_size=12, unique_by=lambda span: span.span_id),
    frames=some.lists(frames, max_size=25),
)
times = some.lists(some.floats(0, 1e4), max_size=40).map(sorted)


def span(name: str, kind: str = "SAMPLING", at: float = 0, **changes: Any) -> SpanSeen:
    given: dict[str, Any] = {"duration_ms": 1.0, "units": 1.0, "attributes": {}} | changes
    return SpanSeen(f"{name}-{kind}-{at}", kind, name, NOON + timedelta(seconds=at), **given)


def clip(count: int, rate: float, start: float = 0) -> list[FrameSeen]:
    return [FrameSeen(index, start + index * 1000 / rate, {"motion_score": index}, None) for index in range(count)]


def deltas(found: Comparison) -> Iterable[Delta]:
    yield from (found.total_ms, found.units, found.peak_vram_mb, *found.quality.values())
    for kind in found.kinds:
        yield from (kind.spans, kind.duration_ms, kind.units)
    for pair in found.spans:
        yield from (pair.duration_ms, pair.units)
    for frame in found.frames:
        yield from (frame.vram_used_mb, *frame.quality.values())


@given(traces)
def test_a_trace_does_not_differ_from_itself(trace: TraceSeen) -> None:
    found = compare(trace, trace)
    assert {delta.difference for delta in deltas(found)} <= {0, None}
    assert all(not pair.attributes for pair in found.spans)
    assert found.span_pairs == len(trace.spans)
    assert found.frame_pairs == len({frame.frame_index for frame in trace.frames})
    assert found.only_one == found.only_other
    assert (found.only_one.span_count, found.only_one.frame_count) == (0, 0)


@given(traces, traces)
def test_swapped_traces_give_swapped_and_negated_differences(one: TraceSeen, other: TraceSeen) -> None:
    there, back = compare(one, other), compare(other, one)
    for this, that in zip(deltas(there), deltas(back), strict=True):
        assert (this.one, this.other) == (that.other, that.one)
        assert this.difference is None or this.difference == -(that.difference or 0)
    assert (there.only_one, there.only_other) == (back.only_other, back.only_one)
    assert [pair.attributes for pair in there.spans] == [
        {name: values[::-1] for name, values in pair.attributes.items()} for pair in back.spans
    ]


@given(traces, traces)
def test_every_span_is_in_one_pair_of_its_kind_or_left(one: TraceSeen, other: TraceSeen) -> None:
    pairs, left, left_of_other = pair_spans(one.spans, other.spans)
    assert sorted(map(str, [*(pair.one for pair in pairs), *left])) == sorted(map(str, one.spans))
    assert sorted(map(str, [*(pair.other for pair in pairs), *left_of_other])) == sorted(map(str, other.spans))
    assert all(pair.one.kind == pair.other.kind for pair in pairs)
    assert not {span.kind for span in left} & {span.kind for span in left_of_other}


@given(times, times)
def test_frames_are_paired_one_to_one_in_order_and_near(one: list[float], other: list[float]) -> None:
    pairs = by_time(one, other)
    for before, after in pairwise(pairs):
        assert before[0] < after[0]
        assert before[1] < after[1]
    usual = [known for known in (interval(one), interval(other)) if known is not None]
    assert all(abs(one[first] - other[second]) <= min(usual, default=0) / 2 for first, second in pairs)
    assert [(second, first) for first, second in by_time(other, one)] == pairs


def test_spans_of_one_name_are_paired_before_those_of_other_names() -> None:
    one = [span("vae", "DECODE", 1), span("audio", "DECODE", 2), span("audio", "DECODE", 3)]
    other = [span("audio", "DECODE", 5), span("text", "DECODE", 6), span("audio", "GUARD", 7)]
    pairs, left, left_of_other = pair_spans(one, other)
    assert [(pair.one.name, pair.one.start.second, pair.other.name) for pair in pairs] == [
        ("audio", 2, "audio"),
        ("vae", 1, "text"),
    ]
    assert ([one.start.second for one in left], [one.kind for one in left_of_other]) == ([3], ["GUARD"])


def test_differences_are_the_other_less_the_one() -> None:
    one = TraceSeen(100, [span("a", duration_ms=10, units=2, attributes={"gpu.model": "h100"})], [])
    other = TraceSeen(80, [span("a", duration_ms=4, units=5, attributes={"custom.x": 1})], [])
    found = compare(one, other)
    assert (found.total_ms.difference, found.units.difference) == (-20, 3)
    [pair] = found.spans
    assert (pair.duration_ms.difference, pair.units.difference) == (-6, 3)
    assert pair.attributes == {"custom.x": (None, 1), "gpu.model": ("h100", None)}
    [kind] = found.kinds
    assert (kind.spans.difference, kind.duration_ms.difference) == (0, -6)


def test_what_only_one_has_is_unknown_and_not_nothing() -> None:
    one = TraceSeen(None, [], [FrameSeen(0, 0, {"motion_score": 1}, 100)])
    found = compare(one, TraceSeen(5, [span("a")], []))
    assert (found.total_ms.difference, found.peak_vram_mb.one, found.peak_vram_mb.difference) == (None, 100, None)
    assert found.quality == {"motion_score": Delta(1, None)}
    assert (found.only_one.frame_ranges, found.only_other.span_count) == (((0, 0),), 1)


def test_a_clip_of_half_the_rate_pairs_with_every_second_frame() -> None:
    found = compare(TraceSeen(None, [], clip(50, 50)), TraceSeen(None, [], clip(25, 25)))
    assert [(pair.one.frame_index, pair.other.frame_index) for pair in found.frames] == [
        (2 * index, index) for index in range(25)
    ]
    assert (found.frame_pairs, found.only_one.frame_count, found.only_one.frame_ranges[:2]) == (
        25,
        25,
        ((1, 1), (3, 3)),
    )


def test_frames_that_are_farther_apart_than_half_an_interval_are_no_pair() -> None:
    assert len(by_time([0, 40, 80], [19, 59, 99])) == 3
    assert by_time([0, 40, 80], [2000, 2040, 2080]) == []
    assert by_time([0.0], [0.1]) == []
    assert by_time([0.0, 0.0, 0.0], [0.0, 0.0]) == [(0, 0), (1, 1)]


def test_a_frame_takes_the_nearer_of_two() -> None:
    assert by_time([0, 100, 118, 200], [0, 120, 200]) == [(0, 0), (2, 1), (3, 2)]


def test_events_of_one_frame_are_taken_together() -> None:
    events = [
        FrameSeen(3, 120, {"motion_score": 2}, None),
        FrameSeen(3, 121, {"motion_score": 4, "nsfw_score": 1}, 900),
        FrameSeen(2, 80, {}, 100),
    ]
    assert folded(events) == [FrameSeen(2, 80, {}, 100), FrameSeen(3, 120, {"motion_score": 3, "nsfw_score": 1}, 900)]


def test_a_long_comparison_is_cut_and_its_counts_are_not() -> None:
    many = [span("step", at=place, duration_ms=float(place)) for place in range(700)]
    flat = [span("step", at=place, duration_ms=0.0) for place in range(700)]
    found = compare(TraceSeen(None, many, clip(2000, 25)), TraceSeen(None, flat, clip(2000, 25)))
    assert (len(found.frames), found.frame_pairs, len(found.spans), found.span_pairs) == (500, 2000, 500, 700)
    assert (found.frames[0].one.frame_index, found.frames[-1].one.frame_index) == (0, 1999)
    assert [pair.one.duration_ms for pair in found.spans] == [float(place) for place in range(200, 700)]
    alone = compare(TraceSeen(None, many, clip(700, 25)[::2]), TraceSeen(None, [], [])).only_one
    assert (len(alone.spans), alone.span_count, len(alone.frame_ranges), alone.frame_count) == (100, 700, 100, 350)


@pytest.mark.parametrize(("most", "expected"), [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, list(range(10)))])
def test_thinning_keeps_both_ends(most: int, expected: list[int]) -> None:
    assert thinned(list(range(10)), most) == expected
