# SPDX-License-Identifier: Apache-2.0
"""Real processors as processes, fed through the queue or over HTTP, and the stores that they write."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import clickhouse_connect
import httpx
import orjson
import psycopg
import pytest
from clickhouse_connect.driver.client import Client
from psycopg.rows import dict_row

from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings import tree
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.queue import QUEUE, pack
from tests.conftest import free_ports
from tests.integration.collector.batches import Item, batch
from tests.integration.collector.conftest import Program, until


class Processor(Program):
    """A processor: what it says of itself, and that it is ready."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        super().start()
        until(self._is_ready, "an answer of the processor's /readyz")

    def metric(self, sample: str) -> float:
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{sample} ")), 0.0)

    def _is_ready(self) -> bool | None:
        assert self.running is not None
        assert self.running.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200 or None
        except httpx.TransportError:
            return None


Start = Callable[..., Processor]


@pytest.fixture(scope="session")
def start(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Give a maker of processors over the stores of the session; settings of its own may be given to each."""
    folder = tmp_path_factory.mktemp("processors")
    made: list[Processor] = []

    def make(**changes: object) -> Processor:
        [port] = free_ports(1)
        given = {
            "OVPO_HOME": settings.home,
            "OVPO_POSTGRES__PORT": settings.postgres.port,
            "OVPO_CLICKHOUSE__PORT": settings.clickhouse.port,
            "OVPO_BROKER__PORT": settings.broker.port,
            "OVPO_CACHE__PORT": settings.cache.port,
            "OVPO_PROCESSOR__PORT": port,
            **changes,
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
        processor = Processor(
            [sys.executable, "-m", "ovpo.cli.main", "run", "processor"],
            port,
            folder / f"processor-{len(made)}.log",
            others | {name: str(value) for name, value in given.items()},
        )
        made.append(processor)
        return processor

    yield make
    for processor in made:
        processor.kill()


@pytest.fixture(scope="module")
def processor(start: Start) -> Iterator[Processor]:
    """A processor over the stores of the session."""
    one = start()
    one.start()
    yield one
    one.kill()


def queue_up(broker: tree.Broker, *items: Item, tenant: str = "demo", received_at: datetime | None = None) -> None:
    """Put items into the queue as a collector would."""
    read = read_batch(batch(*items), Reader(tenant))
    assert read.errors == ()
    messages = pack(read.accepted, tenant, received_at or datetime.now(UTC))

    async def publish() -> None:
        opened = await open_broker(broker)
        try:
            await opened.ensure(QUEUE)
            await opened.publisher(QUEUE).publish_many(messages)
        finally:
            await opened.close()

    asyncio.run(publish())


@dataclass
class Kept:
    """What the stores hold, as the processor's role sees it."""

    settings: Settings

    def rows(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        address = conninfo(self.settings.postgres, PostgresRole.PROCESS)
        with psycopg.connect(address, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def trace(self, trace_id: str, tenant: str = "demo") -> dict[str, Any] | None:
        found = self.rows("SELECT * FROM traces WHERE tenant_id = %s AND trace_id = %s", tenant, trace_id)
        return found[0] if found else None

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM spans WHERE trace_id = %s ORDER BY start_time", trace_id)

    def summary(self, trace_id: str) -> dict[str, Any] | None:
        statement = """
            SELECT s.* FROM trace_summaries AS s WHERE s.trace_id = %s AND NOT EXISTS (
                SELECT FROM unsettled_traces AS u WHERE u.tenant_id = s.tenant_id AND u.trace_id = s.trace_id)
        """
        found = self.rows(statement, trace_id)
        return found[0] if found else None

    def refused(self, trace_id: str) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM refused_items WHERE trace_id = %s ORDER BY received_at", trace_id)

    def frames(self, trace_id: str, columns: str = "*") -> list[dict[str, Any]]:
        statement = f"SELECT {columns} FROM frame_events FINAL WHERE trace_id = {{trace:UUID}} ORDER BY frame_index"
        return list(self.clickhouse().query(statement, {"trace": trace_id}).named_results())

    def clickhouse(self) -> Client:
        own = self.settings.clickhouse
        return clickhouse_connect.get_client(
            host="127.0.0.1",
            port=own.port,
            username=own.user,
            password=own.password.get_secret_value(),
            database=own.database,
            tz_mode="aware",
        )


@pytest.fixture
def kept(settings: Settings) -> Kept:
    return Kept(settings)


def settled(kept: Kept, trace_id: str, when: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
    """Wait for a trace's summary, and that it says something."""

    def look() -> dict[str, Any] | None:
        found = kept.summary(trace_id)
        return found if found is not None and when(found) else None

    return until(look, f"a summary of trace {trace_id}")


def ids(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
    return sorted(str(row[name]) for row in rows)


def as_json(value: object) -> Any:
    return orjson.loads(orjson.dumps(value, default=str))
