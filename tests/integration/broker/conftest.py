# SPDX-License-Identifier: Apache-2.0
"""Real brokers for the contract: each adapter has a rig that starts, kills and restarts its server.

A further adapter joins the contract by one more rig in `RIGS`; the tests themselves know the interface only.
"""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from pydantic import SecretStr

from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.interface import Broker
from ovpo.foundation.broker.message import Queue
from ovpo.foundation.settings import tree
from tests.integration.broker.kafka_cluster import KafkaCluster
from tests.integration.broker.limit import Limit
from tests.integration.broker.rabbit_server import RabbitServer

STORY_SECONDS = 40
START_SECONDS = 15
_numbers = count(1)

Story = Callable[[Broker, Queue], Awaitable[None]]
Play = Callable[[Story], None]


class Rig(Protocol):
    """One broker's server under the control of a test."""

    @property
    def kills(self) -> int: ...
    @property
    def limits(self) -> Mapping[Limit, str]: ...
    @property
    def running(self) -> bool: ...
    def prepare(self, queue: Queue) -> None: ...
    def hasten(self, patch: pytest.MonkeyPatch, *, crashes: bool) -> None: ...
    async def open(self) -> Broker: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...


class NatsServer:
    """A nats-server process with its data in a folder of the test's."""

    kills = 3
    limits: Mapping[Limit, str] = {}

    def __init__(self, folder: Path, max_payload: int = 11 * 1024 * 1024) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._config = folder / "nats.conf"
        self._config.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f"max_payload: {max_payload}\n"
            f'jetstream {{ store_dir: "{folder / "jetstream"}" }}\n'
            'authorization { users: [ {user: "ovpo", password: "s3cret"} ] }\n'
        )

    def prepare(self, queue: Queue) -> None:
        """Nothing needs to be there before a client asks for it."""

    def hasten(self, patch: pytest.MonkeyPatch, *, crashes: bool) -> None:
        """Nothing waits."""

    def settings(self, password: str = "s3cret") -> tree.Broker:
        return tree.Broker(port=self.port, password=SecretStr(password))

    @property
    def running(self) -> bool:
        return self._process is not None

    async def open(self) -> Broker:
        return await open_broker(self.settings())

    def start(self) -> None:
        binary = Path(sys.executable).parent / "nats-server"
        with (self._folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen([binary, "-c", self._config], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not accepts(self.port):
            assert time.monotonic() < deadline, (self._folder / "nats.log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


RIGS: dict[str, Callable[[Path], Rig]] = {"nats": NatsServer, "rabbitmq": RabbitServer, "kafka": KafkaCluster}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session", params=sorted(RIGS))
def session_rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    rig = RIGS[request.param](tmp_path_factory.mktemp(request.param))
    rig.start()
    yield rig
    rig.kill()


@pytest.fixture
def rig(session_rig: Rig) -> Iterator[Rig]:
    """The adapter's server, running again whatever the test did to it."""
    yield session_rig
    if not session_rig.running:
        session_rig.start()


@pytest.fixture
def play(session_rig: Rig, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Tell one story on a queue of its own, with a connection that is closed after it."""
    session_rig.hasten(monkeypatch, crashes="rig" in request.fixturenames)

    def tell(story: Story) -> None:
        async def told() -> None:
            broker = await session_rig.open()
            queue = Queue(f"story-{next(_numbers)}")
            session_rig.prepare(queue)
            try:
                await broker.ensure(queue)
                async with asyncio.timeout(STORY_SECONDS):
                    await story(broker, queue)
            finally:
                await broker.close()

        asyncio.run(told())

    return tell


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of the test's own, not yet started."""
    server = NatsServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def small_nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server with the limits that NATS has by default, not yet started."""
    server = NatsServer(tmp_path, max_payload=1024 * 1024)
    yield server
    server.kill()
