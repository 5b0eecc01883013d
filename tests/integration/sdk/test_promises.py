# SPDX-License-Identifier: Apache-2.0
"""What the README promises of runs that are cut short, streamed, prompted, or told where nobody listens."""

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from ovpo_sdk import Costs, OvpoClient, SpanKind, TraceStatus, current_trace
from ovpo_sdk.testing.faults import Answering, Hanging
from ovpo_sdk.testing.receiver import Receiver

PROMPT = "a very private fox in the snow"
EIGHT_CLIENTS = """
import sys
from ovpo_sdk import OvpoClient
for _ in range(8):
    client = OvpoClient(sys.argv[1], sys.argv[2], exit_seconds=1.5)
    client.trace("m").start().complete()
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def client(receiver: Receiver) -> Iterator[OvpoClient]:
    with OvpoClient(receiver.endpoint, receiver.key, handle_sigterm=False) as made:
        yield made


def test_many_clients_hold_up_the_end_of_a_program_no_longer_than_one(receiver: Receiver) -> None:
    receiver.fault = Hanging()
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", EIGHT_CLIENTS, receiver.endpoint, receiver.key], check=True, timeout=60)
    assert time.monotonic() - begun < 8 * 1.5


def test_a_generator_is_traced_until_it_is_exhausted(receiver: Receiver, client: OvpoClient) -> None:
    @client.traced("streaming")
    def frames() -> Iterator[int]:
        with client.span(SpanKind.DECODE) as span:
            for index in range(3):
                span.frame(index, 40.0 * index)
                yield index

    assert list(frames()) == [0, 1, 2]
    assert client.flush(10)
    assert [trace.status for trace in receiver.traces()] == [TraceStatus.COMPLETED]
    assert (len(receiver.spans()), len(receiver.frames())) == (1, 3)
    assert current_trace() is None


async def _streamed(client: OvpoClient) -> list[int]:
    @client.traced("streaming")
    async def frames() -> AsyncIterator[int]:
        yield 1
        raise ValueError("no more")

    seen: list[int] = []
    with suppress(ValueError):
        async for one in frames():
            seen.append(one)  # noqa: PERF401
    return seen


def test_an_asynchronous_generator_fails_as_its_trace(receiver: Receiver, client: OvpoClient) -> None:
    assert asyncio.run(_streamed(client)) == [1]
    assert client.flush(10)
    assert [trace.status for trace in receiver.traces()] == [TraceStatus.FAILED]


def test_a_prompt_stands_nowhere_in_what_is_sent(receiver: Receiver, client: OvpoClient) -> None:
    with (
        pytest.raises(ValueError, match="too long"),
        client.trace("m", prompt=PROMPT, config={"call": {"prompt": PROMPT}}, context={"said": [PROMPT]}) as trace,
        trace.span(SpanKind.SAMPLING, f"render {PROMPT}", {"custom.prompt": PROMPT}),
    ):
        raise ValueError(f"too long: {PROMPT!r}")
    assert client.flush(10)
    assert receiver.frames() == ()
    assert not [request for request in receiver.requests if PROMPT.encode() in request.body]
    assert receiver.traces()[0].failure is not None


def test_personal_data_is_taken_out_wherever_a_text_may_stand(receiver: Receiver, client: OvpoClient) -> None:
    costs = Costs(project="for bob@example.com", tags={"who": "bob@example.com"})
    with client.trace("m", costs=costs) as trace:
        with trace.span(SpanKind.LOAD, "render for bob@example.com"):
            pass
        trace.fail(RuntimeError("no"), stage="bob@example.com", error_code="bob@example.com")
    assert client.flush(10)
    assert not [request for request in receiver.requests if b"bob@example.com" in request.body]
    assert receiver.traces()[0].cost_attribution == Costs(project="for [email]", tags={"who": "[email]"})


def test_users_are_hashed_with_the_salt_of_the_client(receiver: Receiver) -> None:
    hashes: list[Any] = []
    for salt in ("", "pepper"):
        with OvpoClient(receiver.endpoint, receiver.key, user_salt=salt) as client:
            client.trace("m", user="bob").start().complete()
            assert client.flush(10)
        hashes.append(receiver.traces()[-1].user_id_hash)
    assert len(set(hashes)) == 2


def test_frames_that_are_lacking_are_counted_however_they_came(receiver: Receiver, client: OvpoClient) -> None:
    with client.trace("m", expected_frames=10) as trace, trace.span(SpanKind.DECODE) as span:
        for index in (7, 3, 3, 0, 99):
            span.frame(index, 1.0)
    assert client.flush(10)
    [told] = receiver.traces()
    assert (told.status, told.tags) == (TraceStatus.PARTIAL, {"lacking_frames": "7"})
    assert trace.seen_frames == 3


def test_a_configuration_that_is_kept_elsewhere_leaves_the_model_as_a_tag(
    receiver: Receiver, client: OvpoClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "ovpo_sdk"):
        client.trace("wan", config={"steps": 3}, config_ref="s3://bucket/config.json").start().complete()
    assert client.flush(10)
    [told] = receiver.traces()
    assert (told.pipeline_config, told.tags) == ({}, {"model": "wan"})
    assert "config was left out" in caplog.text


def test_a_flush_does_not_wait_for_what_cannot_come(receiver: Receiver) -> None:
    receiver.fault = Answering(401, {}, b'{"error": {"code": "UNAUTHORIZED", "message": "no"}}')
    with OvpoClient(receiver.endpoint, receiver.key, tenant="test", request_seconds=30) as client:
        client.trace("m").start().complete()
        begun = time.monotonic()
        assert not client.flush()
        assert time.monotonic() - begun < 20


def test_a_burst_is_squeezed_before_frames_are_dropped(receiver: Receiver) -> None:
    receiver.fault = Hanging()
    with OvpoClient(receiver.endpoint, receiver.key, request_seconds=60, exit_seconds=0) as client:
        with client.trace("m") as trace, trace.span(SpanKind.DECODE) as span:
            for index in range(100_000):
                span.frame(index, 40.0 * index)
        assert client.counters().dropped == 0
