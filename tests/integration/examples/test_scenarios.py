# SPDX-License-Identifier: Apache-2.0
"""Every scenario tells the story that it is there for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from examples.pipelines.scenarios.catalogue import SCENARIOS
from examples.pipelines.scenarios.missing_frames import lost
from examples.pipelines.scenarios.running import Outcome, run
from examples.pipelines.shelf import Shelf
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo_sdk import EventType, FailureKind, OvpoClient, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import FrameRecord, SpanRecord, TraceRecord
from ovpo_sdk.testing.receiver import Receiver

MOST_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Story:
    """How a scenario ended, and what came of it at the collector."""

    outcome: Outcome
    trace: TraceRecord
    spans: Mapping[SpanKind, SpanRecord]
    frames: Sequence[FrameRecord]

    def of(self, event_type: EventType) -> list[FrameRecord]:
        """Give the events of a type by frame."""
        return [frame for frame in self.frames if frame.event_type is event_type]

    def indices(self, event_type: EventType) -> list[int]:
        """Give the frames that events of a type tell of."""
        return [frame.frame_index for frame in self.of(event_type)]


def faults(receiver: Receiver) -> list[str]:
    """Hold everything that was sent against the contract, by the judge that the collector has."""
    reader = Reader(receiver.tenant, embedded=True)
    batches = (read_batch(sent.body, reader) for sent in receiver.requests if sent.method == "POST")
    return [f"{error.field} {error.message}" for read in batches for error in read.errors]


class Teller:
    """Runs scenarios against a collector."""

    def __init__(self, receiver: Receiver, client: OvpoClient, folder: Path) -> None:
        self._receiver = receiver
        self._client = client
        self._folder = folder

    def tell(self, name: str, **changes: Any) -> Story:
        """Run one; it ended as it has to, and the collector took everything."""
        outcome = run(SCENARIOS[name], self._client, Shelf.of_folder(self._folder), changes=changes)
        assert outcome.problem is None
        assert self._client.flush()
        assert self._receiver.refused == ()
        assert faults(self._receiver) == []
        assert self._client.counters().refused_here == 0
        [trace] = self._receiver.traces()
        assert (trace.trace_id, trace.status) == (outcome.trace_id, outcome.status)
        lacking = {"lacking_frames": "3"} if name == "missing_frames" else {}
        assert trace.tags == {"origin": "examples", "scenario": name, **lacking}
        spans = {span.span_kind: span for span in self._receiver.spans()}
        frames = sorted(self._receiver.frames(), key=lambda frame: frame.frame_index)
        return Story(outcome, trace, spans, frames)


@pytest.fixture
def teller(tmp_path: Path) -> Iterator[Teller]:
    with Receiver() as receiver, OvpoClient(receiver.endpoint, receiver.key) as client:
        yield Teller(receiver, client, tmp_path)


def test_out_of_memory_fails_in_the_decoder_after_some_frames(teller: Teller) -> None:
    story = teller.tell("oom")
    assert story.outcome.status is TraceStatus.FAILED
    assert story.trace.failure is not None
    assert (story.trace.failure.kind, story.trace.failure.retryable) == (FailureKind.OOM, True)
    assert "out of memory: tried to allocate" in story.trace.failure.message
    assert story.trace.failure.stage == story.spans[SpanKind.DECODE].name
    assert story.spans[SpanKind.DECODE].status is SpanStatus.ERROR
    assert story.spans[SpanKind.SAMPLING].status is SpanStatus.OK
    assert SpanKind.OUTPUT_ENCODE not in story.spans
    made = story.indices(EventType.GENERATED)
    assert made == list(range(len(made)))
    assert 5 <= len(made) == story.outcome.frames <= 15
    assert story.indices(EventType.ERROR) == [len(made)]
    assert (story.trace.output_manifest, story.outcome.video) == (None, None)


@pytest.mark.parametrize("frames", [4, 40])
def test_memory_runs_out_in_the_decoder_however_long_the_video_is(teller: Teller, frames: int) -> None:
    story = teller.tell("oom", frames=frames, steps=2)
    assert 0 < len(story.indices(EventType.GENERATED)) < frames


def test_a_deadline_ends_the_sampling(teller: Teller) -> None:
    story = teller.tell("timeout")
    assert story.outcome.status is TraceStatus.TIMEOUT
    assert story.trace.failure is not None
    assert story.trace.failure.kind is FailureKind.TIMEOUT
    assert story.trace.failure.stage == story.spans[SpanKind.SAMPLING].name
    assert story.spans[SpanKind.SAMPLING].status is SpanStatus.ERROR
    assert set(story.spans) == {SpanKind.LOAD, SpanKind.TEXT_ENCODE, SpanKind.SAMPLING}
    assert {frame.event_type for frame in story.frames} == {EventType.SAMPLED}
    assert story.indices(EventType.SAMPLED) == [frame.step_index for frame in story.frames]
    assert len(story.frames) < SCENARIOS["timeout"].request.steps


def test_lost_frames_leave_gaps_and_a_partial_run_with_a_shorter_video(teller: Teller) -> None:
    story = teller.tell("missing_frames")
    request = SCENARIOS["missing_frames"].request
    gone = lost(request)
    assert story.outcome.status is TraceStatus.PARTIAL
    assert story.trace.failure is None
    assert story.indices(EventType.GENERATED) == [index for index in range(request.frames) if index not in gone]
    assert not gone & {frame.frame_index for frame in story.frames}, "no event may hide that they are lost"
    assert all(frame.latent_stats and frame.latent_stats.nan_count for frame in story.of(EventType.SAMPLED))
    assert story.outcome.video is not None
    with av.open(str(story.outcome.video), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == request.frames - len(gone)


def test_a_clock_that_is_set_back_dates_later_frames_before_earlier_ones(teller: Teller) -> None:
    story = teller.tell("clock_skew")
    made = story.of(EventType.GENERATED)
    back = [before.observed_at - after.observed_at for before, after in pairwise(made)]
    assert sum(step > MOST_SKEW for step in back) == 1
    assert back.index(max(back)) + 1 == len(made) // 2
    assert story.outcome.status is TraceStatus.COMPLETED
    starts = [span.start_time for span in story.spans.values()]
    assert max(starts) - min(starts) < MOST_SKEW, "the clock of the spans is sound"


@pytest.mark.parametrize("frames", [20, 21])
def test_media_time_runs_back_once(teller: Teller, frames: int) -> None:
    story = teller.tell("media_time", frames=frames)
    made = story.of(EventType.GENERATED)
    assert [frame.frame_index for frame in made] == list(range(frames))
    assert sum(after.media_time_ms < before.media_time_ms for before, after in pairwise(made)) == 1
    assert story.outcome.status is TraceStatus.COMPLETED


def test_a_long_run_tells_of_every_frame(teller: Teller) -> None:
    story = teller.tell("long_run")
    assert story.indices(EventType.GENERATED) == list(range(2000))
    assert sum(len(frame.artifact_refs) for frame in story.frames) == 40
    assert story.outcome.frames == 2000
