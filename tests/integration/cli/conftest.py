# SPDX-License-Identifier: Apache-2.0
"""The query API as a process of its own over the real stores, and tenants whose traces are written and settled."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import admin_conninfo, open_pool
from ovpo.foundation.settings.load import inherited_environment
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.access.console import issue
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.processor.frames import Frames
from ovpo.telemetry.processor.hardware import load_hardware
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import read, together
from ovpo.telemetry.processor.settling import Settling
from ovpo.telemetry.processor.writing import Stores
from ovpo.telemetry.queue import pack
from tests.conftest import free_ports
from tests.integration.cli.calling import Caller
from tests.integration.collector.batches import Item, batch
from tests.integration.collector.conftest import Program, until

TIERS = """
free = {requests = 1000000, per_seconds = 1, burst = 1000000}
pro = {requests = 1, per_seconds = 3600, burst = 2}
enterprise = {requests = 1000000, per_seconds = 1, burst = 1000000}
"""
"""Nobody meets a rate but tenants of the tier pro, who do so with the third request."""


@dataclass(frozen=True)
class Service:
    """The query API: its address, and the settings under which it runs."""

    url: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def service(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("query")
    (folder / "tiers.toml").write_text(TIERS)
    [port] = free_ports(1)
    ours = {
        "OVPO_HOME": str(settings.home),
        "OVPO_POSTGRES__PORT": str(settings.postgres.port),
        "OVPO_CLICKHOUSE__PORT": str(settings.clickhouse.port),
        "OVPO_BROKER__PORT": str(settings.broker.port),
        "OVPO_CACHE__PORT": str(settings.cache.port),
        "OVPO_QUERY__PORT": str(port),
        "OVPO_QUERY__TIERS": str(folder / "tiers.toml"),
    }
    others = {name: value for name, value in inherited_environment().items() if not name.startswith("OVPO_")}
    command = [sys.executable, "-m", "ovpo.cli.main", "serve", "query"]
    program = Program(command, port, folder / "query.log", others | ours)
    program.start()
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool | None:
        try:
            return httpx.get(f"{url}/readyz").status_code == 200 or None
        except httpx.TransportError:
            assert program.running is not None
            assert program.running.poll() is None, program.log.read_text()
            return None

    try:
        until(answers, "an answer of the query API")
        yield Service(url, ours)
    finally:
        program.kill()


@dataclass(frozen=True)
class Tenant:
    """A tenant, whose senders' items are stored at once, and who calls the command with keys of each role."""

    name: str
    service: Service
    settings: Settings
    stores: Stores
    settling: Settling

    def caller(self, role: Role = Role.VIEWER) -> Caller:
        """Give somebody with a new key."""
        issued = issue(self.settings, self.name, role, "test", None)
        assert issued is not None
        return Caller(self.service.url, issued.text)

    def send(self, *items: Item) -> None:
        """Write items as the processor does, and settle their traces."""
        own = [item | {"tenant_id": self.name} if item["type"] == "trace" else item for item in items]
        accepted = read_batch(batch(*own), Reader(self.name))
        assert accepted.errors == ()
        messages = pack(accepted.accepted, self.name, datetime.now(UTC))
        self.stores.write(together(read(message.payload) for message in messages))
        self.sql("UPDATE unsettled_traces SET due_at = now() - interval '1 second'")
        while self.settling.settle().claimed:
            pass

    def get(self, path: str) -> Any:
        """Ask the API itself."""
        return json.loads(self._asked("GET", path, None))

    def post(self, path: str, body: Any) -> Any:
        """Have something made by the API itself."""
        return json.loads(self._asked("POST", path, body))

    def sql(self, statement: str, *given: object) -> None:
        """Change what PostgreSQL holds, as its owner."""
        with psycopg.connect(admin_conninfo(self.settings.postgres, self.settings.postgres.database)) as connection:
            connection.execute(statement.encode(), given)

    def _asked(self, method: str, path: str, body: Any) -> bytes:
        headers = {"Authorization": f"Bearer {self.caller(Role.ADMIN).key}"}
        answer = httpx.request(method, f"{self.service.url}{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.content


NewTenant = Callable[..., Tenant]


@pytest.fixture(scope="session")
def new_tenant(service: Service, settings: Settings) -> Iterator[NewTenant]:
    """Give a maker of tenants."""
    pool = open_pool(settings.postgres, PostgresRole.PROCESS)
    metrics = ProcessorMetrics.on(new_registry("processor", "0"))
    with (
        closing(pool),
        closing(Stores(pool, Frames(KeptClient(settings.clickhouse)), metrics)) as stores,
        closing(Settling(pool, KeptClient(settings.clickhouse), load_hardware(None), metrics)) as settling,
    ):

        def make(tier: str = "free") -> Tenant:
            made = Tenant(f"t-{uuid4().hex}", service, settings, stores, settling)
            made.sql("INSERT INTO tenants (tenant_id, name, tier) VALUES (%s, %s, %s)", made.name, made.name, tier)
            return made

        yield make
