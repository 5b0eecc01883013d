# SPDX-License-Identifier: Apache-2.0
"""Traces: how they begin and end, what they say of a run, and what an exception makes of them."""

import asyncio
import hashlib
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from ovpo_sdk import Costs, FailureKind, OvpoClient, SpanKind, Trace, TraceStatus, manifest, primary_output
from ovpo_sdk.ids import new_id
from ovpo_sdk.records import Failure, PrimaryOutput, TraceRecord
from ovpo_sdk.testing import Receiver
from tests.integration.sdk.clients import a_client

VIDEO = PrimaryOutput("file:///videos/1.mp4", "mp4", f"sha256:{'0' * 64}")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def client(receiver: Receiver) -> Iterator[OvpoClient]:
    with a_client(receiver) as made:
        yield made


def records(receiver: Receiver, client: OvpoClient, trace: Trace) -> tuple[TraceRecord, ...]:
    assert client.flush()
    assert not receiver.refused
    return receiver.trace_records(trace.id)


def ending(receiver: Receiver, client: OvpoClient, trace: Trace) -> tuple[TraceStatus, Failure | None]:
    last = records(receiver, client, trace)[-1]
    assert last.completed_at is not None
    assert last.started_at is not None
    assert last.created_at <= last.started_at <= last.completed_at
    assert trace.status is last.status
    return last.status, last.failure


def test_a_run_is_told_of_when_it_begins_and_when_it_ends(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace("tiny", prompt="a red fox", config={"steps": 4}) as trace:
        assert client.flush()
        [first] = receiver.trace_records(trace.id)
        assert (first.status, first.completed_at) == (TraceStatus.GENERATING, None)
    assert ending(receiver, client, trace) == (TraceStatus.COMPLETED, None)
    assert len(receiver.trace_records(trace.id)) == 2


@pytest.mark.parametrize(
    ("end", "status", "kind"),
    [
        (lambda trace: trace.complete(), TraceStatus.COMPLETED, None),
        (lambda trace: trace.partial(), TraceStatus.PARTIAL, None),
        (lambda trace: trace.cancel(), TraceStatus.CANCELLED, FailureKind.CANCELLED),
        (lambda trace: trace.timeout("60 s"), TraceStatus.TIMEOUT, FailureKind.TIMEOUT),
        (lambda trace: trace.fail(FailureKind.OOM), TraceStatus.FAILED, FailureKind.OOM),
        (lambda trace: trace.fail("hardware_error"), TraceStatus.FAILED, FailureKind.HARDWARE_ERROR),
        (lambda trace: trace.fail(FailureKind.TIMEOUT), TraceStatus.TIMEOUT, FailureKind.TIMEOUT),
        (lambda trace: trace.fail(FailureKind.CANCELLED), TraceStatus.CANCELLED, FailureKind.CANCELLED),
        (lambda trace: trace.fail(MemoryError()), TraceStatus.FAILED, FailureKind.OOM),
        (lambda trace: trace.fail("no kind at all"), TraceStatus.FAILED, FailureKind.UNKNOWN),
    ],
)
def test_each_ending_has_its_status_and_its_failure(
    receiver: Receiver, client: OvpoClient, end: Any, status: TraceStatus, kind: FailureKind | None
) -> None:
    trace = client.trace().start()
    end(trace)
    found, failure = ending(receiver, client, trace)
    assert (found, failure.kind if failure else None) == (status, kind)


def test_the_first_ending_counts(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace:
        trace.fail(FailureKind.OOM, "too large")
        trace.complete()
        trace.cancel()
    status, failure = ending(receiver, client, trace)
    assert failure is not None
    assert (status, failure.message) == (TraceStatus.FAILED, "too large")
    assert len(receiver.trace_records(trace.id)) == 2


def test_an_ending_without_a_beginning_tells_both(receiver: Receiver, client: OvpoClient) -> None:
    trace = client.trace()
    trace.complete()
    told = records(receiver, client, trace)
    assert [one.status for one in told] == [TraceStatus.GENERATING, TraceStatus.COMPLETED]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ValueError("bad size"), TraceStatus.FAILED, FailureKind.CRASH),
        (MemoryError("no memory"), TraceStatus.FAILED, FailureKind.OOM),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), TraceStatus.FAILED, FailureKind.OOM),
        (TimeoutError("60 s"), TraceStatus.TIMEOUT, FailureKind.TIMEOUT),
        (KeyboardInterrupt(), TraceStatus.CANCELLED, FailureKind.CANCELLED),
        (asyncio.CancelledError(), TraceStatus.CANCELLED, FailureKind.CANCELLED),
        (SystemExit(3), TraceStatus.FAILED, FailureKind.CRASH),
        (SystemExit(0), TraceStatus.COMPLETED, None),
        (GeneratorExit(), TraceStatus.CANCELLED, FailureKind.CANCELLED),
    ],
)
def test_an_exception_becomes_the_failure_and_goes_on(
    receiver: Receiver,
    client: OvpoClient,
    error: BaseException,
    status: TraceStatus,
    kind: FailureKind | None,
) -> None:
    with pytest.raises(type(error)) as raised, client.trace() as trace, trace.span(SpanKind.DECODE, "decode"):
        raise error
    assert raised.value is error
    found, failure = ending(receiver, client, trace)
    assert (found, failure.kind if failure else None) == (status, kind)
    assert failure is None or failure.stage == "decode"


