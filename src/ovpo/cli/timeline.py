# SPDX-License-Identifier: Apache-2.0
"""The points of a timeline as rows: one for each frame event or bucket, with every metric of it. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ovpo.cli import words
from ovpo.cli.answers import Line, Timeline
from ovpo.cli.exits import CommandError
from ovpo.cli.output import Column


@dataclass(frozen=True, slots=True)
class Point:
    """Where a point stands in the columns of a timeline."""

    of: Timeline
    place: int


Value: TypeAlias = Callable[[Point], float | None]


def points_of(timeline: Timeline) -> list[Point]:
    """Give the points; columns of different length come from no query API."""
    lines = [line for metric in timeline.metrics.values() for line in (metric.mean, metric.min, metric.max) if line]
    types = [timeline.event_type] if timeline.event_type is not None else []
    counts = [timeline.frames, timeline.errors]
    every: list[Sequence[object]] = [timeline.media_time_ms, timeline.observed_at, *counts, *types, *lines]
    if any(len(column) != len(timeline.frame_index) for column in every):
        raise CommandError("the server's answer has columns of different length; is it an OVPO query API?")
    return [Point(timeline, place) for place in range(len(timeline.frame_index))]


def columns_of(timeline: Timeline) -> Sequence[Column[Point]]:
    """Give the columns: the same for every timeline of the same metrics."""
    in_buckets = timeline.event_type is None
    return [
        Column("frame_index", lambda point: point.of.frame_index[point.place], str, right=True, heading="frame"),
        Column(
            "media_time_ms",
            lambda point: point.of.media_time_ms[point.place],
            words.duration,
            right=True,
            heading="media time",
        ),
        Column("observed_at", lambda point: point.of.observed_at[point.place], in_table=False),
        Column("event_type", _type, lambda kind: kind.removeprefix("frame_"), heading="type", in_table=not in_buckets),
        Column("frames", lambda point: point.of.frames[point.place], right=True, in_table=in_buckets),
        Column("errors", lambda point: point.of.errors[point.place], right=True),
        *(column for name in timeline.metrics for column in _of_metric(name, in_buckets)),
    ]


def _of_metric(name: str, in_buckets: bool) -> Iterator[Column[Point]]:
    yield Column(name, _value(name, lambda line: line.mean), right=True, heading=name)
    for end, choose in (("min", lambda line: line.min), ("max", lambda line: line.max)):
        yield Column(f"{name}_{end}", _value(name, choose), right=True, heading=end, in_table=in_buckets)


def _value(name: str, choose: Callable[[Line], list[float | None] | None]) -> Value:
    def value(point: Point) -> float | None:
        line = choose(point.of.metrics[name])
        return None if line is None else line[point.place]

    return value


def _type(point: Point) -> str | None:
    return None if point.of.event_type is None else point.of.event_type[point.place]
