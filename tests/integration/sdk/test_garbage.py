# SPDX-License-Identifier: Apache-2.0
"""Whatever is handed to a client, the program that is watched goes on, and the collector takes what it is sent."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovpo_sdk import OvpoClient, Span, Trace
from ovpo_sdk.testing import Receiver
from tests.integration.sdk.clients import a_client
from tests.integration.sdk.garbage import ERRORS, MOMENTS, THINGS

ANYTHING = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
OF_A_TRACE = (
    "prompt",
    "negative_prompt",
    "seed",
    "config",
    "config_ref",
    "context",
    "user",
    "keep_prompt",
    "expected_frames",
    "parent",
    "tags",
    "costs",
    "retry_count",
    "status",
)
OF_A_FRAME = ("step", "quality", "latents", "gpu", "artifacts", "provenance", "event_type", "observed_at")
OF_A_FAILURE = ("message", "retryable", "stage", "error_code", "details")


def some_of(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Give any of these arguments any value, most often a few of them."""
    return st.dictionaries(st.sampled_from(names), THINGS | MOMENTS, max_size=4)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture(scope="module")
def client(receiver: Receiver) -> Iterator[OvpoClient]:
    with a_client(receiver, request_seconds=60) as made:
        yield made


def all_was_taken(receiver: Receiver, client: OvpoClient, trace: Trace, status: str | None = None) -> None:
    """See that the run is whole at the collector, and that it refused nothing."""
    assert client.flush()
    told = receiver.trace_records(trace.id)
    assert len(told) >= 2
    assert not receiver.refused
    assert client.counters().refused == 0
    assert status is None or told[-1].status == status


@ANYTHING
@given(st.none() | THINGS, some_of(*OF_A_TRACE))
def test_any_arguments_make_a_trace(receiver: Receiver, client: OvpoClient, model: Any, given: dict[str, Any]) -> None:
    with client.trace(model, **given) as trace, trace.span(cast("Any", "LOAD")) as span:
        span.frame(0, 0.0)
    all_was_taken(receiver, client, trace)


@ANYTHING
@given(THINGS, THINGS, THINGS, THINGS, THINGS)
def test_any_arguments_make_a_span(
    receiver: Receiver, client: OvpoClient, kind: Any, name: Any, attributes: Any, parent: Any, status: Any
) -> None:
    with client.trace() as trace:
        with trace.span(kind, name, attributes, parent=parent) as outer, client.span(kind, name, attributes) as inner:
            assert isinstance(inner, Span)
            inner.span(kind, name, attributes).end(status)
            inner.end(status)
        outer.end(status)
    all_was_taken(receiver, client, trace, "COMPLETED")
    assert len([one for one in receiver.spans() if one.trace_id == trace.id]) == 3


@ANYTHING
@given(st.lists(st.tuples(THINGS, THINGS), max_size=5), THINGS)
def test_anything_may_be_set(
    receiver: Receiver, client: OvpoClient, pairs: list[tuple[Any, Any]], several: Any
) -> None:
    with client.trace() as trace, trace.span(cast("Any", "DECODE"), attributes={"custom.kept": 1}) as span:
        for name, value in pairs:
            span.set(name, value)
        span.update(several)
    all_was_taken(receiver, client, trace)
    [told] = [one for one in receiver.spans() if one.trace_id == trace.id]
    assert "custom.kept" in told.attributes


@ANYTHING
@given(THINGS, THINGS, some_of(*OF_A_FRAME))
def test_anything_may_be_said_of_a_frame(
    receiver: Receiver, client: OvpoClient, index: Any, media_time: Any, given: dict[str, Any]
) -> None:
    with client.trace() as trace, trace.span(cast("Any", "DECODE")) as span:
        span.frame(index, media_time, **given)
        span.frame(0, 0.0, **given)
        span.frame_error(1, media_time, step=index)
        span.frame(2, 80.0)
    all_was_taken(receiver, client, trace, "COMPLETED")
    assert 2 in {one.frame_index for one in receiver.frames() if one.trace_id == trace.id}


@ANYTHING
@given(THINGS | ERRORS, some_of(*OF_A_FAILURE))
def test_anything_may_be_the_reason_of_a_failure(
    receiver: Receiver, client: OvpoClient, why: Any, given: dict[str, Any]
) -> None:
    trace = client.trace().start()
    trace.fail(why, **given)
    all_was_taken(receiver, client, trace)
    last = receiver.trace_records(trace.id)[-1]
    assert last.failure is not None
    assert last.status in {"FAILED", "TIMEOUT", "CANCELLED"}


@ANYTHING
@given(THINGS)
def test_anything_may_be_the_message_of_an_ending(receiver: Receiver, client: OvpoClient, message: Any) -> None:
    cancelled, late = client.trace().start(), client.trace().start()
    cancelled.cancel(message)
    late.timeout(message)
    all_was_taken(receiver, client, cancelled, "CANCELLED")
    all_was_taken(receiver, client, late, "TIMEOUT")


@ANYTHING
@given(st.lists(st.tuples(THINGS, THINGS), max_size=4), THINGS)
def test_anything_may_be_a_tag_or_an_output(
    receiver: Receiver, client: OvpoClient, tags: list[tuple[Any, Any]], output: Any
) -> None:
    with client.trace(tags={"team": "video"}) as trace:
        for name, text in tags:
            trace.tag(name, text)
        trace.output(output)
    all_was_taken(receiver, client, trace, "COMPLETED")
    assert "team" in receiver.trace_records(trace.id)[-1].tags


@ANYTHING
@given(THINGS)
def test_anything_may_be_emitted_and_flushed(receiver: Receiver, client: OvpoClient, thing: Any) -> None:
    client.emit(thing)
    with client.trace() as trace:
        pass
    assert client.flush(thing) in {True, False}
    all_was_taken(receiver, client, trace, "COMPLETED")


def test_arguments_that_do_not_exist_are_the_programmers_mistake(client: OvpoClient) -> None:
    with pytest.raises(TypeError):
        client.trace(colour="red")  # type: ignore[call-arg]
