# SPDX-License-Identifier: Apache-2.0
"""A whole stack of the benchmark's own, with ports and a data directory of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import socket
from typing import Final

from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LOOPBACK, Settings

PORTS: Final = (
    "POSTGRES__PORT",
    "CLICKHOUSE__PORT",
    "BROKER__PORT",
    "CACHE__PORT",
    "QUERY__PORT",
    "COLLECTOR__PORT",
    "PROCESSOR__PORT",
    "SOP__PORT",
    "DAGSTER__PORT",
    "DAGSTER__CPU_PORT",
    "DAGSTER__GPU_PORT",
)


@contextmanager
def whole_stack(home: Path) -> Iterator[Settings]:
    """Run everything that `ovpo up` runs, with no other setting of this machine."""
    for name in [name for name in os.environ if name.startswith("OVPO_")]:
        del os.environ[name]
    os.environ["OVPO_HOME"] = str(home)
    os.environ |= {f"OVPO_{name}": str(port) for name, port in zip(PORTS, _free_ports(), strict=True)}
    _ovpo("up", "--detach")
    try:
        yield load()
    finally:
        _ovpo("down")


def _ovpo(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "ovpo.cli.main", *words], check=False)
    if done.returncode:
        raise SystemExit(f"`ovpo {' '.join(words)}` ended with {done.returncode}; see the logs below OVPO_HOME")


def _free_ports() -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket()) for _ in PORTS]
        for probe in sockets:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in sockets]
