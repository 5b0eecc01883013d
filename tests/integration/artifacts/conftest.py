# SPDX-License-Identifier: Apache-2.0
"""Artifacts over real stores: traces and frame events as the processor writes them, and the routes over them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from psycopg_pool import ConnectionPool

from ovpo.foundation.auth import Role
from ovpo.foundation.clickhouse.clients import ClientPool
from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.foundation.http.access import principal
from ovpo.foundation.http.app import create_app
from ovpo.foundation.objects import api as objects_api
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.postgres.connect import conninfo, open_pool
from ovpo.foundation.settings import tree
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.foundation.tenancy.key_store import PostgresKeys
from ovpo.governance.access.console import issue
from ovpo.telemetry.artifacts import api as artifacts_api
from ovpo.telemetry.artifacts.places import Places
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.processor.frames import Frames
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import read
from ovpo.telemetry.processor.writing import Stores
from ovpo.telemetry.queue import pack
from tests.integration.collector.batches import Item, batch

Tell = Callable[..., None]
SUM = f"sha256:{'a' * 64}"


@dataclass
class Desk:
    """The routes, with the stores and folders behind them."""

    settings: Settings
    objects: ObjectStore
    http: TestClient
    renders: Path
    pool: ConnectionPool

    def held(self) -> int:
        """Count the connections to PostgreSQL that somebody has taken."""
        counts = self.pool.get_stats()
        return counts["pool_size"] - counts["pool_available"]

    def key(self, tenant: str = "demo", role: Role = Role.VIEWER) -> dict[str, str]:
        made = issue(self.settings, tenant, role, "test", None)
        assert made is not None
        return {"Authorization": f"Bearer {made.text}"}

    def sign(self, key: dict[str, str], trace_id: str, uri: str, **more: object) -> httpx2.Response:
        return self.http.post("/v1/artifacts/signed-url", headers=key, json={"trace_id": trace_id, "uri": uri, **more})

    def follow(self, link: str) -> httpx2.Response:
        parts = urlsplit(link)
        return self.http.get(f"{parts.path}?{parts.query}")

    def audited(self, trace_id: str, tenant: str = "demo") -> list[dict[str, Any]]:
        with psycopg.connect(conninfo(self.settings.postgres, PostgresRole.MIGRATE)) as connection:
            rows = connection.execute(
                "SELECT event_type, actor_id, resource_type, metadata FROM audit_log"
                " WHERE tenant_id = %s AND resource_id = %s ORDER BY seq",
                (tenant, trace_id),
            ).fetchall()
        names = ("event_type", "actor_id", "resource_type", "metadata")
        return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def desk(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    renders = tmp_path_factory.mktemp("renders")
    roots = tree.Artifacts(roots=f"s3://renders/{{tenant_id}},{renders.as_uri()}/{{tenant_id}}")
    own = settings.objects.model_copy(
        update={"access_key_id": "ovpo", "secret_access_key": settings.objects.signing_key}
    )
    given = settings.model_copy(update={"artifacts": roots, "objects": own})
    pool, clickhouse = open_pool(given.postgres, PostgresRole.QUERY), ClientPool(given.clickhouse)
    objects = open_objects(given.objects, given.query, given.home)
    app = create_app(
        title="Artifacts",
        version="1",
        service="artifacts",
        probes={},
        probe_deadline_seconds=1,
        registry=CollectorRegistry(),
        routers=[
            artifacts_api.router(pool, clickhouse, Places(given, objects), principal(PostgresKeys(pool))),
            objects_api.router(objects),
        ],
    )
    with TestClient(app, raise_server_exceptions=False) as http:
        yield Desk(given, objects, http, renders, pool)
    clickhouse.close()
    pool.close()


@pytest.fixture(scope="session")
def tell(settings: Settings) -> Iterator[Tell]:
    """Give what writes items as the processor does, at a moment of its own if it is given one."""
    pool: ConnectionPool = open_pool(settings.postgres, PostgresRole.PROCESS)
    stores = Stores(pool, Frames(KeptClient(settings.clickhouse)), ProcessorMetrics.on(CollectorRegistry()))

    def write(*items: Item, tenant: str = "demo", at: datetime | None = None) -> None:
        for start in range(0, len(items), 5000):
            taken = read_batch(batch(*items[start : start + 5000]), Reader(tenant, embedded=True))
            assert taken.errors == ()
            for message in pack(taken.accepted, tenant, at or datetime.now(UTC)):
                stores.write(read(message.payload))

    yield write
    stores.close()
    pool.close()


@pytest.fixture(scope="session")
def other_tenant(settings: Settings) -> str:
    name = f"other-{uuid4().hex[:12]}"
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute("INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", (name, name))
    return name


def manifest(primary: str, *between: str, checksum: str = SUM, size: int | None = None) -> dict[str, Any]:
    """Give an output manifest with a primary output and intermediate artifacts."""
    output: dict[str, Any] = {"url": primary, "format": "mp4", "checksum": checksum}
    if size is not None:
        output["file_size_bytes"] = size
    return {
        "primary_output": output,
        "intermediate_artifacts": [{"type": "latent", "url": url, "checksum": checksum} for url in between],
    }
