# SPDX-License-Identifier: Apache-2.0
"""What the example pipeline tells a collector about a run, and that telling it changes nothing about the run."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
import numpy as np
import pytest

from examples.pipelines.fake_video_gen import Result, generate, generate_async
from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from examples.pipelines.shelf import Shelf
from ovpo_sdk import EventType, OvpoClient, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import FrameRecord, SpanRecord
from ovpo_sdk.testing.receiver import Receiver

SMALL = Request(frames=6, steps=4, width=64, height=36)
STAGES = [SpanKind.LOAD, SpanKind.TEXT_ENCODE, SpanKind.SAMPLING, SpanKind.DECODE, SpanKind.OUTPUT_ENCODE]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def client(receiver: Receiver) -> Iterator[OvpoClient]:
    with OvpoClient(receiver.endpoint, receiver.key) as made:
        yield made


def spans_of(receiver: Receiver, result: Result) -> dict[SpanKind, SpanRecord]:
    return {span.span_kind: span for span in receiver.spans() if span.trace_id == result.trace_id}


def frames_of(receiver: Receiver, result: Result, event_type: EventType) -> Sequence[FrameRecord]:
    own = (frame for frame in receiver.frames() if frame.trace_id == result.trace_id)
    return sorted((frame for frame in own if frame.event_type is event_type), key=lambda frame: frame.frame_index)


def file_at(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))


def test_a_run_tells_of_its_stages_its_steps_its_frames_and_its_video(
    receiver: Receiver, client: OvpoClient, tmp_path: Path
) -> None:
    request = Request()
    result = generate(client, request, machine=Machine("rtx_4090"), shelf=Shelf.of_folder(tmp_path))
    assert client.flush()

    [trace] = receiver.traces()
    assert (trace.trace_id, trace.status, result.status) == (result.trace_id, *[TraceStatus.COMPLETED] * 2)
    assert trace.pipeline_config["model"] == request.model
    assert trace.pipeline_config["steps"] == request.steps
    assert trace.input_context["prompt_hash"] == hashlib.sha256(request.prompt.encode()).hexdigest()
    assert all(request.prompt.encode() not in sent.body for sent in receiver.requests)
    assert trace.output_manifest is not None
    output = trace.output_manifest.primary_output
    assert (output.format, output.codec, output.resolution, output.duration_sec) == ("mp4", "h264", "320x180", 2.0)
    data = file_at(output.url).read_bytes()
    assert output.checksum == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert output.file_size_bytes == len(data)
    with av.open(str(result.video.path), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == request.frames

    spans = spans_of(receiver, result)
    assert [span.span_kind for span in sorted(spans.values(), key=lambda span: span.start_time)] == [
        *STAGES,
        SpanKind.POSTPROCESS,
    ]
    assert all(span.status is SpanStatus.OK for span in spans.values())
    assert all(spans[kind].parent_span_id is None for kind in STAGES)
    assert spans[SpanKind.POSTPROCESS].parent_span_id == spans[SpanKind.OUTPUT_ENCODE].span_id
    said = {(span.attributes["gpu.model"], span.attributes["model.name"]) for span in spans.values()}
    assert said == {("rtx_4090", request.model)}
    assert spans[SpanKind.SAMPLING].attributes["custom.steps"] == request.steps

    steps = frames_of(receiver, result, EventType.SAMPLED)
    assert [frame.step_index for frame in steps] == list(range(request.steps))
    assert {frame.span_id for frame in steps} == {spans[SpanKind.SAMPLING].span_id}
    spreads = [frame.latent_stats.std_dev for frame in steps if frame.latent_stats and frame.latent_stats.std_dev]
    assert len(spreads) == request.steps
    assert spreads[0] > 2 * spreads[-1], "noise has to turn into a picture"

    frames = frames_of(receiver, result, EventType.GENERATED)
    assert [frame.frame_index for frame in frames] == list(range(request.frames))
    assert [frame.media_time_ms for frame in frames] == [index * 100.0 for index in range(request.frames)]
    assert {frame.span_id for frame in frames} == {spans[SpanKind.DECODE].span_id}
    assert all(before.observed_at <= after.observed_at for before, after in pairwise(frames))
    for frame in frames:
        assert frame.quality_metrics == pytest.approx(result.metrics[frame.frame_index])
        [thumbnail] = frame.artifact_refs
        picture = file_at(thumbnail.uri).read_bytes()
        assert (thumbnail.kind, thumbnail.content_type) == ("thumbnail", "image/jpeg")
        assert (thumbnail.sha256, thumbnail.size_bytes) == (hashlib.sha256(picture).hexdigest(), len(picture))

    assert receiver.refused == ()
    assert client.counters().refused_here == 0


def test_the_same_seed_gives_the_same_frames_metrics_and_file_with_telemetry_or_without(
    client: OvpoClient, tmp_path: Path
) -> None:
    shelf = Shelf.of_folder(tmp_path)
    told = generate(client, SMALL, shelf=shelf)
    silent = generate(OvpoClient(enabled=False), SMALL, shelf=shelf)
    assert told.trace_id != silent.trace_id
    assert all(np.array_equal(told.frames[index], silent.frames[index]) for index in range(SMALL.frames))
    assert told.metrics == silent.metrics
    assert told.video.sha256 == silent.video.sha256


def test_a_collector_that_is_away_changes_nothing(receiver: Receiver, client: OvpoClient, tmp_path: Path) -> None:
    shelf = Shelf.of_folder(tmp_path)
    before = generate(client, SMALL, shelf=shelf)
    assert client.flush()
    receiver.stop()
    away = generate(client, SMALL, shelf=shelf)
    assert (away.status, away.video.sha256) == (TraceStatus.COMPLETED, before.video.sha256)
    assert client.counters().waiting > 0
    receiver.start()
    assert receiver.until(lambda seen: away.trace_id in {trace.trace_id for trace in seen.traces()})


def test_two_asynchronous_runs_take_turns_and_each_tells_of_itself(
    receiver: Receiver, client: OvpoClient, tmp_path: Path
) -> None:
    shelf = Shelf.of_folder(tmp_path)
    other = Request(frames=4, steps=4, width=64, height=36, seed=8)

    async def both() -> tuple[Result, Result]:
        return await asyncio.gather(
            generate_async(client, SMALL, shelf=shelf), generate_async(client, other, shelf=shelf)
        )

    results = asyncio.run(both())
    assert client.flush()
    assert results[0].video.sha256 == generate(OvpoClient(enabled=False), SMALL, shelf=shelf).video.sha256
    times = []
    for result, request in zip(results, (SMALL, other), strict=True):
        spans = spans_of(receiver, result)
        assert set(spans) == {*STAGES, SpanKind.POSTPROCESS}
        assert spans[SpanKind.POSTPROCESS].parent_span_id == spans[SpanKind.OUTPUT_ENCODE].span_id
        frames = frames_of(receiver, result, EventType.GENERATED)
        assert len(frames) == request.frames
        assert {frame.span_id for frame in frames} == {spans[SpanKind.DECODE].span_id}
        times.append((frames[0].observed_at, frames[-1].observed_at))
    (one_begins, one_ends), (other_begins, other_ends) = times
    assert max(one_begins, other_begins) < min(one_ends, other_ends), "one waited for the other to be over"
    assert receiver.refused == ()
