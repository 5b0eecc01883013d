# SPDX-License-Identifier: Apache-2.0
"""The collector put together: its probes, its route, and what it opens at the start and closes at the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from importlib.resources import files
from typing import Final
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request, Response

from ovpo.foundation.cache import Cache
from ovpo.foundation.http import answers
from ovpo.foundation.http.access import principal, utc_now
from ovpo.foundation.http.app import create_app
from ovpo.foundation.http.errors import Code, Fault
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import conninfo, describe, open_pool
from ovpo.foundation.rates.headers import RateHeaders
from ovpo.foundation.rates.limit import RateLimit
from ovpo.foundation.rates.tiers import TierFile, load_tiers
from ovpo.foundation.remembered import RememberedKeys
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.foundation.shortcut import Shortcut
from ovpo.foundation.tenancy import api as whoami
from ovpo.foundation.tenancy.key_store import PostgresKeys
from ovpo.foundation.tenancy.last_use import LastUse
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry.collector import api
from ovpo.telemetry.collector.claims import PostgresClaims
from ovpo.telemetry.collector.decoding import ON_THE_WIRE_BYTES
from ovpo.telemetry.collector.edge import Edge
from ovpo.telemetry.collector.idempotency import Once
from ovpo.telemetry.collector.intake import Intake
from ovpo.telemetry.collector.metrics import CollectorMetrics
from ovpo.telemetry.collector.outbox import Outbox
from ovpo.telemetry.collector.recent import RecentBatches
from ovpo.telemetry.collector.refusal import RefusedError
from ovpo.telemetry.contract.validators import validators

PURGE_SECONDS: Final = 300.0
TIERS: Final = files("ovpo.telemetry.collector") / "tiers.toml"
_LEASE_SPARE_SECONDS: Final = 20.0
"""What an owner has beyond its publishing before others take it for dead: twice the slowest turn at PostgreSQL."""
_OF_OTHERS: Final = frozenset({Code.RATE_LIMIT_EXCEEDED, Code.SERVICE_UNAVAILABLE, Code.CONFLICT})
_log: Final = structlog.stdlib.get_logger(__name__)


def create(settings: Settings) -> FastAPI:
    """Make the app."""
    own = settings.collector
    budgets = load_tiers(TierFile("OVPO_COLLECTOR__TIERS", own.tiers, TIERS))
    validators()
    registry = new_registry("collector", version("ovpo"))
    metrics = CollectorMetrics.on(registry)
    pool = open_pool(settings.postgres, PostgresRole.COLLECT)
    cache = Cache(settings.cache)
    shortcut = Shortcut(cache, metrics.cache_unavailable)
    outbox = Outbox(settings.broker, own.publish_timeout_seconds)
    lease = timedelta(seconds=own.publish_timeout_seconds + _LEASE_SPARE_SECONDS)
    claims = PostgresClaims(pool, lease, timedelta(hours=own.idempotency_hours))
    intake = Intake(
        outgoing=outbox,
        once=Once(claims, shortcut, lease.total_seconds()),
        recent=RecentBatches(shortcut),
        metrics=metrics,
        embedded=settings.objects.url is None or settings.objects.url.startswith("file:"),
        new_id=uuid4,
    )

    identify = principal(RememberedKeys(PostgresKeys(pool)), used=LastUse(pool).note)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        purging = asyncio.create_task(_purge(claims), name="purge idempotency keys")
        yield
        purging.cancel()
        await outbox.close()
        await cache.close()
        pool.close()

    async def ask_postgres() -> None:
        await asyncio.to_thread(describe, conninfo(settings.postgres, PostgresRole.COLLECT))

    app = create_app(
        title="OVPO collector",
        version=version("ovpo"),
        service="collector",
        probes={"postgres": ask_postgres, "broker": outbox.ready},
        probe_deadline_seconds=settings.platform.store_deadline_seconds,
        registry=registry,
        routers=[
            whoami.router(identify),
            api.router(
                identify,
                RateLimit("ingest", budgets, pool, shortcut),
                intake,
                own.body_timeout_seconds,
                utc_now,
            ),
        ],
        lifespan=lifespan,
        most_body_bytes=ON_THE_WIRE_BYTES,
    )
    app.exception_handler(RefusedError)(_refusing(metrics))
    app.add_middleware(RateHeaders)
    app.add_middleware(Edge, auth_failures=metrics.auth_failures)
    return app


def _refusing(metrics: CollectorMetrics) -> Callable[[Request, RefusedError], Awaitable[Response]]:
    """Make the one place that turns a refusal into an answer."""

    async def on_refused(request: Request, error: RefusedError) -> Response:
        if error.code is Code.RATE_LIMIT_EXCEEDED:
            metrics.rate_limited.inc()
        elif error.code not in _OF_OTHERS:
            metrics.validation_failures.labels(error.code.value).inc()
        message = f"{error.field}: {error.message}" if error.field else error.message
        details = {"field": error.field} if error.field else None
        return answers.respond(Fault(error.code, message, details, error.retry_after), request.scope)

    return on_refused


async def _purge(claims: PostgresClaims) -> None:
    """Delete expired idempotency keys for as long as the service lives."""
    while True:
        await asyncio.sleep(PURGE_SECONDS)
        try:
            _log.info("collector.keys_purged", count=await claims.purge())
        except StoreUnavailableError as error:
            _log.warning("collector.keys_not_purged", reason=str(error))
