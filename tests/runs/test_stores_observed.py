# SPDX-License-Identifier: Apache-2.0
"""`platform/stores_observed` against the real stores: who gets a look, what is kept, and what the checks say of it."""

from datetime import UTC, datetime
from uuid import UUID

import dagster as dg
import polars as pl
import pytest

from io_managers.tables import ParquetTables
from ovpo.foundation.inspection.observations import HOURLY, of_look
from ovpo.foundation.ledger.items import State
from ovpo.foundation.settings.tree import Settings
from ovpo_assets.checks.platform import stores_checks
from ovpo_assets.partitions import HOUR, hours, key_of, range_tags
from ovpo_assets.platform import stores_observed
from tests.runs.conftest import Ask, Find, Perform, Resources, bind, checks, deaf, sample

JOB = "observe_stores"
STORES = {"postgres", "clickhouse", "broker", "cache", "objects"}
pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning:ovpo_assets")


def table(settings: Settings, *windows: str) -> pl.DataFrame:
    return ParquetTables(settings=settings).scan(stores_observed.key, windows).collect()


def current() -> str:
    return key_of(hours, datetime.now(UTC))


def test_a_request_is_answered_with_a_look_at_every_store(
    ask: Ask, find: Find, perform: Perform, settings: Settings
) -> None:
    wanted = ask()
    perform(JOB, partition_key=key_of(hours, find(wanted).window_start))
    item = find(wanted)
    assert (item.state, item.attempt) == (State.FINISHED, 1)
    seen = of_look(settings.clickhouse, UUID(item.result))
    assert {row.store for row in seen} == STORES
    assert all(row.ready for row in seen)


def test_everyone_who_asked_in_the_same_window_is_answered_with_the_same_look(
    ask: Ask, find: Find, perform: Perform
) -> None:
    wanted = [ask(), ask()]
    perform(JOB, partition_key=key_of(hours, find(wanted[1]).window_start))
    assert len({find(one).result for one in wanted}) == 1


def test_a_request_of_an_hour_that_is_over_is_answered_by_a_run_of_that_hour(
    ask: Ask, find: Find, perform: Perform
) -> None:
    wanted = ask(datetime.now(UTC) - 2 * HOUR)
    result = perform(JOB, partition_key=key_of(hours, find(wanted).window_start))
    assert find(wanted).state is State.FINISHED
    assert metadata(result)["stores_seen"] == len(STORES)


def test_an_hour_that_is_over_and_holds_no_request_takes_no_look(perform: Perform, settings: Settings) -> None:
    window = key_of(hours, datetime.now(UTC) - 2 * HOUR)
    result = perform(JOB, partition_key=window)
    assert metadata(result)["stores_seen"] == 0
    assert table(settings, window).schema == pl.Schema(HOURLY)


def test_a_range_of_hours_is_one_run_that_writes_each_of_them(perform: Perform, settings: Settings) -> None:
    now = datetime.now(UTC)
    windows = [key_of(hours, now - age * HOUR) for age in (2, 1, 0)]
    result = perform(JOB, tags=range_tags(hours, now - 2 * HOUR, now))
    assert {event.partition for event in result.get_asset_materialization_events()} == set(windows)
    assert table(settings, windows[0], windows[1]).is_empty()
    assert set(table(settings, windows[2])["store"]) == STORES


def test_looking_twice_in_an_hour_adds_up(perform: Perform, settings: Settings) -> None:
    window = current()
    for _ in range(2):
        perform(JOB, partition_key=window)
    assert set(table(settings, window)["looks"]) == {2}


def test_a_look_that_could_not_be_kept_answers_nobody(
    ask: Ask, find: Find, perform: Perform, settings: Settings, instance: dg.DagsterInstance
) -> None:
    wanted = ask()
    with deaf() as port:
        unreachable = settings.model_copy(update={"clickhouse": settings.clickhouse.model_copy(update={"port": port})})
    result = perform(JOB, bind(unreachable), partition_key=current(), raise_on_error=False)
    assert not result.success
    assert (find(wanted).state, find(wanted).run_id) == (State.STARTED, result.run_id)


def test_a_silent_store_is_kept_as_an_answer_and_fails_the_check(perform: Perform, settings: Settings) -> None:
    with deaf() as port:
        cache = settings.cache.model_copy(update={"port": port})
        platform = settings.platform.model_copy(update={"store_deadline_seconds": 2.0})
        result = perform(
            JOB, bind(settings.model_copy(update={"cache": cache, "platform": platform})), partition_key=current()
        )
    verdict = checks(result)["every_store_answers"]
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert [row["store"] for row in sample(verdict)] == ["cache"]


def test_no_look_at_all_does_not_pass_for_stores_that_answer(perform: Perform) -> None:
    result = perform(JOB, partition_key=key_of(hours, datetime.now(UTC) - 2 * HOUR))
    assert not checks(result)["every_store_answers"].passed


def test_the_checks_of_a_healthy_run_pass(perform: Perform) -> None:
    verdicts = checks(perform(JOB, partition_key=current()))
    assert {name: verdict.passed for name, verdict in verdicts.items()} == {"every_store_answers": True, "schema": True}


def test_a_check_by_itself_reads_the_newest_window_and_names_a_column_that_changed(
    perform: Perform, settings: Settings, resources: Resources, instance: dg.DagsterInstance
) -> None:
    window = current()
    perform(JOB, partition_key=window)
    file = settings.home.joinpath("objects", "tables", *stores_observed.key.path, f"{window}.parquet")
    pl.read_parquet(file).drop("bytes").cast({"looks": pl.String}).write_parquet(file)
    alone = dg.materialize(
        [stores_observed, stores_checks],
        selection=dg.AssetSelection.checks_for_assets(stores_observed),
        resources=resources,
        instance=instance,
    )
    verdict = checks(alone)["schema"]
    assert not verdict.passed
    assert [(row["window"], row["column"]) for row in sample(verdict)] == [(window, "looks"), (window, "bytes")]


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node("platform__stores_observed")
    return {name: value.value for name, value in event.metadata.items()}
