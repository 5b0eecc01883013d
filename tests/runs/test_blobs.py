# SPDX-License-Identifier: Apache-2.0
"""The adapters' IO manager under real runs: what a later asset is given, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import numpy as np
import pytest

from io_managers.blobs import AdapterBlobs, OfTenant
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.adapters.adapter import Adapter, Record, Role, Shrinking, TrainedOn
from ovpo.sop.clips import Clips
from ovpo.sop.embedding import Maker

DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-01-05")
KEYS = DAYS.get_partition_keys()
RANGE = {"dagster/asset_partition_range_start": KEYS[0], "dagster/asset_partition_range_end": KEYS[2]}
DIMS = 3


def adapter(number: int, mean: float = 0.5) -> Adapter:
    record = Record(
        name=f"feature_adapter_2026010{number}T020000Z_abcd{number}",
        maker=Maker(embedder="heuristic", version="1", dims=DIMS, clips=Clips(window=6), settings={}),
        trained_on=(TrainedOn(sha256="a" * 64, rows=5, role=Role.GOLD),),
        shrinking=Shrinking(videos=1, videos_for_half=16.0, weight=0.5, eps_share=0.1, eps=0.1),
        created_at=datetime(2026, 1, number, 2, tzinfo=UTC),
        code_version="1",
    )
    return Adapter(np.full(DIMS, mean), np.ones(DIMS), record)


def names(adapters: list[OfTenant]) -> list[tuple[str, str]]:
    return [(tenant_id, one.record.name) for tenant_id, one in adapters]


def candidate(made: list[OfTenant]) -> dg.AssetsDefinition:
    """Make an asset that returns adapters."""

    @dg.asset(
        name="candidate",
        io_manager_key="blobs",
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def train() -> list[OfTenant]:
        return made

    return train


@pytest.fixture
def blobs(tmp_path: Path) -> AdapterBlobs:
    return AdapterBlobs(settings=Settings(home=tmp_path))


def make(blobs: AdapterBlobs, made: list[OfTenant], **run: Any) -> bool:
    return dg.materialize([candidate(made)], resources={"blobs": blobs}, raise_on_error=False, **run).success


def read(blobs: AdapterBlobs, **run: Any) -> tuple[list[OfTenant], str]:
    """Run an asset that reads the candidates; give what it was given and what was wrong."""
    given: list[OfTenant] = []

    @dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def evaluation(candidate: list[OfTenant]) -> None:
        given.extend(candidate)

    result = dg.materialize(
        [candidate([]), evaluation], selection=[evaluation], resources={"blobs": blobs}, raise_on_error=False, **run
    )
    failed = [str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]
    return given, "".join(failed)


def test_a_later_asset_of_the_same_day_is_given_the_adapters_with_their_tenants(blobs: AdapterBlobs) -> None:
    made = [("acme", adapter(1)), ("demo", adapter(2))]
    assert make(blobs, made, partition_key=KEYS[1])
    given, wrong = read(blobs, partition_key=KEYS[1])
    assert (names(given), wrong) == (names(made), "")
    assert given[0][1].record == made[0][1].record
    assert given[0][1].mean.tolist() == made[0][1].mean.tolist()


def test_a_run_over_several_days_leaves_its_adapters_in_the_last_of_them(blobs: AdapterBlobs) -> None:
    made = [("acme", adapter(1))]
    assert make(blobs, made, tags=RANGE)
    assert [names(read(blobs, partition_key=key)[0]) for key in KEYS[:3]] == [[], [], names(made)]
    assert names(read(blobs, tags=RANGE)[0]) == names(made)


def test_a_day_without_adapters_is_not_a_day_that_was_never_made(blobs: AdapterBlobs) -> None:
    assert make(blobs, [], partition_key=KEYS[0])
    assert read(blobs, partition_key=KEYS[0]) == ([], "")
    assert f"candidate does not hold window {KEYS[1]}; materialise it first" in read(blobs, partition_key=KEYS[1])[1]


def test_a_run_that_is_repeated_may_give_the_same_adapter_again(blobs: AdapterBlobs) -> None:
    made = [("acme", adapter(1))]
    assert make(blobs, made, partition_key=KEYS[0])
    assert make(blobs, made, partition_key=KEYS[0])
    assert names(read(blobs, partition_key=KEYS[0])[0]) == names(made)


def test_another_adapter_of_the_same_name_is_refused_and_the_first_stays(blobs: AdapterBlobs) -> None:
    assert make(blobs, [("acme", adapter(1))], partition_key=KEYS[0])
    assert not make(blobs, [("acme", adapter(1, mean=0.7))], partition_key=KEYS[0])
    changed = adapter(1)
    renamed = Adapter(changed.mean, changed.std, msgspec.structs.replace(changed.record, code_version="2"))
    assert not make(blobs, [("acme", renamed)], partition_key=KEYS[0])
    assert read(blobs, partition_key=KEYS[0])[0][0][1].mean.tolist() == [0.5] * DIMS


def test_files_that_a_dead_run_left_half_are_written_anew(blobs: AdapterBlobs, tmp_path: Path) -> None:
    assert make(blobs, [("acme", adapter(1))], partition_key=KEYS[0])
    (sidecar,) = tmp_path.rglob("feature_adapter_*.json")
    sidecar.unlink()
    (sidecar.with_suffix(".npz")).write_bytes(b"half")
    assert make(blobs, [("acme", adapter(1))], partition_key=KEYS[0])
    assert len(read(blobs, partition_key=KEYS[0])[0]) == 1
