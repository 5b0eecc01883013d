# SPDX-License-Identifier: Apache-2.0
"""`platform/ledger_health` against the real ledger: what is counted, and what the checks say of it."""

from datetime import UTC, datetime

import dagster as dg
import polars as pl
import pytest

from io_managers.tables import ParquetTables
from ovpo.foundation.settings.tree import Settings
from ovpo_assets.checks.platform import ledger_checks
from ovpo_assets.partitions import DAY, HOUR, days, key_of, range_tags
from ovpo_assets.platform import ledger_health
from tests.runs.conftest import Ask, Perform, Resources, checks, sample

JOB = "report_ledger_health"
pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning:ovpo_assets")


def table(settings: Settings, day: datetime) -> pl.DataFrame:
    return ParquetTables(settings=settings).scan(ledger_health.key, [key_of(days, day)]).collect()


def test_a_week_is_one_run_that_writes_each_day(ask: Ask, perform: Perform, settings: Settings) -> None:
    now = datetime.now(UTC)
    for moment in (now, now, now - 2 * DAY):
        ask(moment)
    result = perform(JOB, tags=range_tags(days, now - 6 * DAY, now))
    assert len(result.get_asset_materialization_events()) == 7
    assert [table(settings, now - age * DAY)["items"].to_list() for age in range(4)] == [[2], [], [1], []]
    assert table(settings, now).row(0, named=True)["state"] == "queued"


def test_work_that_moves_passes_and_work_that_nobody_touched_is_a_warning(ask: Ask, perform: Perform) -> None:
    now = datetime.now(UTC)
    ask(now)
    assert checks(perform(JOB, partition_key=key_of(days, now)))["no_stuck_items"].passed
    forgotten = ask(now - 3 * HOUR)
    verdict = checks(perform(JOB, partition_key=key_of(days, now)))["no_stuck_items"]
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.WARN)
    (row,) = sample(verdict)
    assert (row["item_id"], row["state"], row["attempt"]) == (str(forgotten), "queued", "0")
    assert 180 <= int(row["untouched_minutes"]) <= 182


def test_neither_the_check_nor_the_asset_shows_who_asked(ask: Ask, perform: Perform) -> None:
    now = datetime.now(UTC)
    ask(now - 3 * HOUR)
    result = perform(JOB, tags=range_tags(days, now - DAY, now))
    shown = f"{result.get_asset_materialization_events()} {result.get_asset_check_evaluations()}"
    assert "inspections" in shown
    assert "abcd1234" not in shown
    assert "demo" not in shown


def test_a_check_by_itself_names_a_column_that_changed(
    perform: Perform, settings: Settings, resources: Resources, instance: dg.DagsterInstance
) -> None:
    today = key_of(days, datetime.now(UTC))
    perform(JOB, partition_key=today)
    file = settings.home.joinpath("objects", "tables", *ledger_health.key.path, f"{today}.parquet")
    pl.read_parquet(file).rename({"lane": "queue"}).write_parquet(file)
    alone = dg.materialize(
        [ledger_health, ledger_checks],
        selection=dg.AssetSelection.checks_for_assets(ledger_health),
        resources=resources,
        instance=instance,
    )
    faulty = [row["column"] for row in sample(checks(alone)["schema"])]
    assert faulty == ["lane", "queue"]


def test_a_check_before_there_is_any_window_fails_and_says_what_to_do(
    resources: Resources, instance: dg.DagsterInstance
) -> None:
    alone = dg.materialize(
        [ledger_health, ledger_checks],
        selection=dg.AssetSelection.checks_for_assets(ledger_health),
        resources=resources,
        instance=instance,
        raise_on_error=False,
    )
    assert not alone.success
    (failure,) = [event for event in alone.all_events if event.is_step_failure]
    assert "materialise one, then check it" in str(failure.step_failure_data.error)
