# SPDX-License-Identifier: Apache-2.0
"""Spans as bars on one axis of time: which is under which, where each begins and how far it goes. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ovpo.cli.answers import Span

DEEPEST: Final = 12
"""Spans further down are indented no further."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A span on the axis: its depth, and the part of the axis that it takes, each from 0 to 1."""

    span: Span
    depth: int
    begin: float
    end: float
    milliseconds: float | None

    def cells(self, width: int) -> tuple[int, int]:
        """Give the columns of a terminal that the bar takes: how many before it, and how many at least one."""
        first = min(int(self.begin * width), width - 1)
        return first, max(1, min(round(self.end * width), width) - first)


def bars(spans: Sequence[Span]) -> tuple[list[Bar], float]:
    """Arrange spans under their parents by their beginning, and give the length of the axis in milliseconds."""
    if not spans:
        return [], 0.0
    begin = min(span.start_time for span in spans)
    end = max(max(_end(span), span.start_time) for span in spans)
    axis = _milliseconds(end - begin)

    def part(moment: datetime) -> float:
        return _milliseconds(moment - begin) / axis if axis else 0.0

    made = []
    for span, depth in _arranged(spans):
        is_open = span.end_time is None and span.duration_ms is None
        last = end if is_open else max(_end(span), span.start_time)
        took = None if is_open else _milliseconds(last - span.start_time)
        made.append(Bar(span, depth, part(span.start_time), part(last), took))
    return made, axis


def _arranged(spans: Iterable[Span]) -> list[tuple[Span, int]]:
    """Walk down from spans whose parent did not come; those in a circle of parents come last, as if they had none."""
    in_order = sorted(spans, key=lambda span: (span.start_time, span.span_id))
    known = {span.span_id for span in in_order}
    under: defaultdict[str | None, list[Span]] = defaultdict(list)
    for span in in_order:
        under[span.parent_span_id if span.parent_span_id in known else None].append(span)
    found: dict[str, tuple[Span, int]] = {}
    for root in [*under[None], *in_order]:
        waiting = [(root, 0)]
        while waiting:
            span, depth = waiting.pop()
            if span.span_id in found:
                continue
            found[span.span_id] = (span, min(depth, DEEPEST))
            waiting.extend((child, depth + 1) for child in reversed(under[span.span_id]))
    return list(found.values())


def _end(span: Span) -> datetime:
    if span.end_time is not None:
        return span.end_time
    try:
        return span.start_time + timedelta(milliseconds=span.duration_ms or 0.0)
    except OverflowError:
        return span.start_time


def _milliseconds(length: timedelta) -> float:
    return length / timedelta(milliseconds=1)
