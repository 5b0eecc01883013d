# SPDX-License-Identifier: Apache-2.0
"""The query API in this process over real stores, and a processor that does what it is told when it is told."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from ovpo.foundation.auth import Role
from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import admin_conninfo, open_pool
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.access.console import issue
from ovpo.services.query import create
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

GENEROUS = "".join(
    f"[{tier}]\nrequests = 1000000\nper_seconds = 1\nburst = 1000000\n" for tier in ("free", "pro", "enterprise")
)


@pytest.fixture(scope="session")
def generous(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give settings under which no test meets a rate."""
    file: Path = tmp_path_factory.mktemp("tiers") / "tiers.toml"
    file.write_text(GENEROUS)
    return settings.model_copy(update={"query": settings.query.model_copy(update={"tiers": file})})


@pytest.fixture(scope="module")
def api(generous: Settings) -> Iterator[TestClient]:
    """Give the service; an error of ours is an answer, not an exception."""
    with TestClient(create(generous), raise_server_exceptions=False) as client:
        yield client


@dataclass
class Tenant:
    """A tenant of one test, who asks the API and whose senders' items are stored at once."""

    name: str
    api: TestClient
    headers: dict[str, str]
    stores: Stores
    settling: Settling
    settings: Settings

    def send(self, *items: Item, at: datetime | None = None) -> None:
        """Write items as the processor does, and settle their traces."""
        own = [item | {"tenant_id": self.name} if item["type"] == "trace" else item for item in items]
        accepted = read_batch(batch(*own), Reader(self.name))
        assert accepted.errors == ()
        messages = pack(accepted.accepted, self.name, at or datetime.now(UTC))
        self.stores.write(together(read(message.payload) for message in messages))
        self.sql("UPDATE unsettled_traces SET due_at = now() - interval '1 second'")
        while self.settling.settle().claimed:
            pass

    def get(self, path: str, **headers: str) -> Any:
        """Ask for something."""
        return self.api.get(path, headers=self.headers | headers)

    def found(self, path: str) -> Any:
        """Ask for something that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, question: str = "") -> list[str]:
        """List the traces that a question finds."""
        return [one["trace_id"] for one in self.found(f"/v1/traces?{question}")["traces"]]

    def audited(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """Give what is on the tenant's audit chain."""
        return self.sql(
            "SELECT event_type, resource_type, resource_id, metadata FROM audit_log WHERE tenant_id = %s ORDER BY seq",
            self.name,
        )

    def sql(self, statement: str, *given: object) -> list[Any]:
        """Ask PostgreSQL as its owner, or change what it holds."""
        with psycopg.connect(admin_conninfo(self.settings.postgres, self.settings.postgres.database)) as connection:
            answer = connection.execute(statement.encode(), given)
            return answer.fetchall() if answer.description else []


NewTenant = Callable[..., Tenant]


@pytest.fixture(scope="module")
def new_tenant(api: TestClient, generous: Settings) -> Iterator[NewTenant]:
    """Give a maker of tenants, each with a key of a role."""
    pool = open_pool(generous.postgres, PostgresRole.PROCESS)
    metrics = ProcessorMetrics.on(new_registry("processor", "0"))
    with (
        closing(pool),
        closing(Stores(pool, Frames(KeptClient(generous.clickhouse)), metrics)) as stores,
        closing(Settling(pool, KeptClient(generous.clickhouse), load_hardware(None), metrics)) as settling,
    ):

        def make(role: Role = Role.VIEWER) -> Tenant:
            name = f"t-{uuid4().hex}"
            with psycopg.connect(admin_conninfo(generous.postgres, generous.postgres.database)) as connection:
                connection.execute("INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", (name, name))
            key = issue(generous, name, role, "test", None)
            assert key is not None
            return Tenant(name, api, {"Authorization": f"Bearer {key.text}"}, stores, settling, generous)

        yield make


@pytest.fixture
def tenant(new_tenant: NewTenant) -> Tenant:
    """Give a tenant of its own to a test."""
    return new_tenant()
