# SPDX-License-Identifier: Apache-2.0
"""What the cache promises, against a real server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ovpo.foundation.cache import MOST_CONNECTIONS, Budget, Cache, CacheError, CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.integration.cache.conftest import Play, ValkeyServer

MINUTE = timedelta(minutes=1)
SHORT = timedelta(milliseconds=150)
DAY = timedelta(days=1)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again; the story's own deadline bounds it."""
    while not await holds():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def gone(cache: Cache, key: str) -> None:
    async def is_gone() -> bool:
        return await cache.get(key) is None

    await until(is_gone)


def test_a_value_is_kept_for_its_life(play: Play) -> None:
    async def story(cache: Cache) -> None:
        assert await cache.get("answer") is None
        await cache.set("answer", b"\x00\xff", MINUTE)
        assert await cache.get("answer") == b"\x00\xff"
        await cache.set("answer", b"42", SHORT)
        assert await cache.get("answer") == b"42"
        await gone(cache, "answer")

    play(story)


def test_a_deleted_value_is_gone(play: Play) -> None:
    async def story(cache: Cache) -> None:
        await cache.set("answer", b"42", MINUTE)
        assert await cache.delete("answer")
        assert not await cache.delete("answer")
        assert await cache.get("answer") is None

    play(story)


def test_of_many_that_set_if_absent_one_wins(server: ValkeyServer) -> None:
    async def story() -> None:
        caches = [Cache(server.settings()), Cache(server.settings())]
        values = [f"{number}".encode() for number in range(100)]
        won = await asyncio.gather(
            *(caches[number % 2].set_if_absent("lock", value, MINUTE) for number, value in enumerate(values))
        )
        assert sum(won) == 1
        assert await caches[0].get("lock") == values[won.index(True)]
        await caches[0].delete("lock")
        assert await caches[1].set_if_absent("lock", b"next", SHORT)
        await gone(caches[0], "lock")
        assert await caches[0].set_if_absent("lock", b"after it expired", MINUTE)
        for cache in caches:
            await cache.close()

    asyncio.run(story())


def test_namespaces_do_not_see_each_other(server: ValkeyServer) -> None:
    async def story() -> None:
        left, right = Cache(server.settings(), "left"), Cache(server.settings(), "right")
        await left.set("key", b"left", MINUTE)
        assert await right.get("key") is None
        assert not await right.delete("key")
        assert await left.get("key") == b"left"
        await left.close()
        await right.close()

    asyncio.run(story())


def test_concurrent_counts_are_all_counted(server: ValkeyServer) -> None:
    async def story() -> None:
        caches = [Cache(server.settings()), Cache(server.settings())]
        counts = await asyncio.gather(*(caches[n % 2].increment("visits", MINUTE) for n in range(200)))
        assert sorted(count.count for count in counts) == list(range(1, 201))
        assert all(timedelta(0) < count.resets_in <= MINUTE for count in counts)
        assert (await caches[0].increment("visits", MINUTE, by=10)).count == 210
        for cache in caches:
            await cache.close()

    asyncio.run(story())


def test_a_window_ends_by_itself_and_is_not_stretched_by_counting(play: Play) -> None:
    async def story(cache: Cache) -> None:
        first = await cache.increment("visits", timedelta(milliseconds=700))
        later = await cache.increment("visits", DAY)
        assert later.count == 2
        assert later.resets_in <= first.resets_in

        async def begins_anew() -> bool:
            return (await cache.increment("visits", timedelta(milliseconds=700))).count == 1

        await until(begins_anew)

    play(story)


def test_a_budget_grants_its_burst_and_then_no_more(server: ValkeyServer) -> None:
    async def story() -> None:
        budget = Budget(limit=10, window=DAY, burst=50)
        caches = [Cache(server.settings()), Cache(server.settings())]
        asked = await asyncio.gather(*(caches[n % 2].take("acme", budget) for n in range(120)))
        granted = [one for one in asked if one.granted]
        refused = [one for one in asked if not one.granted]
        assert len(granted) == 50
        assert sorted(one.remaining for one in granted) == list(range(50))
        assert {one.limit for one in asked} == {50}
        assert {one.remaining for one in refused} == {0}
        assert all(one.retry_after == timedelta(0) for one in granted)
        assert all(timedelta(hours=2) < one.retry_after <= timedelta(hours=2.4) for one in refused)
        assert all(one.full_in <= 5 * DAY for one in asked)
        assert (await caches[0].take("other", budget)).granted
        for cache in caches:
            await cache.close()

    asyncio.run(story())


