# SPDX-License-Identifier: Apache-2.0
"""Whether the clocks behind a trace agree, as far as the trace itself shows. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Final

from ovpo_sdk.testing.findings import Finding, judged, not_applicable
from ovpo_sdk.testing.recording import Recording, Run

NAME: Final = "skew"
ASKS: Final = "Among events of one type observed_at runs back by 5 s at most; whatever ends does so after it began."
MOST_BACK: Final = timedelta(seconds=5)


def check(recording: Recording) -> Finding:
    """Judge what one run sent."""
    runs = recording.runs()
    if not runs and not recording.spans and not recording.frames:
        return not_applicable(NAME, "nothing arrived that has a time")
    return judged(NAME, _faults(recording, runs), f"frames run back by {_seconds(_furthest_back(recording))} at most")


def _faults(recording: Recording, runs: list[Run]) -> Iterator[str]:
    for frames in recording.passes():
        latest = frames[0]
        for frame in frames:
            if latest.observed_at - frame.observed_at > MOST_BACK:
                yield (
                    f"frame {frame.frame_index} of trace {frame.trace_id} (event {frame.event_id}) was observed "
                    f"{_seconds(latest.observed_at - frame.observed_at)} before frame {latest.frame_index}, and 5 s "
                    "are allowed: read one clock for all frames, in step with the others' (NTP), or leave it out"
                )
            latest = max(latest, frame, key=lambda one: one.observed_at)
    for span in recording.spans:
        if span.end_time is not None and span.end_time < span.start_time:
            yield (
                f"span {span.span_id} ({span.name}) of trace {span.trace_id} ends "
                f"{_seconds(span.start_time - span.end_time)} before it starts: take both times from one clock"
            )
    for run in runs:
        times = (("created_at", run.created_at), ("started_at", run.started_at), ("completed_at", run.completed_at))
        known = [(name, at) for name, at in times if at is not None]
        for (before, earlier), (after, later) in pairwise(known):
            if later < earlier:
                yield (
                    f"trace {run.trace_id} has its {after} {_seconds(earlier - later)} before its {before}: "
                    "take both times from one clock"
                )


def _furthest_back(recording: Recording) -> timedelta:
    back = timedelta(0)
    for frames in recording.passes():
        latest = frames[0].observed_at
        for frame in frames:
            latest = max(latest, frame.observed_at)
            back = max(back, latest - frame.observed_at)
    return back


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.3g} s"
