# SPDX-License-Identifier: Apache-2.0
"""What a collector took of a pipeline's telemetry, and in which order the contract wants it read. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ovpo_sdk.kinds import TraceStatus
from ovpo_sdk.records import FrameRecord, SpanRecord, TraceRecord

UNFINISHED: Final = frozenset({TraceStatus.PENDING, TraceStatus.GENERATING})
Shape = Counter[tuple[str, ...]]
"""How many items of which look there are, whatever their ids and times."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the records of one trace say together: a later one completes an earlier one."""

    trace_id: str
    status: TraceStatus
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @property
    def is_final(self) -> bool:
        """Whether it came to an end of any kind."""
        return self.status not in UNFINISHED


@dataclass(frozen=True, slots=True)
class Recording:
    """Each distinct item once, in the order of arrival."""

    traces: tuple[TraceRecord, ...] = ()
    spans: tuple[SpanRecord, ...] = ()
    frames: tuple[FrameRecord, ...] = ()
    refused: tuple[str, ...] = ()
    """What was not taken and why, a sentence each."""

    @property
    def items(self) -> int:
        """How many traces, spans and frame events were handed in, as the SDK counts them."""
        return len({trace.trace_id for trace in self.traces}) + len(self.spans) + len(self.frames)

    @property
    def shape(self) -> Shape:
        """What two runs of one pipeline have in common."""
        looks: list[tuple[str, ...]] = [("trace", run.status) for run in self.runs()]
        looks += [("span", span.span_kind, span.name) for span in self.spans]
        looks += [("event", frame.event_type, str(frame.frame_index)) for frame in self.frames]
        return Counter(looks)

    def runs(self) -> list[Run]:
        """Put the records of each trace together."""
        records: dict[str, list[TraceRecord]] = defaultdict(list)
        for trace in self.traces:
            records[trace.trace_id].append(trace)
        return [_together(one) for one in records.values()]

    def spans_of(self) -> Mapping[str, list[SpanRecord]]:
        """Give the spans of each trace, in the order of arrival."""
        found: dict[str, list[SpanRecord]] = defaultdict(list)
        for span in self.spans:
            found[span.trace_id].append(span)
        return found

    def passes(self) -> list[list[FrameRecord]]:
        """Give the events of each type of each trace apart, in the same order: what one clock and one counter told."""
        found: dict[tuple[str, str], list[FrameRecord]] = defaultdict(list)
        for frame in sorted(self.frames, key=_place):
            found[frame.trace_id, frame.event_type].append(frame)
        return list(found.values())

    def frames_of(self) -> Mapping[str, list[FrameRecord]]:
        """Give the frame events of each trace in the order in which the contract's invariants hold."""
        found: dict[str, list[FrameRecord]] = defaultdict(list)
        for frame in sorted(self.frames, key=_place):
            found[frame.trace_id].append(frame)
        return found


def _place(frame: FrameRecord) -> tuple[int, datetime, float, str]:
    return frame.frame_index, frame.observed_at, frame.media_time_ms, frame.event_id


def _together(records: Iterable[TraceRecord]) -> Run:
    """Let a final record speak for its trace, whichever came last; a time that it lacks is an earlier one's."""
    ordered = sorted(records, key=lambda record: record.status not in UNFINISHED)
    last = ordered[-1]
    started = [record.started_at for record in ordered if record.started_at is not None]
    completed = [record.completed_at for record in ordered if record.completed_at is not None]
    return Run(
        trace_id=last.trace_id,
        status=last.status,
        created_at=last.created_at,
        started_at=started[-1] if started else None,
        completed_at=completed[-1] if completed else None,
    )
