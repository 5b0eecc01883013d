# SPDX-License-Identifier: Apache-2.0
"""A real Dagster instance on the embedded PostgreSQL, resources on the embedded stores, and requests to serve."""

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
import psycopg
import pytest

from io_managers.blobs import AdapterBlobs
from io_managers.tables import ParquetTables
from ovpo.foundation.clickhouse.connect import session
from ovpo.foundation.inspection.requests import LANE
from ovpo.foundation.ledger.items import Arrival, Item
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts import dagster
from ovpo_assets.definitions import defs
from resources.alerts import Alerts
from resources.audit import Audit
from resources.inbox import Inbox
from resources.ledger import Ledger
from resources.sop import Sop
from resources.stores import Stores
from resources.telemetry import Telemetry
from sensors.requests import inspection_requests

Ask = Callable[..., UUID]
Find = Callable[[UUID], Item]
Resources = Mapping[str, Any]
Perform = Callable[..., dg.ExecuteInProcessResult]
Tick = Callable[[], list[dg.RunRequest]]


def bind(settings: Settings) -> Resources:
    """Give what the CPU location binds, on the given settings."""
    return {
        "settings": settings,
        "ledger": Ledger(settings=settings),
        "stores": Stores(settings=settings),
        "tables": ParquetTables(settings=settings),
        "telemetry": Telemetry(settings=settings),
        "alerts": Alerts(settings=settings),
        "audit": Audit(settings=settings),
        "adapters": AdapterBlobs(settings=settings),
        "inbox": Inbox(settings=settings),
        "sop": Sop(settings=settings),
    }


@pytest.fixture(scope="session")
def storage(settings: Settings) -> Settings:
    """Make Dagster's tables once."""
    dagster.create_storage(settings, Home(settings.home))
    return settings


@pytest.fixture
def instance(storage: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Open the instance that `dagster.yaml` describes, with an empty history."""
    for name, value in dagster.environment(storage, Home(storage.home)).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as opened:
        for record in opened.get_run_records():
            opened.delete_run(record.dagster_run.run_id)
        yield opened


@pytest.fixture
def resources(settings: Settings) -> Resources:
    """Bind the resources to the embedded stores, with an empty ledger, no tables and no looks kept."""
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute("TRUNCATE ledger_items, ledger_windows")
    with session(settings.clickhouse) as client:
        client.command("TRUNCATE TABLE store_observations")
    shutil.rmtree(settings.home / "objects" / "tables", ignore_errors=True)
    return bind(settings)


@pytest.fixture
def ask(resources: Resources) -> Ask:
    """Enter a request for a look, as of a moment."""

    def enter(moment: datetime | None = None) -> UUID:
        item_id = uuid4()
        arrival = Arrival("demo", "asked for by key abcd1234", str(item_id))
        with resources["ledger"].session() as opened:
            opened.register(LANE, [(item_id, arrival)], moment or datetime.now(UTC))
        return item_id

    return enter


@pytest.fixture
def find(resources: Resources) -> Find:
    """Look a request up in the ledger."""

    def look_up(item_id: UUID) -> Item:
        with resources["ledger"].session() as opened:
            item: Item | None = opened.find(LANE, item_id)
        assert item is not None
        return item

    return look_up


@pytest.fixture
def perform(instance: dg.DagsterInstance, resources: Resources) -> Perform:
    """Run a job of the CPU location in this process, with other resources where some are given."""

    def execute(job: str, bound: Resources | None = None, **options: Any) -> dg.ExecuteInProcessResult:
        location = dg.Definitions(
            assets=defs.assets,
            asset_checks=defs.asset_checks,
            jobs=defs.jobs,
            resources=bound or resources,
            executor=dg.in_process_executor,
        )
        return location.resolve_job_def(job).execute_in_process(instance=instance, **options)

    return execute


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Name the verdicts of a run."""
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def sample(check: dg.AssetCheckEvaluation) -> list[dict[str, Any]]:
    """Give the sample rows of a verdict."""
    table = check.metadata["sample"]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


@contextmanager
def deaf() -> Iterator[int]:
    """Give a port that takes connections and never says a word; nobody listens there afterwards."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def tick(instance: dg.DagsterInstance, resources: Resources) -> Tick:
    """Evaluate the sensor once."""

    def evaluate() -> list[dg.RunRequest]:
        bound = {name: resources[name] for name in ("ledger", "settings")}
        with dg.build_sensor_context(instance=instance, resources=bound) as context:
            result = inspection_requests(context)
        assert isinstance(result, dg.SensorResult)
        assert bool(result.run_requests) != bool(result.skip_reason)
        return list(result.run_requests or ())

    return evaluate


def launch(perform: Perform, request: dg.RunRequest, **options: object) -> dg.ExecuteInProcessResult:
    """Do what the daemon does with a request, in this process."""
    return perform("observe_stores", partition_key=request.partition_key, tags=dict(request.tags), **options)


def revision(request: dg.RunRequest) -> int:
    return int(str(request.run_key).rsplit("@", maxsplit=1)[1])
