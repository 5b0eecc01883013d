# SPDX-License-Identifier: Apache-2.0
"""The analytics over real stores, and a processor in this process that writes and settles what it is given."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from psycopg.rows import dict_row

from ovpo.foundation.auth import Principal, Role
from ovpo.foundation.clickhouse.clients import ClientPool
from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.foundation.http.app import create_app
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import admin_conninfo, open_pool
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.telemetry.analytics import api
from ovpo.telemetry.analytics.pricing import load_pricing
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.processor.frames import Frames
from ovpo.telemetry.processor.hardware import load_hardware
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import read, together
from ovpo.telemetry.processor.settling import Settling
from ovpo.telemetry.processor.writing import Stores
from ovpo.telemetry.queue import pack
from tests.integration.collector.batches import Item, batch


@dataclass
class Sender:
    """A tenant: what it sends, what it asks, and what its audit chain holds."""

    tenant: str
    settings: Settings
    stores: Stores
    settling: Settling
    api: TestClient
    sent: list[Item] = field(default_factory=list)

    def send(self, *items: Item, at: datetime | None = None, settle: bool = True) -> None:
        """Have items of this tenant written and settled, as if the collector had received them at a moment."""
        accepted = read_batch(batch(*items), Reader(self.tenant))
        assert accepted.errors == ()
        messages = pack(accepted.accepted, self.tenant, at or datetime.now(UTC))
        self.stores.write(together(read(message.payload) for message in messages))
        self.sent.extend(items)
        if settle:
            self.settle()

    def settle(self) -> None:
        """Settle all that is marked, without waiting until it is due."""
        self.sql("UPDATE unsettled_traces SET due_at = now() - interval '1 second'")
        while self.settling.settle().claimed:
            pass

    def get(self, endpoint: str, **parameters: Any) -> Any:
        """Ask an endpoint that answers."""
        answer = self.api.get(f"/v1/analytics/{endpoint}", params=parameters, headers={"X-Tenant": self.tenant})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def costs(self, trace_ids: Sequence[str], **changes: Any) -> Any:
        """Have traces priced."""
        answer = self.ask_costs({"trace_ids": list(trace_ids), **changes})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask_costs(self, body: Any) -> Any:
        """Send a body to be priced."""
        return self.api.post("/v1/analytics/costs/calculate", json=body, headers={"X-Tenant": self.tenant})

    def audited(self) -> list[dict[str, Any]]:
        """Give the tenant's audit records, the first first."""
        return self.sql("SELECT * FROM audit_log WHERE tenant_id = %s ORDER BY seq", self.tenant)

    def sql(self, statement: str, *given: object) -> list[dict[str, Any]]:
        """Ask PostgreSQL, or change what it holds."""
        address = admin_conninfo(self.settings.postgres, self.settings.postgres.database)
        with psycopg.connect(address, row_factory=dict_row) as connection:
            answer = connection.execute(statement.encode(), given)
            return answer.fetchall() if answer.description else []


def app(settings: Settings, stack: ExitStack) -> FastAPI:
    """Make a service of the analytics only, which believes the tenant's name."""

    async def identify(request: Request) -> Principal:
        return Principal(request.headers["x-tenant"], Role.VIEWER, "test0000")

    pool = stack.enter_context(closing(open_pool(settings.postgres, PostgresRole.QUERY)))
    clients = stack.enter_context(closing(ClientPool(settings.clickhouse, wait_seconds=1)))
    pricing = load_pricing(None, load_hardware(None))
    return create_app(
        title="analytics",
        version="0",
        service="query",
        probes={},
        probe_deadline_seconds=1,
        registry=new_registry("query", "0"),
        routers=[api.router(pool, clients, identify, pricing)],
    )


@pytest.fixture(scope="session")
def opened(settings: Settings) -> Iterator[Callable[[], Sender]]:
    """Give a maker of tenants that nobody knows."""
    with ExitStack() as stack:
        pool = stack.enter_context(closing(open_pool(settings.postgres, PostgresRole.PROCESS)))
        metrics = ProcessorMetrics.on(new_registry("processor", "0"))
        stores = stack.enter_context(closing(Stores(pool, Frames(KeptClient(settings.clickhouse)), metrics)))
        settling = Settling(pool, KeptClient(settings.clickhouse), load_hardware(None), metrics)
        stack.enter_context(closing(settling))
        client = stack.enter_context(TestClient(app(settings, stack), raise_server_exceptions=False))

        def make() -> Sender:
            made = Sender(f"t-{uuid4().hex}", settings, stores, settling, client)
            made.sql("INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", made.tenant, made.tenant)
            return made

        yield make


@pytest.fixture
def sender(opened: Callable[[], Sender]) -> Sender:
    """A tenant."""
    return opened()


@pytest.fixture
def stranger(opened: Callable[[], Sender]) -> Sender:
    """Another tenant."""
    return opened()
