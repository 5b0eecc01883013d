# SPDX-License-Identifier: Apache-2.0
"""The query service as a process of its own over the stores of the tests, with no rate that a test could meet."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx

from ovpo.foundation.settings.load import inherited_environment
from ovpo.foundation.settings.tree import Settings
from tests.conftest import free_ports
from tests.integration.collector.conftest import Program, until


class QueryService(Program):
    """The service: its address, and what it logged."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        super().start()
        until(self._answers, "an answer of the query service")

    def lines(self) -> list[dict[str, Any]]:
        """Give what it logged, which is JSON line by line; text that is none stands under `text`."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"text": line})
        return found

    def _answers(self) -> bool | None:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200 or None
        except httpx.TransportError:
            assert self.running is not None
            assert self.running.poll() is None, self.log.read_text()
            return None


def query_service(settings: Settings, folder: Path) -> QueryService:
    """Make a service that is not started yet; `settings` are those under which no tenant meets a rate."""
    [port] = free_ports(1)
    given = {
        "OVPO_HOME": settings.home,
        "OVPO_POSTGRES__PORT": settings.postgres.port,
        "OVPO_CLICKHOUSE__PORT": settings.clickhouse.port,
        "OVPO_BROKER__PORT": settings.broker.port,
        "OVPO_CACHE__PORT": settings.cache.port,
        "OVPO_QUERY__PORT": port,
        "OVPO_QUERY__TIERS": settings.query.tiers,
    }
    others = {name: value for name, value in inherited_environment().items() if not name.startswith("OVPO_")}
    return QueryService(
        [sys.executable, "-m", "ovpo.cli.main", "serve", "query"],
        port,
        folder / "query.log",
        others | {name: str(value) for name, value in given.items()},
    )
