# SPDX-License-Identifier: Apache-2.0
"""The real server process, one for the session and new ones for tests that stop or kill theirs."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import psutil
import pytest
from clickhouse_connect.driver.client import Client

USER = "ovpo"
PASSWORD = "a sécret"
SOURCE = Path(__file__).parents[3] / "src"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@dataclass
class Server:
    folder: Path
    extra: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def command(self, port: int) -> list[str]:
        password = self.folder.with_suffix(".password")
        password.write_text(PASSWORD + "\n")
        told = ["--path", str(self.folder), "--port", str(port), "--user", USER, "--password-file", str(password)]
        return [sys.executable, "-m", "ovpo.foundation.clickhouse.server", *told, *self.extra]

    def start(self) -> "Server":
        with self.log.open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
            self.process = subprocess.Popen(self.command(self.port), stdout=log, stderr=log, env=environment)
        wait_until(self.ready, 30, self.log.read_text)
        return self

    def ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(self.url + "readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def rss(self) -> int:
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def client(self, **options: Any) -> Client:
        told: dict[str, Any] = {"username": USER, "password": PASSWORD, **options}
        return clickhouse_connect.get_client(host="127.0.0.1", port=self.port, **told)

    def post(
        self, body: bytes | Iterator[bytes] = b"", headers: dict[str, str] | None = None, **params: str
    ) -> httpx.Response:
        auth = httpx.BasicAuth(USER.encode(), PASSWORD.encode())
        return httpx.post(self.url, params=params, content=body, headers=headers, auth=auth, timeout=30)


def wait_until(done: Callable[[], bool], seconds: float, tell: Callable[[], object] = str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s: {tell()}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("clickhouse") / "it's data").start()
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(*extra: str, name: str = "data") -> Server:
        made.append(Server(tmp_path / name, extra))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait(10)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as one:
        yield one


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_until
