# SPDX-License-Identifier: Apache-2.0
"""A stack of the benchmark's own: stores with ports of their own, a key, and the query service as a process."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import socket
from time import monotonic, sleep
from typing import Final

import httpx
import psycopg

from ovpo.foundation import keys
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LOOPBACK, PostgresRole, Settings
from ovpo.foundation.stack import control
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.state import Phase

STORES: Final = ("postgres-tables", "clickhouse-tables", "valkey", "nats")
PORTS: Final = ("POSTGRES", "CLICKHOUSE", "BROKER", "CACHE", "QUERY")
READY_WITHIN: Final = 60.0
TIERS: Final = "".join(
    f"[{tier}]\nrequests = 1_000_000_000\nper_seconds = 1\nburst = 1_000_000_000\n"
    for tier in ("free", "pro", "enterprise")
)
ADD_KEY: Final = """
INSERT INTO api_keys (prefix, tenant_id, digest, role, label) VALUES (%s, %s, %s, 'admin', 'benchmark')
"""


@contextmanager
def stores(home: Path) -> Iterator[Settings]:
    """Run the stores over a data directory, new or kept, with no other setting of this machine."""
    for name in [name for name in os.environ if name.startswith("OVPO_")]:
        del os.environ[name]
    os.environ["OVPO_HOME"] = str(home)
    os.environ |= {f"OVPO_{name}__PORT": str(port) for name, port in zip(PORTS, _free_ports(), strict=True)}
    try:
        for state in control.follow(control.start(load(), STORES, fresh=False, attached=True)):
            if state.phase is Phase.READY:
                break
    except StackError as error:
        raise SystemExit(f"{home}: {error}") from None
    settings = load()
    try:
        yield settings
    finally:
        list(control.stop(settings))


@contextmanager
def query_service(settings: Settings) -> Iterator[int]:
    """Run the query service, with rates that nobody reaches; give its process id."""
    home = Home(settings.home)
    tiers = home.run / "bench-tiers.toml"
    tiers.write_text(TIERS)
    command = [sys.executable, "-m", "ovpo.cli.main", "serve", "query"]
    with home.log("query").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OVPO_QUERY__TIERS": str(tiers)})
    try:
        _wait(process, settings.query.port, home.log("query"))
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def new_key(settings: Settings, tenant_id: str) -> str:
    """Enter an API key of the tenant."""
    minted = keys.mint(secrets.token_bytes)
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute(ADD_KEY, (minted.prefix, tenant_id, minted.digest))
    return minted.text


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = monotonic() + READY_WITHIN
    while process.poll() is None and monotonic() < deadline:
        try:
            if httpx.get(f"http://{LOOPBACK}:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        sleep(0.1)
    raise SystemExit(f"the query service did not become ready; {log} says why")


def _free_ports() -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket()) for _ in PORTS]
        for probe in sockets:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in sockets]
