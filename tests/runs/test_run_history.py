# SPDX-License-Identifier: Apache-2.0
"""The Dagster instance of `dagster.yaml` on a real PostgreSQL, and what `platform/run_history_pruned` leaves of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo_assets.checks.platform import history_checks
from ovpo_assets.partitions import days, key_of
from ovpo_assets.platform import run_history_pruned
from resources import runs
from tests.runs.conftest import Perform, Resources, checks, sample

JOB = "prune_run_history"
AGE = "UPDATE runs SET create_timestamp = create_timestamp - make_interval(days => %s), status = %s WHERE run_id = %s"
COUNT = "SELECT count(*) FROM runs WHERE run_id = %s"
pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning:ovpo_assets")
Past = Callable[..., str]


@pytest.fixture
def past(perform: Perform, settings: Settings) -> Past:
    """Make a run that is some days old."""

    def make(age: int, status: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS) -> str:
        run_id = perform("report_ledger_health", partition_key=key_of(days, datetime.now(UTC))).run_id
        with psycopg.connect(conninfo(settings.postgres, PostgresRole.DAGSTER)) as connection:
            assert connection.execute(AGE, (age, status.value, run_id)).rowcount == 1
        return run_id

    return make


def test_runs_are_kept_in_postgresql(past: Past, settings: Settings) -> None:
    run_id = past(0)
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.DAGSTER)) as connection:
        assert connection.execute(COUNT, (run_id,)).fetchone() == (1,)


def test_runs_wait_in_a_queue_and_lost_ones_give_their_slots_back(instance: dg.DagsterInstance) -> None:
    assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
    assert instance.run_monitoring_enabled
    assert not instance.telemetry_enabled


def test_only_finished_runs_that_outlived_their_keep_are_deleted(
    past: Past, perform: Perform, instance: dg.DagsterInstance, settings: Settings
) -> None:
    keep = settings.platform.run_history_days
    old = {past(keep + 1), past(keep + 1, dg.DagsterRunStatus.FAILURE), past(keep + 9, dg.DagsterRunStatus.CANCELED)}
    young, unfinished = past(keep - 1), past(keep + 9, dg.DagsterRunStatus.STARTED)
    result = perform(JOB)
    left = {record.dagster_run.run_id for record in instance.get_run_records()}
    assert old & left == set()
    assert {young, unfinished, result.run_id} <= left
    (event,) = result.asset_materializations_for_node("platform__run_history_pruned")
    assert (event.metadata["deleted"].value, event.metadata["left_over"].value) == (3, 0)
    assert checks(result)["nothing_older_remains"].passed


def test_with_a_run_go_its_events(past: Past, perform: Perform, instance: dg.DagsterInstance) -> None:
    run_id = past(1_000)
    assert instance.all_logs(run_id)
    perform(JOB)
    assert not instance.all_logs(run_id)


def test_one_pruning_is_bounded_and_says_what_it_left(
    past: Past, perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        past(1_000)
    monkeypatch.setattr(runs, "BATCH", 2)
    monkeypatch.setattr(runs, "MOST_BATCHES", 1)
    result = perform(JOB)
    (event,) = result.asset_materializations_for_node("platform__run_history_pruned")
    assert (event.metadata["deleted"].value, event.metadata["left_over"].value) == (2, 1)
    assert not checks(result)["nothing_older_remains"].passed


def test_an_old_run_that_is_still_there_fails_the_check(
    past: Past, resources: Resources, instance: dg.DagsterInstance
) -> None:
    run_id = past(1_000)
    alone = dg.materialize(
        [run_history_pruned, history_checks],
        selection=dg.AssetSelection.checks_for_assets(run_history_pruned),
        resources=resources,
        instance=instance,
    )
    verdict = checks(alone)["nothing_older_remains"]
    assert not verdict.passed
    assert [row["run_id"] for row in sample(verdict)] == [run_id]


def test_the_oldest_run_that_was_kept_is_told(past: Past, perform: Perform) -> None:
    past(1_000)
    past(3)
    (event,) = perform(JOB).asset_materializations_for_node("platform__run_history_pruned")
    oldest = event.metadata["oldest_kept"].value
    assert isinstance(oldest, float)
    assert datetime.fromtimestamp(oldest, UTC).date() == (datetime.now(UTC) - timedelta(days=3)).date()
