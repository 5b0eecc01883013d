# SPDX-License-Identifier: Apache-2.0
"""Two traces side by side: their spans paired by kind, their frames by media time, and what differs. Pure.

A difference is the other less the one. Sums, means and counts are of all that is given; lists of pairs are cut.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from math import fsum
from typing import Final, TypeAlias

from ovpo.telemetry.analytics.pairing import by_time, in_order, thinned

MOST_FRAMES: Final = 500
MOST_SPANS: Final = 500
MOST_LEFT: Final = 100
Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class SpanSeen:
    """A span as it is compared."""

    span_id: str
    kind: str
    name: str
    start: datetime
    duration_ms: float
    units: float
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """A frame event as it is compared; events of one frame are taken together."""

    frame_index: int
    media_time_ms: float
    quality: Mapping[str, float]
    vram_used_mb: float | None


@dataclass(frozen=True, slots=True)
class TraceSeen:
    """A trace as it is compared."""

    total_ms: float | None
    spans: Sequence[SpanSeen]
    frames: Sequence[FrameSeen]


@dataclass(frozen=True, slots=True)
class Delta:
    """A number of the one and of the other."""

    one: float | None
    other: float | None

    @property
    def difference(self) -> float | None:
        """The other less the one, where both are known."""
        return None if self.one is None or self.other is None else self.other - self.one


@dataclass(frozen=True, slots=True)
class KindPair:
    """All spans of a kind."""

    kind: str
    spans: Delta
    duration_ms: Delta
    units: Delta


@dataclass(frozen=True, slots=True)
class SpanPair:
    """Two spans of a kind, and the attributes in which they differ: what each has, None for nothing."""

    one: SpanSeen
    other: SpanSeen
    attributes: Mapping[str, tuple[Value | None, Value | None]]

    @property
    def duration_ms(self) -> Delta:
        """How long they took."""
        return Delta(self.one.duration_ms, self.other.duration_ms)

    @property
    def units(self) -> Delta:
        """What they cost."""
        return Delta(self.one.units, self.other.units)


@dataclass(frozen=True, slots=True)
class FramePair:
    """Two frames of about the same media time."""

    one: FrameSeen
    other: FrameSeen

    @property
    def vram_used_mb(self) -> Delta:
        """The memory that they used."""
        return Delta(self.one.vram_used_mb, self.other.vram_used_mb)

    @property
    def quality(self) -> dict[str, Delta]:
        """Their quality, metric by metric."""
        return _metrics(self.one.quality, self.other.quality)


@dataclass(frozen=True, slots=True)
class Alone:
    """What only one of the traces has: the first of its spans, its frames as ranges of indices, and how many."""

    spans: tuple[SpanSeen, ...]
    span_count: int
    frame_ranges: tuple[tuple[int, int], ...]
    frame_count: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two traces side by side."""

    total_ms: Delta
    units: Delta
    peak_vram_mb: Delta
    quality: Mapping[str, Delta]
    kinds: tuple[KindPair, ...]
    spans: tuple[SpanPair, ...]
    span_pairs: int
    frames: tuple[FramePair, ...]
    frame_pairs: int
    only_one: Alone
    only_other: Alone


def compare(
    one: TraceSeen, other: TraceSeen, *, most_frames: int = MOST_FRAMES, most_spans: int = MOST_SPANS
) -> Comparison:
    """Compare two traces. Of many pairs of spans those stay whose durations differ most, of frames every n-th pair."""
    frames_of_one, frames_of_other = folded(one.frames), folded(other.frames)
    spans, spans_left, spans_left_of_other = pair_spans(one.spans, other.spans)
    places = by_time(
        [frame.media_time_ms for frame in frames_of_one], [frame.media_time_ms for frame in frames_of_other]
    )
    frames = [FramePair(frames_of_one[first], frames_of_other[second]) for first, second in places]
    return Comparison(
        total_ms=Delta(one.total_ms, other.total_ms),
        units=Delta(fsum(span.units for span in one.spans), fsum(span.units for span in other.spans)),
        peak_vram_mb=Delta(_peak(frames_of_one), _peak(frames_of_other)),
        quality=_metrics(_means(one.frames), _means(other.frames)),
        kinds=_kinds(one.spans, other.spans),
        spans=_most_different(spans, most_spans),
        span_pairs=len(spans),
        frames=tuple(thinned(frames, most_frames)),
        frame_pairs=len(frames),
        only_one=_alone(spans_left, frames_of_one, {first for first, _ in places}),
        only_other=_alone(spans_left_of_other, frames_of_other, {second for _, second in places}),
    )


