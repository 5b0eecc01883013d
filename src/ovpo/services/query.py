# SPDX-License-Identifier: Apache-2.0
"""The query API put together: its probes, its routes, and what it opens at the start and closes at the end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from ovpo.foundation.http.access import principal
from ovpo.foundation.http.app import create_app
from ovpo.foundation.inspection import api as inspections
from ovpo.foundation.inspection.stores import Ask, stores
from ovpo.foundation.objects import api as objects_api
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import open_pool
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.foundation.tenancy import api as whoami
from ovpo.foundation.tenancy.key_store import PostgresKeys
from ovpo.services import page


def create(settings: Settings) -> FastAPI:
    """Make the app."""
    pool = open_pool(settings.postgres, PostgresRole.QUERY)
    identify = principal(PostgresKeys(pool))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        pool.close()

    return create_app(
        title="OVPO query API",
        version=version("ovpo"),
        service="query",
        probes={name: _probe(ask) for name, ask in stores(settings, PostgresRole.QUERY).items()},
        probe_deadline_seconds=settings.platform.store_deadline_seconds,
        registry=new_registry("query", version("ovpo")),
        routers=[
            page.router(settings.dagster.port),
            whoami.router(identify),
            inspections.router(pool, settings.clickhouse, identify),
            objects_api.router(open_objects(settings.objects, settings.query, settings.home)),
        ],
        lifespan=lifespan,
    )


def _probe(ask: Ask) -> Callable[[], Awaitable[None]]:
    async def probe() -> None:
        await ask()

    return probe