def test_a_budget_refills_evenly(play: Play) -> None:
    async def story(cache: Cache) -> None:
        budget = Budget(limit=2, window=timedelta(seconds=1), burst=2)
        assert (await cache.take("acme", budget, cost=2)).granted
        refused = await cache.take("acme", budget)
        assert not refused.granted
        assert timedelta(0) < refused.retry_after <= timedelta(milliseconds=500)

        async def grants_one() -> bool:
            return (await cache.take("acme", budget)).granted

        async def grants_two() -> bool:
            return (await cache.take("acme", budget, cost=2)).granted

        await until(grants_one)
        assert not await grants_two()
        await until(grants_two)

    play(story)


def test_a_refusal_costs_nothing(play: Play) -> None:
    async def story(cache: Cache) -> None:
        budget = Budget(limit=1, window=DAY, burst=10)
        await cache.take("acme", budget, cost=7)
        for _ in range(5):
            assert not (await cache.take("acme", budget, cost=4)).granted
        assert (await cache.take("acme", budget, cost=3)).granted

    play(story)


def test_a_budget_that_is_left_alone_does_not_grow_beyond_its_burst(play: Play) -> None:
    async def story(cache: Cache) -> None:
        budget = Budget(limit=1_000_000, window=timedelta(seconds=1), burst=1)
        asked = [await cache.take("acme", budget) for _ in range(100)]
        assert sum(one.granted for one in asked) > 1
        assert {one.remaining for one in asked} == {0}

    play(story)


@pytest.mark.parametrize("cost", [0, -1, 11])
def test_a_cost_that_can_never_be_granted_is_an_error(play: Play, cost: int) -> None:
    async def story(cache: Cache) -> None:
        with pytest.raises(CacheError, match="takes 1 to 10"):
            await cache.take("acme", Budget(limit=1, window=DAY, burst=10), cost)

    play(story)


def test_a_server_that_restarts_is_found_again(server: ValkeyServer, play: Play) -> None:
    async def story(cache: Cache) -> None:
        budget = Budget(limit=1, window=DAY, burst=1)
        await asyncio.gather(*(cache.set(f"key-{n}", b"x", MINUTE) for n in range(20)))
        assert (await cache.take("acme", budget)).granted
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        assert await asyncio.gather(*(cache.get(f"key-{n}") for n in range(20))) == [None] * 20
        assert (await cache.take("acme", budget)).granted
        assert (await cache.increment("visits", MINUTE)).count == 1

    play(story)


def test_a_server_that_is_down_is_unavailable_for_every_call(server: ValkeyServer, play: Play) -> None:
    async def story(cache: Cache) -> None:
        await cache.ready()
        server.kill()
        for call in (
            cache.ready(),
            cache.get("k"),
            cache.set("k", b"", MINUTE),
            cache.set_if_absent("k", b"", MINUTE),
            cache.delete("k"),
            cache.increment("k", MINUTE),
            cache.take("k", Budget(1, MINUTE, 1)),
        ):
            with pytest.raises(CacheUnavailableError, match="OVPO_CACHE__URL"):
                await call
        server.start()
        await cache.ready()

    play(story)


def test_a_server_that_hangs_is_unavailable_and_recovers(server: ValkeyServer, play: Play) -> None:
    async def story(cache: Cache) -> None:
        await cache.set("k", b"kept", MINUTE)
        server.pause()
        try:
            outcomes = await asyncio.gather(
                *(cache.get("k") for _ in range(2 * MOST_CONNECTIONS)), return_exceptions=True
            )
        finally:
            server.resume()
        assert {type(outcome) for outcome in outcomes} == {CacheUnavailableError}
        assert await cache.get("k") == b"kept"

    play(story)


def test_a_wrong_password_is_named_with_its_setting(server: ValkeyServer) -> None:
    async def story() -> None:
        for password in ("wrong", ""):
            cache = Cache(server.settings(password))
            with pytest.raises(CacheUnavailableError, match="OVPO_CACHE__PASSWORD"):
                await cache.ready()
            await cache.close()

    asyncio.run(story())


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
@pytest.mark.parametrize("login", ["", ":s3cret@", "default:s3cret@"])
def test_a_server_may_be_named_by_an_address(server: ValkeyServer, scheme: str, login: str) -> None:
    async def story() -> None:
        url = f"{scheme}://{login}127.0.0.1:{server.port}/0"
        cache = Cache(server.settings(password="wrong" if login else "s3cret", url=url))
        await cache.ready()
        await cache.close()

    asyncio.run(story())


def test_a_key_of_another_kind_is_an_error_of_the_caller(play: Play) -> None:
    async def story(cache: Cache) -> None:
        await cache.take("bucket", Budget(1, MINUTE, 1))
        with pytest.raises(CacheError) as raised:
            await cache.get("bucket")
        assert not isinstance(raised.value, CacheUnavailableError)

    play(story)
