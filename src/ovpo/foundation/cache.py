# SPDX-License-Identifier: Apache-2.0
"""A cache on Valkey or Redis: values that may vanish, counters that expire, and budgets that refill.

Nothing here is the only copy of anything. When the server is away every call says so with `CacheUnavailableError`, in
bounded time, and the caller decides whether to go on without. Time is the server's, so that all its clients agree.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from valkey import exceptions
from valkey.asyncio import BlockingConnectionPool, Valkey

from ovpo.foundation.settings import tree
from ovpo.foundation.unavailable import StoreUnavailableError

NAMESPACE: Final = "ovpo"
MOST_CONNECTIONS: Final = 64
CONNECT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 1.0
MAX_KEY_BYTES: Final = 512
_MILLISECOND: Final = timedelta(milliseconds=1)
_FIELD: Final = b"value"
_AWAY: Final = ("LOADING", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "OOM", "BUSY", "MISCONF", "TRYAGAIN")

_INCREMENT: Final = """
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    left = tonumber(ARGV[2])
end
return {count, left}
"""

_TAKE: Final = """
local cost, capacity, per_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local at = math.min(tonumber(bucket[2]) or now, now)
local tokens = math.min(capacity, (tonumber(bucket[1]) or capacity) + (now - at) * per_ms)
local granted = tokens >= cost
if granted then tokens = tokens - cost end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', now)
local full = math.ceil((capacity - tokens) / per_ms)
redis.call('PEXPIRE', KEYS[1], full + 1000)
return {granted and 1 or 0, math.floor(tokens), full, math.ceil(math.max(0, cost - tokens) / per_ms)}
"""


class CacheError(Exception):
    """The cache was asked for something that it cannot do."""


class CacheUnavailableError(CacheError, StoreUnavailableError):
    """The server is away, refuses us or does not answer in time; a cache may be, so a caller goes on as it sees fit."""


@dataclass(frozen=True, slots=True)
class Count:
    """A counter within its window."""

    count: int
    resets_in: timedelta


@dataclass(frozen=True, slots=True)
class Budget:
    """So much per window in the long run, at most `burst` at once: a bucket of `burst` tokens that refills evenly."""

    limit: int
    window: timedelta
    burst: int

    def __post_init__(self) -> None:
        if self.limit < 1 or self.burst < 1 or self.window < _MILLISECOND:
            raise CacheError(f"budget of {self.limit} per {self.window}, burst {self.burst}: takes numbers above zero")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a budget said: go or wait, and the numbers that a client is told."""

    granted: bool
    limit: int
    remaining: int
    full_in: timedelta
    retry_after: timedelta


