# SPDX-License-Identifier: Apache-2.0
"""One look at the stores: each is asked at the same time, with a deadline, and a silent one is an answer too."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from uuid import UUID

from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.cache import Cache
from ovpo.foundation.clickhouse import connect as clickhouse
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.observability.redact import redact_text
from ovpo.foundation.postgres import connect as postgres
from ovpo.foundation.settings.tree import PostgresRole, Settings

LONGEST_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store says of itself."""

    version: str = ""
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """How one store answered in one look."""

    look_id: UUID
    observed_at: datetime
    store: str
    ready: bool
    milliseconds: float
    version: str
    bytes: int
    detail: str


Ask = Callable[[], Awaitable[Answer]]


def stores(settings: Settings, role: PostgresRole) -> Mapping[str, Ask]:
    """Name every store, with the question that it must answer; PostgreSQL is asked as the given role."""

    async def ask_postgres() -> Answer:
        dsn = postgres.conninfo(settings.postgres, role)
        return Answer(*await asyncio.to_thread(postgres.describe, dsn))

    async def ask_clickhouse() -> Answer:
        return Answer(*await asyncio.to_thread(clickhouse.describe, settings.clickhouse))

    async def ask_broker() -> Answer:
        broker = await open_broker(settings.broker)
        try:
            await broker.ready()
        finally:
            await broker.close()
        return Answer()

    async def ask_cache() -> Answer:
        cache = Cache(settings.cache)
        try:
            await cache.ready()
        finally:
            await cache.close()
        return Answer()

    async def ask_objects() -> Answer:
        await asyncio.to_thread(open_objects(settings.objects, settings.query, settings.home).ready)
        return Answer()

    return {
        "postgres": ask_postgres,
        "clickhouse": ask_clickhouse,
        "broker": ask_broker,
        "cache": ask_cache,
        "objects": ask_objects,
    }


async def look(asked: Mapping[str, Ask], look_id: UUID, now: datetime, deadline_seconds: float) -> list[Observation]:
    """Ask every store at once."""
    return list(
        await asyncio.gather(*(_observe(name, ask, look_id, now, deadline_seconds) for name, ask in asked.items()))
    )


async def _observe(name: str, ask: Ask, look_id: UUID, now: datetime, deadline_seconds: float) -> Observation:
    begun = perf_counter()
    answer, detail = Answer(), ""
    try:
        answer = await asyncio.wait_for(ask(), deadline_seconds)
    except TimeoutError:
        detail = f"no answer within {deadline_seconds:g} s"
    except Exception as error:  # noqa: BLE001
        detail = redact_text(str(error) or repr(error))[:LONGEST_DETAIL]
    return Observation(
        look_id=look_id,
        observed_at=now,
        store=name,
        ready=not detail,
        milliseconds=round((perf_counter() - begun) * 1000, 3),
        version=answer.version,
        bytes=answer.bytes,
        detail=detail,
    )
