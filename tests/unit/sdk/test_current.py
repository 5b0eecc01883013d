# SPDX-License-Identifier: Apache-2.0
"""What nested code finds as its trace and span, in threads, tasks, generators and callbacks."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator
from threading import Thread

import pytest

from ovpo_sdk import OvpoClient, Span, SpanKind, Trace, current_span, current_trace

SAMPLING = SpanKind.SAMPLING


@pytest.fixture
def client() -> OvpoClient:
    return OvpoClient(enabled=False)


def here() -> tuple[Trace | None, Span | None]:
    return current_trace(), current_span()


def test_outside_of_a_trace_there_is_neither(client: OvpoClient) -> None:
    assert here() == (None, None)
    with client.span(SAMPLING) as span:
        span.set("custom.steps", 4)
        span.frame(0, 0.0)
        with span.span(SAMPLING), client.span(SAMPLING):
            assert here() == (None, None)


def test_what_is_entered_last_is_current_until_it_is_left(client: OvpoClient) -> None:
    with client.trace() as trace:
        assert here() == (trace, None)
        with trace.span(SAMPLING) as outer:
            with client.span(SAMPLING) as inner:
                assert inner.parent_id == outer.id
                assert here() == (trace, inner)
            assert here() == (trace, outer)
        assert here() == (trace, None)
    assert here() == (None, None)


def test_a_trace_within_a_trace_hides_it_for_a_while(client: OvpoClient) -> None:
    with client.trace() as outer, outer.span(SAMPLING) as span:
        with client.trace() as inner:
            assert here() == (inner, None)
            assert inner.span(SAMPLING).parent_id is None
        assert here() == (outer, span)


def test_an_exception_leaves_what_it_passes(client: OvpoClient) -> None:
    with pytest.raises(KeyError), client.trace() as trace, trace.span(SAMPLING):
        raise KeyError
    assert here() == (None, None)


def test_start_and_end_make_nothing_current(client: OvpoClient) -> None:
    trace = client.trace().start()
    span = trace.span(SAMPLING).start()
    assert here() == (None, None)
    span.end()
    trace.complete()
    assert here() == (None, None)


def test_entering_the_same_span_twice_leaves_it_all_the_same(client: OvpoClient) -> None:
    with client.trace() as trace, trace.span(SAMPLING) as span, span:
        pass
    assert here() == (None, None)


def test_a_thread_begins_without_a_trace_and_disturbs_nobody(client: OvpoClient) -> None:
    found: list[object] = []

    def run() -> None:
        found.append(here())
        with client.trace() as own:
            found.append(here() == (own, None))

    with client.trace() as trace:
        thread = Thread(target=run)
        thread.start()
        thread.join()
        assert here() == (trace, None)
    assert found == [(None, None), True]


def test_tasks_begin_within_the_span_that_made_them_and_nest_on_their_own(client: OvpoClient) -> None:
    async def stage(trace: Trace, outer: Span, turn: asyncio.Event, other: asyncio.Event) -> None:
        assert here() == (trace, outer)
        async with trace.span(SAMPLING) as own:
            assert own.parent_id == outer.id
            other.set()
            await turn.wait()
            assert here() == (trace, own)
        assert here() == (trace, outer)

    async def main() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        async with client.trace() as trace, trace.span(SAMPLING) as outer:
            await asyncio.gather(stage(trace, outer, first, second), stage(trace, outer, second, first))
            assert here() == (trace, outer)

    asyncio.run(main())
    assert here() == (None, None)


def test_a_task_that_outlives_its_span_keeps_it_as_its_parent(client: OvpoClient) -> None:
    async def upload(ended: asyncio.Event, outer: Span) -> None:
        with client.span(SAMPLING) as first:
            await ended.wait()
        with client.span(SAMPLING) as second:
            assert (first.parent_id, second.parent_id) == (outer.id, outer.id)

    async def main() -> None:
        ended = asyncio.Event()
        async with client.trace() as trace:
            async with trace.span(SAMPLING) as outer:
                task = asyncio.create_task(upload(ended, outer))
                await asyncio.sleep(0)
            ended.set()
            await task
            assert here() == (trace, None)

    asyncio.run(main())


def test_a_span_left_in_another_context_changes_nothing_there(client: OvpoClient) -> None:
    elsewhere = contextvars.copy_context()
    span = client.trace().span(SAMPLING)
    elsewhere.run(span.__enter__)
    with client.trace() as trace:
        span.__exit__(None, None, None)
        assert here() == (trace, None)


def test_a_generator_that_ends_first_leaves_what_was_entered_since(client: OvpoClient) -> None:
    def steps(trace: Trace) -> Iterator[int]:
        with trace.span(SAMPLING):
            yield 1

    with client.trace() as trace:
        running = steps(trace)
        next(running)
        with trace.span(SpanKind.DECODE) as since:
            assert next(running, None) is None
            assert here() == (trace, since)
        assert here() == (trace, None)


def test_an_asynchronous_generator_that_is_closed_early_leaves_its_span(client: OvpoClient) -> None:
    async def steps(trace: Trace) -> AsyncIterator[int]:
        async with trace.span(SAMPLING):
            yield 1

    async def main() -> None:
        async with client.trace() as trace:
            running = steps(trace)
            await anext(running)
            await running.aclose()  # type: ignore[attr-defined]
            assert here() == (trace, None)

    asyncio.run(main())
