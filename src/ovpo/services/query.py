# SPDX-License-Identifier: Apache-2.0
"""The query API put together: its probes, its routes, and what it opens at the start and closes at the end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from prometheus_client import Counter

from ovpo.foundation.cache import Cache
from ovpo.foundation.clickhouse.clients import ClientPool
from ovpo.foundation.http.access import principal, utc_now
from ovpo.foundation.http.app import create_app
from ovpo.foundation.http.stopping import Stopping
from ovpo.foundation.inspection import api as inspections
from ovpo.foundation.inspection.stores import Ask
from ovpo.foundation.inspection.stores import stores as stores_to_ask
from ovpo.foundation.objects import api as objects_api
from ovpo.foundation.objects.connect import open_objects
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
from ovpo.governance.access import keys_api, tenants_api
from ovpo.governance.audit import api as audit
from ovpo.services import page
from ovpo.telemetry.alerts import api as alerts
from ovpo.telemetry.analytics import api as analytics
from ovpo.telemetry.analytics.pricing import load_pricing
from ovpo.telemetry.artifacts import api as artifacts
from ovpo.telemetry.artifacts.places import Places
from ovpo.telemetry.processor.hardware import load_hardware
from ovpo.telemetry.query import live_api, traces_api, views_api
from ovpo.telemetry.query.bodies import Bodies
from ovpo.telemetry.query.looking import Stores

TIERS: Final = files("ovpo.services") / "query_tiers.toml"


def create(settings: Settings) -> FastAPI:
    """Make the app."""
    registry = new_registry("query", version("ovpo"))
    unavailable = Counter(
        "ovpo_query_cache_unavailable", "Questions that Valkey did not answer", ["question"], registry=registry
    )
    budgets = load_tiers(TierFile("OVPO_QUERY__TIERS", settings.query.tiers, TIERS))
    pool = open_pool(settings.postgres, PostgresRole.QUERY)
    cache = Cache(settings.cache)
    clickhouse = ClientPool(settings.clickhouse)
    shortcut = Shortcut(cache, unavailable)
    rate = RateLimit("query", budgets, pool, shortcut)
    identify = admitted(principal(RememberedKeys(PostgresKeys(pool)), used=LastUse(pool).note), rate)
    hardware = load_hardware(settings.processor.hardware)
    stores = Stores(pool, clickhouse, Bodies(), hardware)
    governing = open_pool(settings.postgres, PostgresRole.GOVERN)
    objects = open_objects(settings.objects, settings.query, settings.home)
    stopping = Stopping()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        clickhouse.close()
        await cache.close()
        governing.close()
        pool.close()

    app = create_app(
        title="OVPO query API",
        version=version("ovpo"),
        service="query",
        probes={name: _probe(ask) for name, ask in stores_to_ask(settings, PostgresRole.QUERY).items()},
        probe_deadline_seconds=settings.platform.store_deadline_seconds,
        registry=registry,
        routers=[
            page.router(settings.dagster.port),
            whoami.router(identify),
            traces_api.router(stores, identify, utc_now),
            live_api.router(pool, cache, identify, stopping),
            views_api.router(pool, identify),
            inspections.router(pool, settings.clickhouse, identify),
            objects_api.router(objects),
            artifacts.router(pool, clickhouse, Places(settings, objects), identify),
            analytics.router(pool, clickhouse, identify, load_pricing(settings.query.pricing, hardware)),
            alerts.router(pool, identify, settings.alerts),
            tenants_api.router(governing, identify),
            keys_api.router(governing, identify),
            audit.router(pool, identify),
        ],
        lifespan=lifespan,
    )
    stopping.watch(app)
    app.add_middleware(RateHeaders)
    return app


def _probe(ask: Ask) -> Callable[[], Awaitable[None]]:
    async def probe() -> None:
        await ask()

    return probe
