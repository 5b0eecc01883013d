# SPDX-License-Identifier: Apache-2.0
"""Whether spans and frame events stand in one tree with the times that a tree has. Pure."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from ovpo_sdk.records import SpanRecord
from ovpo_sdk.testing.findings import Finding, judged, not_applicable
from ovpo_sdk.testing.recording import Recording

NAME: Final = "parenting"
ASKS: Final = "Every parent is a span of the same trace, around its children in time; every frame event has its span."
TOLERANCE: Final = timedelta(milliseconds=1)
"""How far a child may stand out: clocks are read one after the other, and rounded to whole microseconds or less."""


def check(recording: Recording) -> Finding:
    """Judge what one run sent."""
    if not recording.spans and not recording.frames:
        return not_applicable(NAME, "no span and no frame event arrived")
    children = sum(span.parent_span_id is not None for span in recording.spans)
    sound = f"{children} of {len(recording.spans)} spans have a parent, {len(recording.frames)} frame events a span"
    return judged(NAME, _faults(recording), sound)


def _faults(recording: Recording) -> Iterator[str]:
    everywhere = {span.span_id: span.trace_id for span in recording.spans}
    for spans in recording.spans_of().values():
        family = {span.span_id: span for span in spans}
        for span in spans:
            yield from _of_span(span, family, everywhere)
        yield from _circles(family)
    for frame in recording.frames:
        home = everywhere.get(frame.span_id)
        if home != frame.trace_id:
            where = f"is one of trace {home}" if home is not None else "never came"
            yield (
                f"frame {frame.frame_index} of trace {frame.trace_id} (event {frame.event_id}) names span "
                f"{frame.span_id}, which {where}: emit frames on an entered span of their own trace, and end that span"
            )


def _of_span(span: SpanRecord, family: Mapping[str, SpanRecord], everywhere: Mapping[str, str]) -> Iterator[str]:
    if span.parent_span_id is None:
        return
    parent = family.get(span.parent_span_id)
    if parent is None:
        elsewhere = everywhere.get(span.parent_span_id)
        where = f"is a span of trace {elsewhere}" if elsewhere is not None else "no span has"
        yield (
            f"span {span.span_id} ({span.name}) of trace {span.trace_id} names the parent {span.parent_span_id}, which "
            f"{where}: give a span of the same trace, and end it so that it is sent"
        )
        return
    early = parent.start_time - span.start_time
    if early > TOLERANCE:
        yield (
            f"span {span.span_id} ({span.name}) of trace {span.trace_id} begins {_ms(early)} before its parent "
            f"{parent.span_id} ({parent.name}): start the parent first, or make the two siblings"
        )
    if span.end_time is not None and parent.end_time is not None and span.end_time - parent.end_time > TOLERANCE:
        yield (
            f"span {span.span_id} ({span.name}) of trace {span.trace_id} ends {_ms(span.end_time - parent.end_time)} "
            f"after its parent {parent.span_id} ({parent.name}): end children first, or make the two siblings"
        )


def _circles(family: Mapping[str, SpanRecord]) -> Iterator[str]:
    """Follow the parents of each span once; those that lead back to themselves are told once a circle."""
    settled: set[str] = set()
    for first in family:
        path: dict[str, None] = {}
        at: str | None = first
        while at is not None and at in family and at not in settled and at not in path:
            path[at] = None
            at = family[at].parent_span_id
        if at is not None and at in path:
            span = family[at]
            yield (
                f"span {span.span_id} ({span.name}) of trace {span.trace_id} is its own ancestor: "
                "give each span the one that was entered before it as parent"
            )
        settled.update(path)


def _ms(length: timedelta) -> str:
    return f"{length / timedelta(milliseconds=1):.1f} ms"