def pair_spans(
    of_one: Iterable[SpanSeen], of_other: Iterable[SpanSeen]
) -> tuple[list[SpanPair], list[SpanSeen], list[SpanSeen]]:
    """Pair spans of a kind in the order in which they began: those of one name, then the rest."""
    first, second = sorted(of_one, key=_begun), sorted(of_other, key=_begun)
    named, left, left_of_other = in_order(first, second, lambda span: (span.kind, span.name))
    others, left, left_of_other = in_order(left, left_of_other, lambda span: span.kind)
    pairs = [SpanPair(*pair, _attributes(*pair)) for pair in chain(named, others)]
    return pairs, left, left_of_other


def folded(frames: Iterable[FrameSeen]) -> list[FrameSeen]:
    """Take the events of each frame together, in order of media time: mean quality, highest memory, earliest time."""
    by_index: defaultdict[int, list[FrameSeen]] = defaultdict(list)
    for frame in frames:
        by_index[frame.frame_index].append(frame)
    made = [
        FrameSeen(index, min(event.media_time_ms for event in events), _means(events), _peak(events))
        for index, events in by_index.items()
    ]
    return sorted(made, key=lambda frame: (frame.media_time_ms, frame.frame_index))


def _begun(span: SpanSeen) -> tuple[datetime, str]:
    return span.start, span.span_id


def _kinds(of_one: Iterable[SpanSeen], of_other: Iterable[SpanSeen]) -> tuple[KindPair, ...]:
    by_kind: defaultdict[str, tuple[list[SpanSeen], list[SpanSeen]]] = defaultdict(lambda: ([], []))
    for side, spans in enumerate((of_one, of_other)):
        for span in spans:
            by_kind[span.kind][side].append(span)
    return tuple(
        KindPair(
            kind,
            Delta(*(len(spans) for spans in sides)),
            Delta(*(fsum(span.duration_ms for span in spans) for spans in sides)),
            Delta(*(fsum(span.units for span in spans) for spans in sides)),
        )
        for kind, sides in sorted(by_kind.items())
    )


def _most_different(pairs: Sequence[SpanPair], most: int) -> tuple[SpanPair, ...]:
    """Choose pairs, and give them in the order in which the earlier of both began."""
    in_time = sorted(pairs, key=lambda pair: sorted([_begun(pair.one), _begun(pair.other)]))
    chosen = sorted(in_time, key=lambda pair: -abs(pair.one.duration_ms - pair.other.duration_ms))[:most]
    return tuple(sorted(chosen, key=lambda pair: sorted([_begun(pair.one), _begun(pair.other)])))


def _attributes(one: SpanSeen, other: SpanSeen) -> dict[str, tuple[Value | None, Value | None]]:
    names = sorted({*one.attributes, *other.attributes})
    both = {name: (one.attributes.get(name), other.attributes.get(name)) for name in names}
    return {name: values for name, values in both.items() if values[0] != values[1]}


def _metrics(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, Delta]:
    return {name: Delta(one.get(name), other.get(name)) for name in sorted({*one, *other})}


def _means(frames: Iterable[FrameSeen]) -> dict[str, float]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for frame in frames:
        for name, value in frame.quality.items():
            values[name].append(value)
    return {name: fsum(value / len(of_name) for value in of_name) for name, of_name in values.items()}


def _peak(frames: Iterable[FrameSeen]) -> float | None:
    return max((frame.vram_used_mb for frame in frames if frame.vram_used_mb is not None), default=None)


def _alone(spans: Sequence[SpanSeen], frames: Sequence[FrameSeen], paired: set[int]) -> Alone:
    left = sorted(frame.frame_index for place, frame in enumerate(frames) if place not in paired)
    ranges: list[tuple[int, int]] = []
    for index in left:
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1] = (ranges[-1][0], index)
        else:
            ranges.append((index, index))
    return Alone(tuple(spans[:MOST_LEFT]), len(spans), tuple(ranges[:MOST_LEFT]), len(left))
