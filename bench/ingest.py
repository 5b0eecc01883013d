# SPDX-License-Identifier: Apache-2.0
"""How much telemetry one collector and one processor over the embedded stores take in and make queryable here.

First 100-item requests at half the goal, for a minute; then as much as goes, in requests of 1 000 items.
The sender runs on the same cores, so its share is taken from theirs.
"""

import argparse
import http.client
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

import clickhouse_connect
import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from bench.load import ITEMS_OF_A_TRACE, bodies
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.foundation.stack import control
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.state import Phase, read
from ovpo.governance.access.console import seed

GOAL_PER_SECOND = 15_000
PARTS = ("collector", "processor")
STORED = "SELECT (SELECT count(*) FROM spans) + (SELECT count(*) FROM trace_records)"
UNSETTLED = "SELECT count(*) FROM unsettled_traces"
FRAMES = "SELECT count() FROM frame_events FINAL"
LAG = "ovpo_processor_lag_seconds_bucket"


@dataclass
class Sent:
    """What a sender saw."""

    seconds: list[float] = field(default_factory=list)
    items: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Load:
    """What a phase of load came to."""

    sent: Sent
    acknowledged_in: float
    queryable_in: float
    settled_in: float
    lag_p95: float
    rss: dict[str, int]


def main() -> None:
    """Start a stack of its own, load it, print what it did, stop it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=60, help="length of each phase")
    arguments.add_argument(
        "--offered", type=int, default=30_000, help="items prepared for each second of the second phase"
    )
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ovpo-bench-") as folder:
        os.environ["OVPO_HOME"] = str(Path(folder) / "home")
        settings, key = _start()
        try:
            _measure(settings, key, asked.seconds, asked.offered)
        finally:
            list(control.stop(settings))


def _start() -> tuple[Settings, str]:
    for state in control.follow(control.start(load(), PARTS, fresh=False, attached=True)):
        if state.phase is Phase.READY:
            break
    issued = seed(load())
    if issued is None:
        raise SystemExit("the stack of the benchmark is not new")
    return load(), issued.text


def _measure(settings: Settings, key: str, seconds: int, offered: int) -> None:
    console = Console()
    console.print("Preparing the load …")
    tenant = settings.seed.tenant
    large = list(bodies(seconds * offered // 1000, 1000 // ITEMS_OF_A_TRACE, tenant))
    small = list(bodies(seconds * GOAL_PER_SECOND // 2 // 100, 1, tenant))
    console.print(
        f"{len(large)} requests of 1 000 items, {len(small)} of 100; {len(large[0]) / 1000:.0f} bytes an item"
    )
    half = _phase(settings, key, small, 100, senders=4, seconds=seconds, per_second=GOAL_PER_SECOND / 2 / 100)
    full = _phase(settings, key, large, 1000, senders=4, seconds=seconds, per_second=None)
    _print(console, full, half)


def _phase(
    settings: Settings,
    key: str,
    prepared: list[bytes],
    items: int,
    *,
    senders: int,
    seconds: int,
    per_second: float | None,
) -> Load:
    before, lag_before = _stored(settings), _lag(settings)
    begun = time.perf_counter()
    waiting: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
    for number, body in enumerate(prepared):
        waiting.put((begun + number / per_second if per_second else 0.0, body))
    sent = [Sent() for _ in range(senders)]
    threads = [
        threading.Thread(target=_send, args=(settings.collector.port, key, waiting, items, one, begun + seconds))
        for one in sent
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acknowledged_in = time.perf_counter() - begun
    whole = Sent(
        [second for one in sent for second in one.seconds],
        sum(one.items for one in sent),
        sum(one.refused for one in sent),
    )
    rss = _rss(settings)
    while _stored(settings) - before < whole.items:
        time.sleep(0.1)
    queryable_in = time.perf_counter() - begun
    while _unsettled(settings):
        time.sleep(0.1)
    settled_in = time.perf_counter() - begun
    return Load(whole, acknowledged_in, queryable_in, settled_in, _p95(lag_before, _lag(settings)), rss)


def _send(
    port: int, key: str, waiting: "SimpleQueue[tuple[float, bytes]]", items: int, sent: Sent, until: float
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    while True:
        try:
            due, body = waiting.get_nowait()
        except Empty:
            return
        begun = time.perf_counter()
        if begun >= until:
            return
        if due > begun:
            time.sleep(due - begun)
            begun = time.perf_counter()
        connection.request("POST", "/v1/ingest/batch", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            sent.seconds.append(time.perf_counter() - begun)
            sent.items += items
        else:
            sent.refused += 1


def _stored(settings: Settings) -> int:
    own = settings.clickhouse
    client = clickhouse_connect.get_client(
        host="127.0.0.1",
        port=own.port,
        username=own.user,
        password=own.password.get_secret_value(),
        database=own.database,
    )
    [[frames]] = client.query(FRAMES).result_rows
    client.close()
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.PROCESS)) as connection:
        [rows] = connection.execute(STORED).fetchone() or (0,)
    return int(frames) + int(rows)


def _unsettled(settings: Settings) -> int:
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.PROCESS)) as connection:
        [traces] = connection.execute(UNSETTLED).fetchone() or (0,)
    return int(traces)


def _lag(settings: Settings) -> dict[float, float]:
    connection = http.client.HTTPConnection("127.0.0.1", settings.processor.port)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    return {
        float(line.split('le="')[1].split('"')[0]): float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith(LAG)
    }


def _p95(before: dict[float, float], after: dict[float, float]) -> float:
    """Give the bound of the bucket that 95 % of the messages stay below."""
    counts = {bound: after[bound] - before.get(bound, 0.0) for bound in after}
    whole = max(counts.values())
    return next(bound for bound, count in sorted(counts.items()) if count >= 0.95 * whole)


def _rss(settings: Settings) -> dict[str, int]:
    state = read(Home(settings.home).state)
    assert state is not None
    return {part.name: _family(part.identity.pid) for part in state.parts if part.identity is not None}


def _family(pid: int) -> int:
    process = psutil.Process(pid)
    return sum(int(one.memory_info().rss) for one in (process, *process.children(recursive=True)))


def _print(console: Console, full: Load, half: Load) -> None:
    table = Table(title="Telemetry in, embedded stack", box=None, header_style="bold")
    for heading in ("", "as much as goes", "half the goal", "goal"):
        table.add_column(heading, justify="right" if heading else "left")
    rows: list[tuple[str, Callable[[Load], str], str]] = [
        ("items a request", lambda one: f"{one.sent.items // max(len(one.sent.seconds), 1)}", ""),
        ("items acknowledged", lambda one: f"{one.sent.items:,}", ""),
        ("requests refused", lambda one: f"{one.sent.refused}", "0"),
        ("acknowledged, items/s", lambda one: f"{one.sent.items / one.acknowledged_in:,.0f}", f"{GOAL_PER_SECOND:,}"),
        ("queryable, items/s", lambda one: f"{one.sent.items / one.queryable_in:,.0f}", f"{GOAL_PER_SECOND:,}"),
        ("queryable and settled, items/s", lambda one: f"{one.sent.items / one.settled_in:,.0f}", ""),
        ("request p50, ms", lambda one: f"{statistics.median(one.sent.seconds) * 1000:.1f}", ""),
        (
            "request p99, ms",
            lambda one: f"{statistics.quantiles(one.sent.seconds, n=100)[98] * 1000:.1f}",
            "50 at half",
        ),
        ("lag p95, at most s", lambda one: f"{one.lag_p95:g}", "5"),
        *((f"memory of {name}, MB", lambda one, name=name: f"{one.rss[name] / 1e6:,.0f}", "") for name in full.rss),
    ]
    for name, show, goal in rows:
        table.add_row(name, show(full), show(half), goal)
    console.print(table)


if __name__ == "__main__":
    main()
