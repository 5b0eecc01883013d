# SPDX-License-Identifier: Apache-2.0
"""The routes of tenants and keys as one app over the real PostgreSQL, and what its tests ask of both."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import psycopg
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from psycopg.rows import dict_row

from ovpo.foundation.auth import Role
from ovpo.foundation.http.access import principal
from ovpo.foundation.http.app import create_app
from ovpo.foundation.postgres.connect import conninfo, open_pool
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.foundation.tenancy import api as whoami
from ovpo.foundation.tenancy.key_store import PostgresKeys
from ovpo.foundation.tenancy.last_use import LastUse
from ovpo.governance.access import keys_api, tenants_api
from ovpo.governance.access.console import issue

DEADLINE_SECONDS = 20
Headers = dict[str, str]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Access:
    """The service, and the database behind it."""

    client: TestClient
    settings: Settings

    def ask(self, method: str, path: str, key: Headers, body: object = None, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, headers=key | named, json=body)

    def key(self, role: Role, tenant: str, expires_at: datetime | None = None) -> Headers:
        issued = issue(self.settings, tenant, role, "test", expires_at)
        assert issued is not None
        return {"Authorization": f"Bearer {issued.text}"}

    def rows(self, statement: str, *given: object) -> list[dict[str, Any]]:
        address = conninfo(self.settings.postgres, PostgresRole.MIGRATE)
        with psycopg.connect(address, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), given).fetchall()

    def new_tenant(self) -> str:
        name = f"t-{uuid4().hex}"
        self.rows("INSERT INTO tenants (tenant_id, name) VALUES (%s, %s) RETURNING tenant_id", name, name)
        return name

    def all_at_once(
        self, hold: str, held: str, calls: Sequence[Callable[[], httpx2.Response]]
    ) -> list[httpx2.Response]:
        """Make calls that meet at a row: it is held until every one of them waits."""
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted HAVING count(*) >= %s"
        with (
            ThreadPoolExecutor(len(calls)) as threads,
            psycopg.connect(conninfo(self.settings.postgres, PostgresRole.MIGRATE)) as holder,
        ):
            holder.execute(hold.encode(), (held,))
            asked = [threads.submit(call) for call in calls]
            until(lambda: self.rows(waiting, len(calls)) or None, f"the wait of {len(calls)} calls")
            holder.rollback()
            return [one.result() for one in asked]

    def recorded(self, tenant: str) -> list[dict[str, Any]]:
        """Give what the audit chain of a tenant says of changes through the service, in order."""
        statement = "SELECT * FROM audit_log WHERE tenant_id = %s AND actor_id LIKE 'key:%%' ORDER BY seq"
        return self.rows(statement, tenant)


@contextmanager
def serving(settings: Settings) -> Iterator[Access]:
    """Serve the routes in this process."""
    with (
        open_pool(settings.postgres, PostgresRole.QUERY) as pool,
        open_pool(settings.postgres, PostgresRole.GOVERN) as governing,
    ):
        identify = principal(PostgresKeys(pool), used=LastUse(pool).note)
        app = create_app(
            title="Access",
            version="1",
            service="access",
            probes={},
            probe_deadline_seconds=1,
            registry=CollectorRegistry(),
            routers=[
                whoami.router(identify),
                tenants_api.router(governing, identify),
                keys_api.router(governing, identify),
            ],
        )
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Access(client, settings)


def prefix_of(key: Headers) -> str:
    return key["Authorization"].split("_")[2]


def error(answer: httpx2.Response) -> dict[str, Any]:
    """Give the error that an answer holds, without the id of its request."""
    said: dict[str, Any] = answer.json()["error"]
    assert said.pop("request_id") == answer.headers["x-request-id"]
    return {"status": answer.status_code, **said}


def until(find: Callable[[], Found | None], what: str) -> Found:
    """Poll until something is there."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        if (found := find()) is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {DEADLINE_SECONDS} s")
