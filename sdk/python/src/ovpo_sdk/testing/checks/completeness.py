# SPDX-License-Identifier: Apache-2.0
"""Whether every run of a pipeline is told from its beginning to its end, and all of it taken. Pure."""

from collections.abc import Iterator
from typing import Final

from ovpo_sdk.testing.findings import Finding, judged
from ovpo_sdk.testing.recording import Recording

NAME: Final = "completeness"
ASKS: Final = "Every trace ends, has a span, and nothing of it is refused or belongs to a trace that never came."


def check(recording: Recording, said: str = "") -> Finding:
    """Judge what one run sent; what it said last may tell why it sent nothing."""
    runs, spans, frames = len(recording.runs()), len(recording.spans), len(recording.frames)
    return judged(NAME, _faults(recording, said), f"traces: {runs}, spans: {spans}, frame events: {frames}, all taken")


def _faults(recording: Recording, said: str) -> Iterator[str]:
    yield from recording.refused
    runs = recording.runs()
    if not runs and not recording.refused:
        last = f" (it printed last: {said})" if said else ""
        yield f"no trace arrived{last}: work inside `with client.trace(...)`, and let the client be enabled"
    spans = recording.spans_of()
    for run in runs:
        if not run.is_final:
            yield (
                f"trace {run.trace_id} is still {run.status} at the end: leave its `with` block, or call complete(), "
                "partial() or fail(...) on every way out of the pipeline"
            )
        elif run.completed_at is None:
            yield f"trace {run.trace_id} is {run.status} without completed_at: send the time with its last record"
        if run.trace_id not in spans:
            yield (
                f"trace {run.trace_id} has no span: wrap what it does in spans, such as "
                "`with trace.span(SpanKind.SAMPLING):`, and end each"
            )
    yield from _orphans(recording, {run.trace_id for run in runs})


def _orphans(recording: Recording, known: set[str]) -> Iterator[str]:
    for span in recording.spans:
        if span.trace_id not in known:
            yield (
                f"span {span.span_id} ({span.name}) is of trace {span.trace_id}, which never came: send the record of "
                "a trace too, and the same trace_id with all that belongs to it"
            )
    for frame in recording.frames:
        if frame.trace_id not in known:
            yield (
                f"frame {frame.frame_index} (event {frame.event_id}) is of trace {frame.trace_id}, which never came: "
                "send the record of a trace too, and the same trace_id with all that belongs to it"
            )
