# SPDX-License-Identifier: Apache-2.0
"""Many threads at once: everything arrives, and once."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import pytest

from ovpo_sdk import OvpoClient, SpanKind
from ovpo_sdk.testing import Receiver
from tests.integration.sdk.clients import a_client

THREADS, FRAMES = 8, 5_000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def hasty_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def run(client: OvpoClient, together: Barrier, frames: int) -> str:
    together.wait()
    with client.trace("tiny") as trace, trace.span(SpanKind.SAMPLING) as span:
        for index in range(frames):
            span.frame(index, 1.0 * index)
    return trace.id


def test_forty_thousand_frames_of_eight_threads_all_arrive_once(receiver: Receiver) -> None:
    together = Barrier(THREADS)
    with a_client(receiver, request_seconds=60) as client, ThreadPoolExecutor(THREADS) as threads:
        runs = list(threads.map(lambda _: run(client, together, FRAMES), range(THREADS)))
        assert client.flush(60)
        counters = client.counters()
    assert counters.delivered == counters.emitted == THREADS * (FRAMES + 3)
    assert (counters.dropped, counters.duplicates, counters.refused, counters.waiting) == (0, 0, 0, 0)
    seen = {(one.trace_id, one.frame_index) for one in receiver.frames()}
    assert seen == {(trace_id, index) for trace_id in runs for index in range(FRAMES)}
    assert len(receiver.frames()) == len(seen)
    assert not receiver.repeats
    assert len(receiver.spans()) == THREADS


@pytest.mark.usefixtures("hasty_switches")
def test_threads_that_take_turns_at_every_step_lose_nothing(receiver: Receiver) -> None:
    together = Barrier(THREADS)
    with a_client(receiver, request_seconds=60) as client, ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda _: run(client, together, 500), range(THREADS)))
        assert client.flush(60)
        assert client.counters().delivered == client.counters().emitted == THREADS * 503
    assert len(receiver.frames()) == THREADS * 500


def test_threads_that_begin_at_once_start_one_background_thread(receiver: Receiver) -> None:
    together = Barrier(THREADS)
    with a_client(receiver) as client:
        threads = [Thread(target=run, args=(client, together, 1)) for _ in range(THREADS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert client.flush(60)
    assert receiver.connections == 1


def test_a_client_that_is_closed_while_others_emit_neither_hangs_nor_raises(receiver: Receiver) -> None:
    errors: list[BaseException] = []

    def emit(client: OvpoClient) -> None:
        try:
            with client.trace() as trace, trace.span(SpanKind.SAMPLING) as span:
                for index in range(20_000):
                    span.frame(index, 1.0 * index)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    with a_client(receiver) as client:
        threads = [Thread(target=emit, args=(client,)) for _ in range(4)]
        for one in threads:
            one.start()
        assert receiver.until(lambda seen: bool(seen.frames()), 20)
        client.close()
        for one in threads:
            one.join()
    assert not errors
    counters = client.counters()
    assert counters.emitted >= 4 * 20_003
    assert counters.delivered + counters.dropped + counters.waiting == counters.emitted