def test_a_cancelled_task_is_a_cancelled_run(receiver: Receiver, client: OvpoClient) -> None:
    async def run(began: asyncio.Event, made: list[Trace]) -> None:
        async with client.trace() as trace:
            made.append(trace)
            began.set()
            await asyncio.Event().wait()

    async def main() -> Trace:
        began, made = asyncio.Event(), list[Trace]()
        task = asyncio.create_task(run(began, made))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return made[0]

    status, _ = ending(receiver, client, asyncio.run(main()))
    assert status is TraceStatus.CANCELLED


def test_an_exception_that_was_caught_leaves_no_mark(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace:
        with pytest.raises(KeyError), trace.span(SpanKind.LOAD, "load"):
            raise KeyError
        with trace.span(SpanKind.LOAD, "load again"):
            pass
    assert ending(receiver, client, trace) == (TraceStatus.COMPLETED, None)


def test_the_stage_of_a_failure_is_where_its_own_exception_came_from(receiver: Receiver, client: OvpoClient) -> None:
    trace = client.trace()

    def decode() -> None:
        with trace.span(SpanKind.DECODE, "decode"), trace.span(SpanKind.DECODE, "tile"):
            raise ValueError("late")

    def run() -> None:
        with pytest.raises(KeyError), trace.span(SpanKind.LOAD, "load"):
            raise KeyError
        try:
            decode()
        except ValueError as error:
            raise RuntimeError("not decoded") from error

    with pytest.raises(RuntimeError), trace:
        run()
    _, failure = ending(receiver, client, trace)
    assert failure is not None
    assert failure.stage == "tile"


def test_a_failure_says_what_it_is_told(receiver: Receiver, client: OvpoClient) -> None:
    trace = client.trace().start()
    trace.fail(
        FailureKind.HARDWARE_ERROR,
        "GPU 3 fell off, ask jo@fox.io",
        retryable=False,
        stage="sampling",
        error_code="XID 79",
        details={"gpu": 3, "uptime": float("inf")},
    )
    _, failure = ending(receiver, client, trace)
    assert failure == Failure(
        FailureKind.HARDWARE_ERROR,
        "GPU 3 fell off, ask [email]",
        retryable=False,
        stage="sampling",
        error_code="XID 79",
        details={"gpu": 3, "uptime": "inf"},
    )


@pytest.mark.parametrize(("frames", "status"), [(3, TraceStatus.PARTIAL), (4, TraceStatus.COMPLETED)])
def test_a_run_with_fewer_frames_than_expected_is_partial(
    receiver: Receiver, client: OvpoClient, frames: int, status: TraceStatus
) -> None:
    with client.trace(expected_frames=4) as trace, trace.span(SpanKind.DECODE) as span:
        for index in range(frames):
            span.frame(index, 40.0 * index)
            span.frame(index, 40.0 * index)
        span.frame_error(9, 360.0)
    assert ending(receiver, client, trace)[0] is status


def test_a_run_that_waits_first_is_pending_until_it_is_worked_on(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace(status=TraceStatus.PENDING) as trace:
        assert trace.status is TraceStatus.PENDING
        trace.generating()
        trace.generating()
    told = records(receiver, client, trace)
    assert [one.status for one in told] == [TraceStatus.PENDING, TraceStatus.GENERATING, TraceStatus.COMPLETED]
    assert [one.started_at is None for one in told] == [True, False, False]
    assert len({one.created_at for one in told}) == 1


def test_a_run_that_never_leaves_the_queue_has_no_start(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace(status=TraceStatus.PENDING) as trace:
        trace.cancel()
    last = records(receiver, client, trace)[-1]
    assert (last.status, last.started_at) == (TraceStatus.CANCELLED, None)


@pytest.mark.parametrize("status", [TraceStatus.FAILED, TraceStatus.COMPLETED, "finished", None, []])
def test_a_trace_does_not_begin_with_its_end(receiver: Receiver, client: OvpoClient, status: Any) -> None:
    with client.trace(status=status) as trace:
        pass
    told = records(receiver, client, trace)
    assert [one.status for one in told] == [TraceStatus.GENERATING, TraceStatus.COMPLETED]
    assert client.counters().refused_here == 1


def test_what_a_run_was_asked_for_is_told_in_hashes(receiver: Receiver, client: OvpoClient) -> None:
    parent = new_id()
    costs = Costs(project="fox", tags={"team": "video"})
    with client.trace(
        "tiny",
        prompt="a red fox",
        negative_prompt="blurry",
        seed=7,
        user="jo",
        config={"steps": 4},
        context={"locale": "en"},
        parent=parent,
        tags={"team": "video", "shot": 4},
        costs=costs,
        retry_count=2,
    ) as trace:
        trace.output(manifest(VIDEO))
    last = records(receiver, client, trace)[-1]
    assert last.pipeline_config == {"model": "tiny", "steps": 4}
    assert last.input_context == {
        "locale": "en",
        "prompt_hash": sha256("a red fox"),
        "prompt_length": 9,
        "negative_prompt_hash": sha256("blurry"),
        "seed": 7,
    }
    assert (last.user_id_hash, last.parent_trace_id, last.retry_count) == (sha256("jo"), parent, 2)
    assert (last.tags, last.cost_attribution) == ({"team": "video", "shot": "4"}, costs)
    assert last.output_manifest == manifest(VIDEO)
    assert last.tenant_id == receiver.tenant


def test_a_prompt_is_sent_in_its_own_words_only_where_that_was_asked_for(
    receiver: Receiver, client: OvpoClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "ovpo_sdk"), client.trace(prompt="jo@fox.io\0 " * 2_000) as secret:
        assert not caplog.records
        with client.trace(prompt="call jo@fox.io\0 " * 2_000, keep_prompt=True) as kept:
            pass
    assert "keep_prompt" in caplog.text
    assert "prompt_plaintext" not in records(receiver, client, secret)[-1].input_context
    words = records(receiver, client, kept)[-1].input_context["prompt_plaintext"]
    assert len(words) == 10_000
    assert words.startswith("call [email]\N{REPLACEMENT CHARACTER} call")


def test_a_configuration_that_is_kept_elsewhere_is_not_sent(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace("tiny", config={"steps": 4}, config_ref="s3://configs/1.json") as trace:
        pass
    last = records(receiver, client, trace)[-1]
    assert (last.pipeline_config, last.pipeline_config_ref) == ({}, "s3://configs/1.json")


def test_what_cannot_be_read_is_left_out_alone(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace(
        "tiny",
        prompt=["a", "b"],  # type: ignore[arg-type]
        seed="seven",  # type: ignore[arg-type]
        user=42,  # type: ignore[arg-type]
        parent="me",
        tags=["team"],  # type: ignore[arg-type]
        costs={"project": "fox"},  # type: ignore[arg-type]
        retry_count=-1,
        expected_frames="all",  # type: ignore[arg-type]
    ) as trace:
        pass
    last = records(receiver, client, trace)[-1]
    assert last.pipeline_config == {"model": "tiny"}
    assert last.input_context == {"prompt_hash": sha256(""), "prompt_length": 0}
    assert (last.user_id_hash, last.parent_trace_id, last.tags) == (None, None, {})
    assert client.counters().refused_here == 8


def test_tags_that_come_later_count_and_hold_no_personal_data(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace(tags={"stage": "first", "team": "video"}) as trace:
        trace.tag("stage", "second")
        trace.tag("asked-by", "jo@fox.io")
        trace.tag("shot", 4)  # type: ignore[arg-type]
        trace.tag("No Name", "x")
    first, last = records(receiver, client, trace)
    assert first.tags == {"stage": "first", "team": "video"}
    assert last.tags == {"stage": "second", "team": "video", "asked-by": "[email]", "shot": "4"}
    assert client.counters().refused_here == 1


def test_what_comes_after_the_end_is_told_and_left_out(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace:
        pass
    trace.tag("late", "x")
    trace.output(manifest(VIDEO))
    assert len(records(receiver, client, trace)) == 2
    assert client.counters().refused_here == 2


def test_an_output_that_is_not_there_is_told_and_left_out(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace:
        trace.output(manifest(primary_output("clip.mp4", path="/nowhere/clip.mp4")))
    last = records(receiver, client, trace)[-1]
    assert (last.status, last.output_manifest) == (TraceStatus.COMPLETED, None)
    assert client.counters().refused_here == 1


def test_redacting_never_makes_a_configuration_too_large(receiver: Receiver, client: OvpoClient) -> None:
    texts = [{"to": "a@b.io"}] * 4_000
    with client.trace(config={"mails": texts, "steps": 4}) as trace:
        pass
    assert records(receiver, client, trace)[-1].pipeline_config["steps"] == 4


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
