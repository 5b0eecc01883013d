# SPDX-License-Identifier: Apache-2.0
"""The processor put together: two endless works, and beside them an HTTP app for its probes and numbers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

import structlog
from fastapi import FastAPI

from ovpo.foundation.cache import Cache
from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.foundation.clickhouse.connect import describe as describe_clickhouse
from ovpo.foundation.http.app import create_app
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import conninfo, open_pool
from ovpo.foundation.postgres.connect import describe as describe_postgres
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.foundation.shortcut import Shortcut
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry import live
from ovpo.telemetry.processor.batch import Batches
from ovpo.telemetry.processor.consuming import Consuming
from ovpo.telemetry.processor.frames import Frames
from ovpo.telemetry.processor.hardware import load_hardware
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.settling import MOST, Settling
from ovpo.telemetry.processor.writing import Stores

PACE_SECONDS: Final = 1.0
AFTER_FAULT_SECONDS: Final = 2.0
_log: Final = structlog.stdlib.get_logger(__name__)


def create(settings: Settings) -> FastAPI:
    """Make the app; its lifespan is the processor's work."""
    registry = new_registry("processor", version("ovpo"))
    metrics = ProcessorMetrics.on(registry)
    pool = open_pool(settings.postgres, PostgresRole.PROCESS)
    stopping = asyncio.Event()
    stores = Stores(pool, Frames(KeptClient(settings.clickhouse)), metrics)
    settling = Settling(pool, KeptClient(settings.clickhouse), load_hardware(settings.processor.hardware), metrics)
    cache = Cache(settings.cache)
    shortcut = Shortcut(cache, metrics.cache_unavailable)
    consuming = Consuming(settings.broker, Batches(stores, metrics, stopping), metrics.queue_depth, stopping)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        works = [
            asyncio.create_task(consuming.run(), name="consume the telemetry queue"),
            asyncio.create_task(_settle(settling, shortcut, stopping), name="settle traces"),
        ]
        yield
        stopping.set()
        await asyncio.gather(*works)
        stores.close()
        settling.close()
        await cache.close()
        pool.close()

    async def ask_postgres() -> None:
        await asyncio.to_thread(describe_postgres, conninfo(settings.postgres, PostgresRole.PROCESS))

    async def ask_clickhouse() -> None:
        await asyncio.to_thread(describe_clickhouse, settings.clickhouse)

    return create_app(
        title="OVPO processor",
        version=version("ovpo"),
        service="processor",
        probes={"postgres": ask_postgres, "clickhouse": ask_clickhouse, "broker": consuming.ready},
        probe_deadline_seconds=settings.platform.store_deadline_seconds,
        registry=registry,
        routers=[],
        lifespan=lifespan,
    )


async def _settle(settling: Settling, shortcut: Shortcut, stopping: asyncio.Event) -> None:
    """Settle what is due until told to stop, and tell who looks on; a fault is said and tried again."""
    while not stopping.is_set():
        pause = PACE_SECONDS
        try:
            done = await asyncio.to_thread(settling.settle)
            await live.tell(shortcut, [(one.tenant_id, one.change()) for one in done.settled])
            if done.claimed == MOST:
                pause = 0.0
            await asyncio.to_thread(settling.count_waiting)
        except StoreUnavailableError as error:
            _log.warning("processor.not_settled", reason=str(error), again_in_seconds=AFTER_FAULT_SECONDS)
            pause = AFTER_FAULT_SECONDS
        except Exception:  # noqa: BLE001 - whatever it is, the next try may do
            _log.exception("processor.settling_failed", again_in_seconds=AFTER_FAULT_SECONDS)
            pause = AFTER_FAULT_SECONDS
        try:
            await asyncio.wait_for(stopping.wait(), pause)
        except TimeoutError:
            continue
