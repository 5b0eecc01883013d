# SPDX-License-Identifier: Apache-2.0
"""The Parquet IO manager under real runs: what lies where, what a consumer opens, and what is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from typing import Any

import dagster as dg
import polars as pl
import pytest

from io_managers.tables import WINDOW_COLUMN, ParquetTables
from ovpo.foundation.settings.tree import Settings

DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-01-05")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = DAYS.get_partition_keys()
RANGE = {"dagster/asset_partition_range_start": KEYS[0], "dagster/asset_partition_range_end": KEYS[2]}
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {"day": pl.Datetime("us", "UTC"), "number": pl.Int64}


def rows(*days: int) -> pl.DataFrame:
    moments = [FIRST + timedelta(days=day, hours=5) for day in days]
    return pl.DataFrame({"day": moments, "number": list(days)}, schema=SCHEMA)


def producer(frame: pl.DataFrame, **options: Any) -> dg.AssetsDefinition:
    """Make an asset that returns a frame."""

    def numbers() -> pl.DataFrame:
        return frame

    made: dg.AssetsDefinition = dg.asset(io_manager_key="tables", **options)(numbers)
    return made


def windowed(frame: pl.DataFrame) -> dg.AssetsDefinition:
    return producer(
        frame,
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        metadata={WINDOW_COLUMN: "day"},
    )


@pytest.fixture
def tables(tmp_path: Path) -> ParquetTables:
    return ParquetTables(settings=Settings(home=tmp_path))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def files(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_a_run_over_a_range_cuts_the_frame_at_its_windows(tables: ParquetTables, tmp_path: Path) -> None:
    dg.materialize([windowed(rows(0, 2, 2))], tags=RANGE, resources={"tables": tables})
    assert files(tmp_path) == [f"objects/tables/numbers/{key}.parquet" for key in KEYS[:3]]
    read = [tables.scan(dg.AssetKey("numbers"), [key]).collect() for key in KEYS[:3]]
    assert [frame["number"].to_list() for frame in read] == [[0], [], [2, 2]]
    assert [frame.schema for frame in read] == [pl.Schema(SCHEMA)] * 3


def test_a_run_of_one_window_replaces_that_window_and_no_other(tables: ParquetTables) -> None:
    dg.materialize([windowed(rows(0, 1, 2))], tags=RANGE, resources={"tables": tables})
    dg.materialize([windowed(rows(1, 1))], partition_key=KEYS[1], resources={"tables": tables})
    assert tables.scan(dg.AssetKey("numbers"), KEYS[:3]).collect()["number"].to_list() == [0, 1, 1, 2]


def test_a_row_outside_of_the_windows_of_the_run_is_refused_and_nothing_is_written(
    tables: ParquetTables, tmp_path: Path
) -> None:
    result = dg.materialize(
        [windowed(rows(0, 1))], partition_key=KEYS[0], resources={"tables": tables}, raise_on_error=False
    )
    assert not result.success
    assert files(tmp_path) == []


def test_a_row_without_a_moment_is_refused(tables: ParquetTables) -> None:
    nowhere = pl.DataFrame({"day": [None], "number": [1]}, schema=SCHEMA)
    assert not dg.materialize(
        [windowed(nowhere)], partition_key=KEYS[0], resources={"tables": tables}, raise_on_error=False
    ).success


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Let no file grow beyond some bytes: the write that would is refused as on a full disk."""
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_breaks_off_leaves_the_old_table_and_no_scraps(tables: ParquetTables, tmp_path: Path) -> None:
    dg.materialize([producer(rows(1))], resources={"tables": tables})
    large = pl.DataFrame({"number": pl.Series(range(1_000_000)).shuffle(seed=1)})
    with full_disk(room=100_000):
        result = dg.materialize([producer(large)], resources={"tables": tables}, raise_on_error=False)
    assert not result.success
    assert files(tmp_path) == ["objects/tables/numbers/all.parquet"]
    assert tables.scan(dg.AssetKey("numbers"), ["all"]).collect().equals(rows(1))


def consume(
    tables: ParquetTables, upstream: dg.AssetIn, *, windows: dg.PartitionsDefinition[str] | None = None, **run: Any
) -> tuple[bool, list[int], str]:
    """Run an asset that reads `numbers`; give whether it succeeded, what it read and what was wrong."""
    read: list[int] = []

    @dg.asset(ins={"numbers": upstream}, partitions_def=windows)
    def total(numbers: pl.LazyFrame) -> None:
        read.extend(numbers.collect()["number"].to_list())

    result = dg.materialize(
        [windowed(rows()), total],
        selection=[total],
        resources={"tables": tables},
        raise_on_error=False,
        **run,
    )
    failed = [str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]
    return result.success, read, "".join(failed)


def test_a_consumer_reads_the_window_that_it_stands_for(tables: ParquetTables) -> None:
    dg.materialize([windowed(rows(0, 1, 2))], tags=RANGE, resources={"tables": tables})
    assert consume(tables, dg.AssetIn(), windows=DAYS, partition_key=KEYS[1])[:2] == (True, [1])


def test_a_consumer_over_a_range_reads_that_range(tables: ParquetTables) -> None:
    dg.materialize([windowed(rows(0, 1, 2))], tags=RANGE, resources={"tables": tables})
    assert consume(tables, dg.AssetIn(), windows=DAYS, tags=RANGE)[:2] == (True, [0, 1, 2])


def test_a_consumer_without_windows_may_read_the_last_one(tables: ParquetTables) -> None:
    last = DAYS.get_partition_keys()[-1]
    dg.materialize([windowed(rows(3))], partition_key=last, resources={"tables": tables})
    assert consume(tables, dg.AssetIn(partition_mapping=dg.LastPartitionMapping()))[:2] == (True, [3])


def test_a_consumer_without_windows_is_not_given_every_window_since_the_beginning(tables: ParquetTables) -> None:
    everything = {**RANGE, "dagster/asset_partition_range_end": KEYS[-1]}
    dg.materialize([windowed(rows(0, 3))], tags=everything, resources={"tables": tables})
    success, read, wrong = consume(tables, dg.AssetIn())
    assert (success, read) == (False, [])
    assert "LastPartitionMapping" in wrong


def test_a_window_that_was_never_written_is_named(tables: ParquetTables) -> None:
    dg.materialize([windowed(rows(0))], partition_key=KEYS[0], resources={"tables": tables})
    with pytest.raises(Exception, match=rf"table numbers does not hold window {KEYS[1]}; materialise it first"):
        tables.scan(dg.AssetKey("numbers"), KEYS[:2])


def test_a_frame_without_the_column_of_its_windows_is_refused_with_the_remedy(tables: ParquetTables) -> None:
    with pytest.raises(Exception, match="name the column of its windows in metadata 'ovpo/window_column'"):
        dg.materialize([producer(rows(0), partitions_def=DAYS)], partition_key=KEYS[0], resources={"tables": tables})
