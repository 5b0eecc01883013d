# SPDX-License-Identifier: Apache-2.0
"""Our own services and workers: each is `ovpo serve NAME` or `ovpo run NAME`, ready when its `/readyz` says so."""

import sys
from urllib.request import urlopen

from ovpo.foundation.settings.tree import Collector, Processor, Query, Sop
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.kinds import Listener, Process

PATIENCE_SECONDS = 5


def query(settings: Query, home: Home, needs: frozenset[str]) -> Process:
    """Describe the query API."""
    return _service("query", "Query API", Listener(settings.host, settings.port, "OVPO_QUERY__PORT"), home, needs)


def collector(settings: Collector, home: Home, needs: frozenset[str]) -> Process:
    """Describe the collector."""
    listener = Listener(settings.host, settings.port, "OVPO_COLLECTOR__PORT")
    return _service("collector", "Collector", listener, home, needs)


def sop(settings: Sop, home: Home, needs: frozenset[str]) -> Process:
    """Describe the SOP API."""
    return _service("sop", "SOP API", Listener(settings.host, settings.port, "OVPO_SOP__PORT"), home, needs)


def processor(settings: Processor, home: Home, needs: frozenset[str]) -> Process:
    """Describe the processor."""
    listener = Listener(settings.host, settings.port, "OVPO_PROCESSOR__PORT")
    return _service("processor", "Processor", listener, home, needs, verb="run")


def _service(
    name: str, title: str, listener: Listener, home: Home, needs: frozenset[str], verb: str = "serve"
) -> Process:
    url = f"http://{listener.host}:{listener.port}"
    return Process(
        name=name,
        title=title,
        command=(sys.executable, "-m", "ovpo.cli.main", verb, name),
        listener=listener,
        ready=lambda: answers(f"{url}/readyz"),
        address=f"{url}/",
        environment={"OVPO_HOME": str(home.root)},
        needs=needs,
    )


def answers(url: str) -> None:
    """Insist that an address answers with success."""
    with urlopen(url, timeout=PATIENCE_SECONDS) as response:  # noqa: S310
        response.read()
