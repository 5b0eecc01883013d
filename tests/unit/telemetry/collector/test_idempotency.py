# SPDX-License-Identifier: Apache-2.0
"""Who does the work of a key and what others get, where a store fails in the middle of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from ovpo.foundation.cache import Cache
from ovpo.foundation.http.errors import Code
from ovpo.foundation.settings import tree
from ovpo.foundation.shortcut import Shortcut
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry.collector.idempotency import Busy, Given, Kept, Mine, Once, Request, digest
from ovpo.telemetry.collector.metrics import CollectorMetrics
from ovpo.telemetry.collector.refusal import RefusedError
from tests.conftest import free_ports

OFTEN = 8
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Table:
    """The claims of one process, of which each operation can be made to fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.rows: dict[bytes, tuple[Request, bytes | None]] = {}
        self.claims = 0
        self.asked_often = asyncio.Event()

    async def claim(self, request: Request) -> Mine | Busy | Kept:
        self._fail("claim")
        self.claims += 1
        if self.claims == OFTEN:
            self.asked_often.set()
        if request.key not in self.rows:
            self.rows[request.key] = (request, None)
            return Mine()
        owner, answer = self.rows[request.key]
        return Busy(owner.body) if answer is None else Kept(owner.body, owner.requested_at, answer)

    async def keep(self, request: Request, answer: bytes) -> Kept | None:
        self._fail("keep")
        if request.key not in self.rows:
            return None
        owner, known = self.rows[request.key]
        self.rows[request.key] = (owner, known or answer)
        return Kept(owner.body, owner.requested_at, known or answer)

    async def release(self, request: Request) -> None:
        self._fail("release")
        del self.rows[request.key]

    def _fail(self, operation: str) -> None:
        if operation in self.failing:
            raise StoreUnavailableError(f"{operation}: away")


def request(body: bytes = b"body") -> Request:
    return Request("demo", digest(b"key"), digest(body), uuid4(), NOW)


def run(table: Table, story: Callable[[Once], Awaitable[None]], patience: float = 5.0) -> None:
    """Tell a story without Valkey, where PostgreSQL alone decides."""

    async def told() -> None:
        [nobody] = free_ports(1)
        cache = Cache(tree.Cache(port=nobody))
        unavailable = CollectorMetrics.on(CollectorRegistry()).cache_unavailable
        try:
            await story(Once(table, Shortcut(cache, unavailable), patience))
        finally:
            await cache.close()

    asyncio.run(told())


async def work() -> bytes:
    return b"answer"


async def failing_work() -> bytes:
    raise RuntimeError("the broker is away")


def test_a_waiting_twin_gets_the_answer_of_the_one_that_works() -> None:
    table, begun, go = Table(), asyncio.Event(), asyncio.Event()

    async def slow_work() -> bytes:
        begun.set()
        await go.wait()
        return b"answer"

    async def story(once: Once) -> None:
        first = asyncio.create_task(once.answer(request(), slow_work))
        await begun.wait()
        twins = [asyncio.create_task(once.answer(request(), failing_work)) for _ in range(3)]
        await table.asked_often.wait()
        go.set()
        assert await first == Given(b"answer")
        assert await asyncio.gather(*twins) == [Given(b"answer", NOW)] * 3

    run(table, story)


def test_a_failure_leaves_the_key_free_even_for_another_body() -> None:
    async def story(once: Once) -> None:
        with pytest.raises(RuntimeError, match="broker"):
            await once.answer(request(), failing_work)
        assert await once.answer(request(b"other"), work) == Given(b"answer")

    run(Table(), story)


def test_a_failure_is_told_as_it_is_when_the_key_cannot_be_released_either() -> None:
    async def story(once: Once) -> None:
        with pytest.raises(RuntimeError, match="broker"):
            await once.answer(request(), failing_work)

    run(Table("release"), story)


def test_what_is_durable_is_answered_even_if_the_answer_cannot_be_kept() -> None:
    async def story(once: Once) -> None:
        assert await once.answer(request(), work) == Given(b"answer")

    run(Table("keep"), story)


def test_without_the_database_no_work_is_begun() -> None:
    async def story(once: Once) -> None:
        with pytest.raises(StoreUnavailableError):
            await once.answer(request(), failing_work)

    run(Table("claim"), story)


def test_another_body_is_a_conflict_while_the_first_is_worked_on_and_after_it() -> None:
    async def story(once: Once) -> None:
        async def conflicting_work() -> bytes:
            await expect_conflict(once)
            return b"answer"

        assert await once.answer(request(), conflicting_work) == Given(b"answer")
        await expect_conflict(once)

    async def expect_conflict(once: Once) -> None:
        with pytest.raises(RefusedError) as refused:
            await once.answer(request(b"other"), failing_work)
        assert refused.value.code is Code.CONFLICT

    run(Table(), story)


def test_who_waits_too_long_is_told_to_come_again() -> None:
    async def story(once: Once) -> None:
        async def work_with_an_impatient_twin() -> bytes:
            with pytest.raises(RefusedError) as refused:
                await once.answer(request(), failing_work)
            assert (refused.value.code, refused.value.retry_after) == (Code.SERVICE_UNAVAILABLE, 2)
            return b"answer"

        await once.answer(request(), work_with_an_impatient_twin)

    run(Table(), story, patience=0.05)
