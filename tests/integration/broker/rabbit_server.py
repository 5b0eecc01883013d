# SPDX-License-Identifier: Apache-2.0
"""A RabbitMQ server of the test's own: Debian's real one, on loopback, with all it writes in one folder.

Debian's wrapper changes to another user and folder, so the script behind it is run, which does as well as anybody,
root included. The port mapper of Erlang would stay behind as a daemon: it is started here, to be ended here.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from ovpo.foundation.broker import rabbitmq
from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.interface import Broker
from ovpo.foundation.broker.message import Queue
from ovpo.foundation.settings import tree
from tests.conftest import free_ports
from tests.integration.broker.limit import Limit

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 60
PASSWORD = "s3cret"


class RabbitServer:
    """The server and the port mapper, as processes that nobody else sees; it takes five seconds to start."""

    kills = 1
    limits: Mapping[Limit, str] = {}

    def __init__(self, folder: Path) -> None:
        self.port, distribution, mapper = free_ports(3)
        self._folder = folder
        self._mapper_port = mapper
        self._processes: list[subprocess.Popen[bytes]] = []
        (folder / "plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\ndefault_user = ovpo\ndefault_pass = {PASSWORD}\n"
        )
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"ovpo{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }

    def prepare(self, queue: Queue) -> None:
        """Nothing needs to be there before a client asks for it."""

    def hasten(self, patch: pytest.MonkeyPatch, *, crashes: bool) -> None:
        """Leave out the pause after a queue was made, which is there for the case that the server crashes."""
        if not crashes:
            patch.setattr(rabbitmq, "SETTLE_SECONDS", 0.02)

    def settings(self, password: str = PASSWORD) -> tree.Broker:
        return tree.Broker(url=f"amqp://127.0.0.1:{self.port}", password=SecretStr(password))

    async def open(self) -> Broker:
        return await open_broker(self.settings())

    def start(self) -> None:
        assert SERVER.exists(), "no RabbitMQ on this machine; `make test` installs one (Debian's rabbitmq-server)"
        self._spawn("epmd", "-port", str(self._mapper_port), "-address", "127.0.0.1")
        self._spawn(str(SERVER))
        deadline = time.monotonic() + START_SECONDS
        while not self._serves():
            assert time.monotonic() < deadline, (self._folder / "output").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """End everything without a word, as a power cut would end the processes."""
        while self._processes:
            process = self._processes.pop()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def running(self) -> bool:
        return bool(self._processes)

    def _spawn(self, *command: str) -> None:
        with (self._folder / "output").open("ab") as output:
            self._processes.append(
                subprocess.Popen(
                    command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    def _serves(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
