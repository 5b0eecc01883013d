# SPDX-License-Identifier: Apache-2.0
"""What every test may ask for: free ports, an environment without settings, and the real embedded stores."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo.foundation.stack import control
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.state import Phase
from ovpo.governance.access.console import seed

PORTS = (
    "OVPO_POSTGRES__PORT",
    "OVPO_CLICKHOUSE__PORT",
    "OVPO_BROKER__PORT",
    "OVPO_CACHE__PORT",
    "OVPO_QUERY__PORT",
    "OVPO_COLLECTOR__PORT",
    "OVPO_PROCESSOR__PORT",
    "OVPO_SOP__PORT",
    "OVPO_DAGSTER__PORT",
    "OVPO_DAGSTER__CPU_PORT",
    "OVPO_DAGSTER__GPU_PORT",
)
STORES = ("postgres-tables", "clickhouse-tables", "valkey", "nats")
TRIES = 3


def free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in sockets]


def stack_environment(home: Path) -> dict[str, str]:
    """Give the settings of a stack of its own: its own data directory and ports."""
    ports = {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    return {"OVPO_HOME": str(home), **ports}


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables for a while, with every other setting of ours out of the way."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("OVPO_")]:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Stand in an empty folder with none of our settings set."""
    for name in [name for name in os.environ if name.startswith("OVPO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """Start the real PostgreSQL, ClickHouse engine, NATS and Valkey with their tables and the tenant `demo`."""
    with scratch() as folder:
        yield from _stores(folder)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that PostgreSQL's own user may enter; pytest closes its folders to others at each of its starts."""
    with TemporaryDirectory(prefix="ovpo-test-") as folder:
        yield Path(folder)


def _stores(folder: Path) -> Iterator[Settings]:
    for attempt in range(TRIES):
        home = folder / f"home-{attempt}"
        with environment(stack_environment(home)):
            try:
                _start()
            except StackError:
                if attempt == TRIES - 1:
                    raise
                continue
            given = load()
        break
    try:
        yield given
    finally:
        list(control.stop(given))


def _start() -> None:
    started = control.start(load(), STORES, fresh=False, attached=False)
    for state in control.follow(started):
        if state.phase is Phase.READY:
            seed(load())
            return
    raise StackError("the stores stopped before they were ready")
