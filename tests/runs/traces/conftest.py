# SPDX-License-Identifier: Apache-2.0
"""The processor's own writing and settling in this process, on the real stores, and jobs over what it wrote."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import psycopg
import pytest

from io_managers.tables import ParquetTables
from ovpo.foundation.clickhouse.connect import KeptClient, session
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import admin_conninfo, open_pool
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.processor.frames import Frames
from ovpo.telemetry.processor.hardware import load_hardware
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import read, together
from ovpo.telemetry.processor.settling import Settling
from ovpo.telemetry.processor.writing import Stores
from ovpo.telemetry.queue import pack
from ovpo_assets.partitions import days, hours, key_of, range_tags
from tests.integration.collector.batches import Item, batch
from tests.runs.conftest import Perform

TABLES = "traces, trace_records, spans, trace_summaries, refused_items, unsettled_traces"
EVENT_TABLES = ("frame_events", "trace_facts", "frame_hours")


@dataclass
class Processor:
    """A processor that does what it is told, when it is told."""

    settings: Settings
    stores: Stores
    settling: Settling

    def take(self, *items: Item, at: datetime, tenant: str = "demo", settle: bool = True) -> None:
        """Write items that the collector received at a moment, and settle their traces."""
        accepted = read_batch(batch(*items), Reader(tenant))
        assert accepted.errors == ()
        messages = pack(accepted.accepted, tenant, at)
        self.stores.write(together(read(message.payload) for message in messages))
        if settle:
            self.settle()

    def settle(self) -> None:
        """Settle all that is marked, without waiting until it is due."""
        self.sql("UPDATE unsettled_traces SET due_at = now() - interval '1 second'")
        while self.settling.settle().claimed:
            pass

    def sql(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        """Ask PostgreSQL, or change what it holds."""
        with psycopg.connect(admin_conninfo(self.settings.postgres, self.settings.postgres.database)) as connection:
            answer = connection.execute(statement.encode(), given)
            return answer.fetchall() if answer.description else []

    def clickhouse(self, statement: str, given: dict[str, Any] | None = None) -> None:
        """Change what ClickHouse holds."""
        with session(self.settings.clickhouse) as client:
            client.command(statement, given)


@pytest.fixture
def processor(settings: Settings) -> Iterator[Processor]:
    """Stores without telemetry, and a processor over them."""
    pool = open_pool(settings.postgres, PostgresRole.PROCESS)
    metrics = ProcessorMetrics.on(new_registry("processor", "0"))
    hardware = load_hardware(settings.processor.hardware)
    with (
        closing(pool),
        closing(Stores(pool, Frames(KeptClient(settings.clickhouse)), metrics)) as stores,
        closing(Settling(pool, KeptClient(settings.clickhouse), hardware, metrics)) as settling,
    ):
        made = Processor(settings, stores, settling)
        made.sql(f"TRUNCATE {TABLES}")
        for table in EVENT_TABLES:
            made.clickhouse(f"TRUNCATE TABLE {table}")
        yield made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance in memory: a run on PostgreSQL takes three times as long, and these runs are about their tables."""
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@dataclass
class Rollups:
    """The jobs over telemetry, and the tables that they make."""

    perform: Perform
    settings: Settings

    def of_hours(self, first: datetime, last: datetime | None = None, **options: Any) -> dg.ExecuteInProcessResult:
        """Make the hours from one moment to another in one run."""
        return self.perform("roll_up_hours", tags=range_tags(hours, first, last or first), **options)

    def of_days(self, first: datetime, last: datetime | None = None, **options: Any) -> dg.ExecuteInProcessResult:
        """Make the days from one moment to another in one run."""
        return self.perform("roll_up_days", tags=range_tags(days, first, last or first), **options)

    def table(self, name: str, moment: datetime) -> pl.DataFrame:
        """Read the window of a table that a moment falls into."""
        windows = days if name.startswith("daily") else hours
        key = dg.AssetKey(["traces", name])
        return ParquetTables(settings=self.settings).scan(key, [key_of(windows, moment)]).collect()

    def change(self, name: str, moment: datetime, edit: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Change a window of a table behind everybody's back."""
        key = key_of(days if name.startswith("daily") else hours, moment)
        file = self.settings.home / "objects" / "tables" / "traces" / name / f"{key}.parquet"
        edit(pl.read_parquet(file)).write_parquet(file)


@pytest.fixture
def rollups(perform: Perform, settings: Settings) -> Rollups:
    return Rollups(perform, settings)


@pytest.fixture
def noon() -> datetime:
    """A moment of yesterday: its hour is over and its day too."""
    return (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=10, second=0, microsecond=0)


@pytest.fixture
def now() -> datetime:
    """A moment that is over and whose hour and day may not be."""
    return datetime.now(UTC) - timedelta(seconds=30)


def failed(result: dg.ExecuteInProcessResult) -> set[str]:
    """Name the checks of a run that did not pass."""
    found = result.get_asset_check_evaluations()
    assert found
    return {f"{one.asset_key.path[-1]}:{one.check_name}" for one in found if not one.passed}


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """Give what an asset said of itself, by the first window of the run."""
    event = result.asset_materializations_for_node(f"traces__{asset}")[0]
    return {name: value.value for name, value in event.metadata.items()}
