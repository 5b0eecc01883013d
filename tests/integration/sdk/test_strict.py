# SPDX-License-Identifier: Apache-2.0
"""Strict mode: what is otherwise left out or kept for later is raised, and names what is wrong."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ovpo_sdk import (
    DeliveryError,
    InvalidTelemetryError,
    OvpoClient,
    Provenance,
    SpanKind,
    Trace,
    artifact,
    manifest,
    primary_output,
)
from ovpo_sdk.testing import Receiver
from ovpo_sdk.testing.faults import Answering, Healthy
from tests.integration.sdk.clients import a_client

LOAD = SpanKind.LOAD
ANY: Any = object()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def client(receiver: Receiver) -> Iterator[OvpoClient]:
    with a_client(receiver, strict=True, request_seconds=1.0, tenant=receiver.tenant) as made:
        yield made
    receiver.fault = Healthy()


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda client: client.trace(prompt=7), "prompt"),
        (lambda client: client.trace(seed=-1), "seed"),
        (lambda client: client.trace(config={"weights": "x" * 70_000}), "config"),
        (lambda client: client.trace(config_ref="configs/film.json"), "config_ref"),
        (lambda client: client.trace(context={"seed": 1}), "context.seed"),
        (lambda client: client.trace(user=42), "user"),
        (lambda client: client.trace(parent="me"), "parent"),
        (lambda client: client.trace(tags={"No Name": "x"}), "No Name"),
        (lambda client: client.trace(costs={"project": "fox"}), "costs"),
        (lambda client: client.trace(retry_count=-1), "retry_count"),
        (lambda client: client.trace(expected_frames="all"), "expected_frames"),
        (lambda client: client.trace(status="COMPLETED"), "status"),
    ],
)
def test_a_trace_that_breaks_the_contract_is_not_made(
    client: OvpoClient, make: Callable[[OvpoClient], Trace], named: str
) -> None:
    with pytest.raises(InvalidTelemetryError, match=named):
        make(client)


@pytest.mark.parametrize(
    ("do", "named"),
    [
        (lambda trace: trace.span("dreaming"), "span kind"),
        (lambda trace: trace.span(LOAD, 7), "name of a span"),
        (lambda trace: trace.span(LOAD, parent=trace), "parent"),
        (lambda trace: trace.span(LOAD, attributes={"steps": 4}), r"'steps'.*custom\.steps"),
        (lambda trace: trace.span(LOAD).set("custom.steps", None), r"custom\.steps"),
        (lambda trace: trace.span(LOAD).end("well"), "span status"),
        (lambda trace: trace.span(LOAD).frame("first", 0.0), "frame index"),
        (lambda trace: trace.span(LOAD).frame(0, -1.0), "media_time_ms"),
        (lambda trace: trace.span(LOAD).frame(0, 0.0, step=-1), "step"),
        (lambda trace: trace.span(LOAD).frame(0, 0.0, quality={"nsfw_score": 2.0}), "nsfw_score"),
        (lambda trace: trace.span(LOAD).frame(0, 0.0, artifacts=["a.png"]), "artifact of a frame"),
        (lambda trace: trace.span(LOAD).frame(0, 0.0, artifacts=[artifact("mask", "a.png")]), "artifact: uri begins"),
        (lambda trace: trace.output(manifest(primary_output("a.mp4"))), "primary_output: url begins"),
        (lambda trace: trace.span(LOAD).frame(0, 0.0, provenance=Provenance("me", "1")), "provenance"),
        (lambda trace: trace.tag("No Name", "x"), "No Name"),
        (lambda trace: trace.output("video.mp4"), "output manifest"),
    ],
)
def test_what_breaks_the_contract_is_raised_where_it_is_handed_in(
    client: OvpoClient, do: Callable[[Trace], object], named: str
) -> None:
    trace = client.trace().start()
    with pytest.raises(InvalidTelemetryError, match=named):
        do(trace)


@pytest.mark.parametrize(
    ("do", "error"),
    [
        (lambda trace: trace.span(LOAD, attributes=ANY), TypeError),
        (lambda trace: trace.span(LOAD).set([], 1), TypeError),
        (lambda trace: trace.span(LOAD).frame(0, 0.0, gpu=ANY), AttributeError),
        (lambda trace: trace.fail("no kind at all"), ValueError),
    ],
)
def test_what_cannot_be_read_at_all_raises_what_python_says_of_it(
    client: OvpoClient, do: Callable[[Trace], object], error: type[Exception]
) -> None:
    trace = client.trace().start()
    with pytest.raises(error):
        do(trace)


def test_what_comes_after_an_end_is_raised(client: OvpoClient) -> None:
    with client.trace() as trace, trace.span(LOAD) as span:
        span.end()
        with pytest.raises(InvalidTelemetryError, match="'load' has ended"):
            span.set("custom.late", 1)
    with pytest.raises(InvalidTelemetryError, match="trace has ended"):
        trace.tag("late", "x")


def test_the_end_of_a_trace_waits_until_it_is_delivered(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace() as trace, trace.span(LOAD):
        pass
    assert receiver.trace_records(trace.id)[-1].status == "COMPLETED"
    assert client.counters().waiting == 0


def test_what_is_not_delivered_is_raised(receiver: Receiver, client: OvpoClient) -> None:
    receiver.fault = Answering(503)
    with pytest.raises(DeliveryError, match=r"items are not delivered.*unavailable"), client.trace():
        pass


def test_what_the_collector_refuses_is_raised(receiver: Receiver, client: OvpoClient) -> None:
    receiver.fault = Answering(400, body=b'{"error":{"code":"INVALID_SCHEMA","message":"no"}}', for_requests=1)
    with pytest.raises(DeliveryError, match="INVALID_SCHEMA"), client.trace():
        pass
