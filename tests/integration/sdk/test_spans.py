# SPDX-License-Identifier: Apache-2.0
"""Spans: whose children they are, how long they took, what they say, and that they are sent once."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ovpo_sdk import EventType, GpuMetrics, LatentStats, OvpoClient, Provenance, SpanKind, SpanStatus, artifact
from ovpo_sdk.records import FrameRecord, SpanRecord
from ovpo_sdk.testing import Receiver
from tests.integration.sdk.clients import a_client

SAMPLING = SpanKind.SAMPLING


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def client(receiver: Receiver) -> Iterator[OvpoClient]:
    with a_client(receiver) as made:
        yield made


def spans_of(receiver: Receiver, client: OvpoClient, trace_id: str) -> dict[str, SpanRecord]:
    assert client.flush()
    return {one.name: one for one in receiver.spans() if one.trace_id == trace_id}


def frames_of(receiver: Receiver, client: OvpoClient, trace_id: str) -> list[FrameRecord]:
    assert client.flush()
    return [one for one in receiver.frames() if one.trace_id == trace_id]


def test_a_nested_span_is_the_child_of_the_one_around_it(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace("tiny") as trace:
        with trace.span(SAMPLING, "outer") as outer, client.span(SAMPLING, "inner") as inner:
            trace.span(SAMPLING, "innermost").start().end()
        with trace.span(SAMPLING, "beside"):
            pass
    found = spans_of(receiver, client, trace.id)
    parents = {name: one.parent_span_id for name, one in found.items()}
    assert parents == {"outer": None, "inner": outer.id, "innermost": inner.id, "beside": None}


def test_a_parent_that_is_named_goes_before_the_one_around(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace:
        first = trace.span(SAMPLING, "first").start()
        with trace.span(SAMPLING, "around"):
            trace.span(SAMPLING, "named", parent=first).start().end()
            first.span(SAMPLING, "child").start().end()
        first.end()
    found = spans_of(receiver, client, trace.id)
    assert found["named"].parent_span_id == found["child"].parent_span_id == first.id


def test_a_span_of_another_trace_is_no_parent(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as other, other.span(SAMPLING) as foreign, client.trace() as trace:
        trace.span(SAMPLING, "one", parent=foreign).start().end()
        trace.span(SAMPLING, "two").start().end()
    assert {one.parent_span_id for one in spans_of(receiver, client, trace.id).values()} == {None}
    assert client.counters().refused_here == 1


def test_asynchronous_stages_that_run_at_once_keep_their_parents(receiver: Receiver, client: OvpoClient) -> None:
    async def stage(name: str) -> None:
        with client.span(SAMPLING, name):
            await asyncio.sleep(0)
            with client.span(SAMPLING, f"{name} inner"):
                await asyncio.sleep(0)

    async def main() -> str:
        async with client.trace() as trace, trace.span(SAMPLING, "outer"):
            await asyncio.gather(*(stage(f"stage {number}") for number in range(5)))
        return trace.id

    found = spans_of(receiver, client, asyncio.run(main()))
    for number in range(5):
        stage_of = found[f"stage {number}"]
        assert stage_of.parent_span_id == found["outer"].span_id
        assert found[f"stage {number} inner"].parent_span_id == stage_of.span_id


def test_a_decorated_function_is_a_span_or_a_trace_each_time_it_is_called(
    receiver: Receiver, client: OvpoClient
) -> None:
    @client.spanned(SAMPLING, "denoise", {"custom.steps": 4})
    def denoise(steps: int) -> int:
        return 2 * steps

    @client.traced("tiny", tags={"team": "decorated"})
    def run(*, steps: int) -> int:
        return denoise(steps) + denoise(steps)

    assert denoise(1) == 2
    assert (run(steps=2), run(steps=3)) == (8, 12)
    assert (run.__name__, denoise.__name__) == ("run", "denoise")
    assert client.flush()
    runs = [one for one in receiver.traces() if one.tags == {"team": "decorated"}]
    assert [one.status for one in runs] == ["COMPLETED", "COMPLETED"]
    spans = [one for one in receiver.spans() if one.trace_id in {run.trace_id for run in runs}]
    assert [(one.name, one.attributes) for one in spans] == [("denoise", {"custom.steps": 4})] * 4


def test_a_decorated_coroutine_is_a_span_until_it_returns(receiver: Receiver, client: OvpoClient) -> None:
    @client.spanned(SpanKind.DECODE)
    async def decode() -> str:
        await asyncio.sleep(0)
        with client.span(SAMPLING, "within"):
            return "done"

    @client.traced()
    async def run() -> str:
        return await decode()

    assert asyncio.run(run()) == "done"
    assert client.flush()
    within = next(one for one in receiver.spans() if one.name == "within")
    outer = next(one for one in receiver.spans() if one.span_id == within.parent_span_id)
    assert (outer.name, outer.span_kind) == ("decode", SpanKind.DECODE)


def test_a_decorated_function_that_raises_fails_its_trace_and_goes_on_raising(
    receiver: Receiver, client: OvpoClient
) -> None:
    @client.traced(tags={"team": "raised"})
    def run() -> None:
        raise LookupError("no weights")

    with pytest.raises(LookupError):
        run()
    assert client.flush()
    [told] = [one for one in receiver.traces() if one.tags == {"team": "raised"}]
    assert told.failure is not None
    assert told.failure.message == "no weights"


def test_a_span_ends_once(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace:
        with trace.span(SAMPLING, "once") as span:
            span.end(SpanStatus.ERROR)
        span.end()
        span.start()
    found = spans_of(receiver, client, trace.id)["once"]
    assert found.status is SpanStatus.ERROR
    assert not receiver.repeats
    assert client.counters().emitted == 3


def test_what_is_set_after_the_end_is_told_and_left_out(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace, trace.span(SAMPLING, "set", {"custom.a": 1}) as span:
        span.set("custom.b", "two")
        span.set("custom.a", 3)
        span.end()
        span.set("custom.c", 4)
    assert spans_of(receiver, client, trace.id)["set"].attributes == {"custom.a": 3, "custom.b": "two"}
    assert client.counters().refused_here == 1


def test_attributes_that_come_one_by_one_keep_the_limits_of_all(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace:
        with trace.span(SAMPLING, "many") as span:
            for number in range(110):
                span.set(f"custom.n{number}", number)
        with trace.span(SAMPLING, "large") as span:
            for number in range(30):
                span.set(f"custom.n{number}", "x" * 1_000)
    found = spans_of(receiver, client, trace.id)
    assert len(found["many"].attributes) == 100
    assert 10 < len(found["large"].attributes) < 17
    assert not receiver.refused


def test_personal_data_in_an_attribute_is_replaced_within_its_limits(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace, trace.span(SAMPLING, "personal") as span:
        span.set("custom.asked_by", "a@b.io " * 146)
    told = spans_of(receiver, client, trace.id)["personal"].attributes["custom.asked_by"]
    assert isinstance(told, str)
    assert "b.io" not in told
    assert told.startswith("[email] [email]")
    assert not receiver.refused


@pytest.mark.parametrize("given", [SAMPLING, "SAMPLING", "sampling", "SPAN_KIND_SAMPLING", "span_kind_sampling"])
def test_a_kind_may_be_given_as_a_text(receiver: Receiver, client: OvpoClient, given: SpanKind) -> None:
    with client.trace() as trace, trace.span(given):
        pass
    found = spans_of(receiver, client, trace.id)["sampling"]
    assert found.span_kind is SAMPLING
    assert client.counters().refused_here == 0


def test_a_kind_that_is_none_is_told_and_claims_little(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace, trace.span("dreaming", "d"):  # type: ignore[arg-type]
        pass
    assert spans_of(receiver, client, trace.id)["d"].span_kind is SpanKind.POSTPROCESS
    assert client.counters().refused_here == 1


def test_a_span_that_an_exception_leaves_has_failed_and_the_exception_goes_on(
    receiver: Receiver, client: OvpoClient
) -> None:
    with client.trace() as trace:
        with pytest.raises(ZeroDivisionError), trace.span(SAMPLING, "outer"), trace.span(SAMPLING, "inner"):
            1 / 0  # noqa: B018
        with trace.span(SAMPLING, "after"):
            pass
    statuses = {name: one.status for name, one in spans_of(receiver, client, trace.id).items()}
    assert statuses == {"inner": SpanStatus.ERROR, "outer": SpanStatus.ERROR, "after": SpanStatus.OK}


def test_times_lie_within_each_other_and_agree_with_the_duration(receiver: Receiver, client: OvpoClient) -> None:
    before = datetime.now(UTC)
    with client.trace() as trace, trace.span(SAMPLING, "outer"), trace.span(SAMPLING, "inner"):
        pass
    found = spans_of(receiver, client, trace.id)
    outer, inner = found["outer"], found["inner"]
    assert outer.end_time is not None
    assert inner.end_time is not None
    assert before <= outer.start_time <= inner.start_time <= inner.end_time
    assert outer.end_time <= datetime.now(UTC)
    for one in (outer, inner):
        assert one.end_time is not None
        assert one.duration_ms is not None
        assert abs((one.end_time - one.start_time).total_seconds() * 1000 - one.duration_ms) < 0.01


def test_a_frame_says_all_that_is_known_of_it(receiver: Receiver, client: OvpoClient) -> None:
    moment = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
    thumbnail = artifact("thumbnail", "file:///thumbnails/3.png")
    with client.trace() as trace, trace.span(SAMPLING) as span:
        span.frame(
            3,
            125.0,
            step=7,
            quality={"motion_score": 0.5},
            latents=LatentStats(mean=0.1, nan_count=0),
            gpu=GpuMetrics(vram_used_mb=1024.0),
            artifacts=[thumbnail],
            provenance=Provenance("sdk", "1.2", algorithm_id="flow"),
            event_type=EventType.SAMPLED,
            observed_at=moment,
        )
    [told] = frames_of(receiver, client, trace.id)
    assert (told.frame_index, told.media_time_ms, told.step_index) == (3, 125.0, 7)
    assert (told.span_id, told.event_type, told.observed_at) == (span.id, EventType.SAMPLED, moment)
    assert (told.quality_metrics, told.artifact_refs) == ({"motion_score": 0.5}, (thumbnail,))
    assert told.latent_stats == LatentStats(mean=0.1, nan_count=0)
    assert told.gpu_metrics == GpuMetrics(vram_used_mb=1024.0)
    assert told.provenance == Provenance("sdk", "1.2", algorithm_id="flow")


def test_a_frame_that_could_not_be_made_is_an_error_event(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace, trace.span(SAMPLING) as span:
        span.frame_error(4, 160.0, step=1)
    [told] = frames_of(receiver, client, trace.id)
    assert (told.event_type, told.frame_index, told.step_index) == (EventType.ERROR, 4, 1)


def test_what_is_wrong_beside_a_frame_is_left_out_and_the_frame_is_sent(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace, trace.span(SAMPLING) as span:
        span.frame(
            0,
            0.0,
            step=-1,
            quality={"motion_score": float("nan"), "edge_density": 0.5},
            artifacts=["thumbnail.png", artifact("thumbnail", "https://store/0.png")],  # type: ignore[list-item]
            provenance="me",  # type: ignore[arg-type]
        )
    [told] = frames_of(receiver, client, trace.id)
    assert (told.step_index, told.quality_metrics, told.provenance) == (None, {"edge_density": 0.5}, None)
    assert [one.uri for one in told.artifact_refs] == ["https://store/0.png"]
    assert client.counters().refused_here == 4


def test_a_thumbnail_that_is_not_there_is_told_and_left_out_and_the_frame_is_sent(
    receiver: Receiver, client: OvpoClient, caplog: pytest.LogCaptureFixture
) -> None:
    with client.trace() as trace, trace.span(SAMPLING) as span:
        for index in range(3):
            missing = artifact("thumbnail", "s3://store/0.png", path="/nowhere/0.png")
            span.frame(index, 40.0 * index, artifacts=[missing, artifact("mask", "s3://store/0.png")])
    told = frames_of(receiver, client, trace.id)
    assert [[ref.kind for ref in one.artifact_refs] for one in told] == [["mask"]] * 3
    assert client.counters().refused_here == 3
    assert [one.getMessage() for one in caplog.records] == [
        "ovpo: artifact: path cannot be read (No such file or directory); write the path of a finished file"
    ]


def test_a_frame_without_a_place_in_the_video_is_left_out(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace, trace.span(SAMPLING) as span:
        span.frame(-1, 0.0)
        span.frame(0, float("inf"))
        span.frame(0, 0.0, observed_at=datetime(2026, 11, 21))  # noqa: DTZ001
    assert frames_of(receiver, client, trace.id) == []
    assert client.counters().refused_here == 3
