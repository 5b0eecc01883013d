# SPDX-License-Identifier: Apache-2.0
"""The tiny service of `service.py` as a real process on a free port of the loopback interface."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

SERVICE = Path(__file__).with_name("service.py")
DEADLINE_SECONDS = 30
Found = TypeVar("Found")


@dataclass
class Process:
    """A running service: its address, its log, its end."""

    port: int
    running: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def wait_for_line(self, **fields: object) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            return next((line for line in self.lines() if fields.items() <= line.items()), None)

        return until(find, f"a log line with {fields}")

    def terminate(self) -> None:
        self.running.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        return self.running.wait(DEADLINE_SECONDS)


def until(find: Callable[[], Found | None], what: str) -> Found:
    """Poll until something is there."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        if (found := find()) is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {DEADLINE_SECONDS} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give a starter of services; each is stopped when the test ends."""
    started: list[Process] = []

    def begin(*arguments: str, port: int | None = None, stop_within: float = 20) -> Process:
        log = tmp_path / f"service-{len(started)}.log"
        chosen = port or free_port()
        with log.open("wb") as out:
            running = subprocess.Popen(
                [sys.executable, str(SERVICE), str(chosen), str(stop_within), *arguments], stdout=out, stderr=out
            )
        started.append(Process(chosen, running, log))
        return started[-1]

    yield begin
    for process in started:
        process.running.kill()
        process.running.wait()


@pytest.fixture
def service(start: Start) -> Process:
    """Give a service that answers."""
    process = start()
    wait_until_alive(process)
    return process


def wait_until_alive(process: Process) -> None:
    def alive() -> bool | None:
        try:
            return httpx.get(f"{process.url}/healthz").status_code == 200 or None
        except httpx.TransportError:
            assert process.running.poll() is None, process.log.read_text()
            return None

    until(alive, "an answer of /healthz")