class Cache:
    """A connection pool to one server, and one namespace of keys in it."""

    def __init__(self, settings: tree.Cache, namespace: str = NAMESPACE) -> None:
        pool = BlockingConnectionPool.from_url(
            settings.url or f"redis://{tree.LOOPBACK}:{settings.port}/0",
            password=settings.password.get_secret_value() or None,
            max_connections=MOST_CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
        )
        self._client = Valkey.from_pool(pool)
        self._namespace = namespace
        self._increment = self._client.register_script(_INCREMENT)
        self._take = self._client.register_script(_TAKE)

    async def get(self, key: str) -> bytes | None:
        """Give a value, or None when there is none (any more)."""
        name = self._name(key)
        async with _bounded():
            value: bytes | None = await self._client.get(name)
        return value

    async def set(self, key: str, value: bytes, life: timedelta) -> None:
        """Keep a value for so long."""
        name, milliseconds = self._name(key), _milliseconds(life)
        async with _bounded():
            await self._client.set(name, value, px=milliseconds)

    async def set_if_absent(self, key: str, value: bytes, life: timedelta) -> bool:
        """Keep a value unless there is one; tell whether it was kept. Of many at once exactly one is told so."""
        name, milliseconds = self._name(key), _milliseconds(life)
        async with _bounded():
            return bool(await self._client.set(name, value, px=milliseconds, nx=True))

    async def delete(self, key: str) -> bool:
        """Forget a value; tell whether there was one."""
        name = self._name(key)
        async with _bounded():
            return bool(await self._client.delete(name))

    async def increment(self, key: str, window: timedelta, by: int = 1) -> Count:
        """Count within a window that begins with the first count and ends by itself."""
        name, milliseconds = self._name(key), _milliseconds(window)
        async with _bounded():
            count, left = await self._increment(keys=[name], args=[by, milliseconds])
        return Count(count=int(count), resets_in=int(left) * _MILLISECOND)

    async def take(self, key: str, budget: Budget, cost: int = 1) -> Allowance:
        """Take from a budget, or be told when to ask again; a refusal costs nothing."""
        name = self._name(key)
        if not 1 <= cost <= budget.burst:
            raise CacheError(f"budget {key}: cost {cost} can never be granted; takes 1 to {budget.burst}")
        per_millisecond = budget.limit / (budget.window / _MILLISECOND)
        async with _bounded():
            granted, remaining, full, wait = await self._take(
                keys=[name], args=[cost, budget.burst, repr(per_millisecond)]
            )
        return Allowance(
            granted=bool(granted),
            limit=budget.burst,
            remaining=int(remaining),
            full_in=int(full) * _MILLISECOND,
            retry_after=timedelta(0) if granted else int(wait) * _MILLISECOND,
        )

    async def append(self, key: str, values: Sequence[bytes], most: int, life: timedelta) -> None:
        """Add to the end of a log that keeps about the newest `most` values, and is forgotten when nobody adds."""
        name, milliseconds = self._name(key), _milliseconds(life)
        async with _bounded(), self._client.pipeline(transaction=True) as pipe:
            for value in values:
                pipe.xadd(name, {_FIELD: value}, maxlen=most, approximate=True)
            pipe.pexpire(name, milliseconds)
            await pipe.execute()

    async def after(self, key: str, position: str, most: int) -> list[tuple[str, bytes]]:
        """Read what was added to a log after a position, the oldest first, each with its position."""
        name = self._name(key)
        async with _bounded():
            rows = await self._client.xrange(name, min=f"({position}", count=most)
        return [(found.decode(), fields[_FIELD]) for found, fields in rows]

    async def ends(self, key: str) -> tuple[str, str] | None:
        """Give the positions of the oldest and the newest value of a log, None while it is empty."""
        name = self._name(key)
        async with _bounded(), self._client.pipeline(transaction=True) as pipe:
            pipe.xrange(name, count=1)
            pipe.xrevrange(name, count=1)
            oldest, newest = await pipe.execute()
        return (oldest[0][0].decode(), newest[0][0].decode()) if oldest else None

    async def ready(self) -> None:
        """Ask the server; raise `CacheUnavailableError` when it does not answer."""
        async with _bounded():
            await self._client.ping()

    async def close(self) -> None:
        """End all connections."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    def _name(self, key: str) -> str:
        if not key.isprintable() or not 0 < len(key.encode()) <= MAX_KEY_BYTES:
            raise CacheError(f"cache key {key[:80]!r}: takes 1 to {MAX_KEY_BYTES} bytes of printable characters")
        return f"{self._namespace}:{key}"


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    """Turn every way in which a server can be away into one error, and every other refusal into another."""
    try:
        yield
    except exceptions.AuthenticationError as error:
        raise CacheUnavailableError(f"cache: {error}; check OVPO_CACHE__PASSWORD") from error
    except (exceptions.ConnectionError, exceptions.TimeoutError, TimeoutError, OSError) as error:
        raise CacheUnavailableError(f"cache: {error}; is the server of OVPO_CACHE__URL up?") from error
    except exceptions.ValkeyError as error:
        if str(error).startswith(_AWAY):
            raise CacheUnavailableError(f"cache: {error}") from error
        raise CacheError(f"cache: {error}") from error


def _milliseconds(life: timedelta) -> int:
    if life < _MILLISECOND:
        raise CacheError(f"cache: a life of {life}; takes at least a millisecond")
    return life // _MILLISECOND
