# SPDX-License-Identifier: Apache-2.0
"""How fast the foundation is on this machine: ledger, queue, ClickHouse and cache of an embedded stack of its own.

Each number is the median of several rounds, the parts taken in turn so that a busy moment hits all of them alike.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.progress import track
from rich.table import Table

from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.message import Message, Queue
from ovpo.foundation.cache import Cache
from ovpo.foundation.clickhouse import connect as clickhouse
from ovpo.foundation.ledger.items import Arrival, State, hour_of
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.postgres.connect import open_pool, transaction
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.foundation.stack import control
from ovpo.foundation.stack.state import Phase
from ovpo.governance.access.console import seed

ROUNDS = 5
ITEMS = 10_000
MESSAGES = 5_000
ROWS = 100_000
CALLS = 2_000
LIFE = timedelta(minutes=1)
ROW = """
CREATE TABLE IF NOT EXISTS bench (id UUID, at DateTime64(3), name LowCardinality(String), x Float64)
ENGINE = MergeTree ORDER BY at
"""


def main() -> None:
    """Start the stores, measure, print one table, stop them."""
    with tempfile.TemporaryDirectory(prefix="ovpo-bench-") as folder:
        os.environ["OVPO_HOME"] = str(Path(folder) / "home")
        settings = _start()
        try:
            _print(_measure(settings))
        finally:
            list(control.stop(settings))


def _start() -> Settings:
    parts = ("postgres-tables", "clickhouse-tables", "valkey", "nats")
    for state in control.follow(control.start(load(), parts, fresh=False, attached=True)):
        if state.phase is Phase.READY:
            settings = load()
            seed(settings)
            return settings
    raise SystemExit("the stores did not start")


def _measure(settings: Settings) -> dict[str, list[float]]:
    with open_pool(settings.postgres, PostgresRole.PROCESS) as pool, clickhouse.session(settings.clickhouse) as client:
        client.command(ROW)

        def ledger() -> int:
            now = datetime.now(UTC)
            lane, hour = f"bench_{uuid4().hex}", hour_of(now)
            arrivals = [(uuid4(), Arrival("demo", "bench", str(number))) for number in range(ITEMS)]
            with transaction(pool) as connection:
                Session(connection).register(lane, arrivals, now)
            with transaction(pool) as connection:
                claimed = Session(connection).claim(lane, hour, hour, "bench", now)
            with transaction(pool) as connection:
                ids = [item.item_id for item in claimed]
                return Session(connection).settle(ids, "bench", State.FINISHED, now)

        def insert() -> int:
            at = datetime.now(UTC)
            rows = [(uuid4(), at, "name", float(number)) for number in range(ROWS)]
            client.insert("bench", rows, column_names=["id", "at", "name", "x"])
            return ROWS

        works: dict[str, Callable[[], int]] = {
            "ledger: items registered, claimed and settled": ledger,
            "ClickHouse: rows inserted in one call": insert,
            "NATS: 2 kB messages published and confirmed": lambda: asyncio.run(_publish(settings)),
            "cache: answers to set and get, one by one": lambda: asyncio.run(_call_cache(settings)),
        }
        rates: dict[str, list[float]] = {name: [] for name in works}
        for _ in track(range(ROUNDS), "Measuring"):
            for name, work in works.items():
                begun = time.perf_counter()
                done = work()
                rates[name].append(done / (time.perf_counter() - begun))
        return rates


async def _publish(settings: Settings) -> int:
    broker = await open_broker(settings.broker)
    try:
        queue = Queue("bench")
        await broker.ensure(queue)
        payload = os.urandom(2048)
        batch = [Message(str(uuid4()), "demo", "trace", payload) for _ in range(MESSAGES)]
        await broker.publisher(queue).publish_many(batch, within=60)
        return MESSAGES
    finally:
        await broker.close()


async def _call_cache(settings: Settings) -> int:
    cache = Cache(settings.cache, namespace="bench")
    try:
        for number in range(CALLS // 2):
            await cache.set(str(number), b"value", LIFE)
            await cache.get(str(number))
        return CALLS
    finally:
        await cache.close()


def _print(rates: dict[str, list[float]]) -> None:
    table = Table(box=None, header_style="bold")
    for heading in ("what", "median /s", "least /s", "most /s"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name, measured in rates.items():
        table.add_row(name, *(f"{value:,.0f}" for value in (statistics.median(measured), min(measured), max(measured))))
    Console().print(table)


if __name__ == "__main__":
    main()
