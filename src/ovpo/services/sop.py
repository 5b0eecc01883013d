# SPDX-License-Identifier: Apache-2.0
"""The SOP API put together: its probes, its routes, and what it opens at the start and closes at the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from prometheus_client import Counter

from ovpo.foundation.cache import Cache
from ovpo.foundation.http.access import principal, utc_now
from ovpo.foundation.http.app import create_app
from ovpo.foundation.inspection.stores import Ask, stores
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import open_pool
from ovpo.foundation.rates.admission import admitted
from ovpo.foundation.rates.headers import RateHeaders
from ovpo.foundation.rates.limit import RateLimit
from ovpo.foundation.rates.tiers import TierFile, load_tiers
from ovpo.foundation.remembered import RememberedKeys
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.foundation.shortcut import Shortcut
from ovpo.foundation.tenancy import api as whoami
from ovpo.foundation.tenancy.key_store import PostgresKeys
from ovpo.foundation.tenancy.last_use import LastUse
from ovpo.sop.api import videos_api
from ovpo.sop.api.desk import Desk
from ovpo.sop.api.receiving import sweep
from ovpo.sop.api.routers import routers

TIERS: Final = files("ovpo.services") / "sop_tiers.toml"
STORES: Final = frozenset({"postgres", "cache", "objects"})
"""What it needs, of all stores that there are."""


def create(settings: Settings) -> FastAPI:
    """Make the app."""
    registry = new_registry("sop", version("ovpo"))
    unavailable = Counter(
        "ovpo_sop_cache_unavailable", "Questions that Valkey did not answer", ["question"], registry=registry
    )
    budgets = load_tiers(TierFile("OVPO_SOP__TIERS", settings.sop.tiers, TIERS))
    pool = open_pool(settings.postgres, PostgresRole.QUERY)
    cache = Cache(settings.cache)
    rate = RateLimit("sop", budgets, pool, Shortcut(cache, unavailable))
    identify = admitted(principal(RememberedKeys(PostgresKeys(pool)), used=LastUse(pool).note), rate)
    objects = open_objects(settings.objects, settings.query, settings.home)
    desk = Desk(settings, pool, objects, Copies(objects, settings.home / "copies"), identify, utc_now)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(sweep, desk.spool)
        yield
        await cache.close()
        pool.close()

    asked = stores(settings, PostgresRole.QUERY)
    app = create_app(
        title="OVPO SOP API",
        version=version("ovpo"),
        service="sop",
        probes={name: _probe(asked[name]) for name in sorted(STORES)},
        probe_deadline_seconds=settings.platform.store_deadline_seconds,
        registry=registry,
        routers=[whoami.router(identify), *routers(desk)],
        lifespan=lifespan,
        larger_bodies={videos_api.PATH: videos_api.body_limit(settings.sop.most_upload_mb)},
    )
    app.add_middleware(RateHeaders)
    return app


def _probe(ask: Ask) -> Callable[[], Awaitable[None]]:
    async def probe() -> None:
        await ask()

    return probe
