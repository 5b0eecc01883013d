# SPDX-License-Identifier: Apache-2.0
"""`traces/hourly_rollups`, `daily_costs`, `daily_quality`: what they count, each thing once, and late things too."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from ovpo_assets.partitions import DAY, HOUR, days, key_of
from tests.integration.collector.batches import Item, span, trace
from tests.runs.traces.conftest import Processor, Rollups, failed
from tests.runs.traces.pipelines import KIND, frames, pipeline, worked

TABLES = ("health", "hourly_rollups", "daily_costs", "daily_quality")
UNITS = 40.0


def all_tables(rollups: Rollups, moment: datetime) -> dict[str, pl.DataFrame]:
    """Make every table and give it without the times at which it was counted."""
    rollups.of_hours(moment)
    rollups.of_days(moment)
    moments = pl.selectors.by_name("counted_at", "settled_at", "newest_at", "lag_seconds", require_all=False)
    return {name: rollups.table(name, moment).drop(moments) for name in TABLES}


def scored(whole: list[Item], **metrics: float) -> list[Item]:
    """Give each frame of a trace the same quality."""
    return [*whole[:2], *(one | {"quality_metrics": metrics} for one in whole[2:])]


def test_an_hour_is_added_up_by_tenant_and_model(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    failure = {"kind": "oom", "message": "out of memory", "retryable": True, "details": {}}
    failing = pipeline(range(2), status="FAILED", failure=failure)
    other = [trace(pipeline_config={"model": "ltx"}, status="PENDING")]
    erring = pipeline(range(3))
    erring += [span(erring[0]["trace_id"]), *frames(erring[0]["trace_id"], erring[1]["span_id"], [3])]
    erring[-1]["event_type"] = "frame_error"
    broken = pipeline([0, 0])
    processor.take(*failing, *other, *erring, *broken, *pipeline()[1:], at=noon)
    processor.take(*pipeline(tenant="acme"), at=noon, tenant="acme")
    rollups.of_hours(noon)
    table = rollups.table("hourly_rollups", noon)
    by_key = {(one["tenant_id"], one["model"]): one for one in table.iter_rows(named=True)}
    assert set(by_key) == {("demo", "wan-2"), ("demo", "ltx"), ("demo", ""), ("acme", "wan-2")}
    wan = by_key["demo", "wan-2"]
    assert {name: wan[name] for name in ("traces", "failed", "completed", "partial", "pending", "orphans")} == {
        "traces": 3,
        "failed": 1,
        "completed": 1,
        "partial": 1,
        "pending": 0,
        "orphans": 0,
    }
    assert (wan["spans"], wan["span_errors"], wan["frame_events"], wan["frame_errors"]) == (4, 1, 8, 1)
    assert (wan["findings"], wan["compute_units"]) == (1, 3 * UNITS)
    assert (by_key["demo", "ltx"]["pending"], by_key["demo", ""]["orphans"]) == (1, 1)
    assert table["hour"].unique().to_list() == [noon.replace(minute=0)]


def test_durations_are_percentiles_of_the_traces_that_have_one(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    for seconds in range(1, 21):
        ended = {"started_at": "2026-11-21T12:00:00Z", "completed_at": f"2026-11-21T12:00:{seconds:02}Z"}
        processor.take(*pipeline([], **ended), at=noon, settle=False)
    processor.settle()
    processor.take(trace(pipeline_config={"model": "wan-2"}), at=noon)
    rollups.of_hours(noon)
    found = rollups.table("hourly_rollups", noon).row(0, named=True)
    assert found["traces"] == 21
    assert 10_000 <= found["p50_total_ms"] <= 11_000
    assert 19_000 <= found["p95_total_ms"] <= 20_000


def test_nothing_that_comes_twice_changes_any_table(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    whole = scored(pipeline(cost_attribution={"project": "ads"}), aesthetic_score=6)
    processor.take(*whole, at=noon)
    once = all_tables(rollups, noon)
    processor.take(*whole, at=noon + timedelta(seconds=1))
    processor.take(*whole[3:7], at=noon + 2 * HOUR)
    processor.settle()
    twice = all_tables(rollups, noon)
    for name in TABLES:
        assert once[name].height > 0
        assert twice[name].equals(once[name]), name
    rollups.of_hours(noon + 2 * HOUR)
    assert rollups.table("hourly_rollups", noon + 2 * HOUR).is_empty()


def test_what_comes_late_is_counted_in_the_hour_of_its_trace(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    whole = pipeline()
    processor.take(*whole[:5], at=noon)
    rollups.of_hours(noon)
    assert rollups.table("hourly_rollups", noon)["frame_events"].sum() == 3
    processor.take(*whole[5:], at=noon + 3 * HOUR)
    assert failed(rollups.of_hours(noon, noon + 3 * HOUR)) == set()
    assert rollups.table("hourly_rollups", noon)["frame_events"].sum() == 10
    assert rollups.table("hourly_rollups", noon + 3 * HOUR).is_empty()


def test_a_day_is_charged_to_whom_its_traces_are_put_down_to(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    paid = {"project": "ads", "center": "c1", "campaign": "spring"}
    for age in (0, 3):
        processor.take(*pipeline(cost_attribution=paid), at=noon - age * HOUR)
    decoding = pipeline()
    decoding.append(worked(decoding[0]["trace_id"], decoding[1]["trace_id"]) | {"span_kind": "SPAN_KIND_DECODE"})
    processor.take(*decoding, at=noon)
    rollups.of_hours(noon - 3 * HOUR, noon)
    assert failed(rollups.of_days(noon)) == set()
    table = rollups.table("daily_costs", noon)
    assert table["factors_version"].n_unique() == 1
    lines = table.select("project", "center", "campaign", "span_kind", "traces", "units").rows()
    assert set(lines) == {
        ("ads", "c1", "spring", KIND, 2, 2 * UNITS),
        ("", "", "", KIND, 1, UNITS),
        ("", "", "", "SPAN_KIND_DECODE", 1, UNITS),
    }


def test_the_quality_of_a_day_is_the_mean_over_its_frames_by_model(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    processor.take(*scored(pipeline(range(30)), aesthetic_score=4, nsfw_score=0), at=noon)
    processor.take(*scored(pipeline(range(10)), aesthetic_score=8), at=noon - HOUR)
    rollups.of_hours(noon - HOUR, noon)
    assert failed(rollups.of_days(noon)) == set()
    lines = rollups.table("daily_quality", noon).select("model", "metric", "traces", "values", "mean").rows()
    assert lines == [("wan-2", "aesthetic_score", 2, 40, 5.0), ("wan-2", "nsfw_score", 1, 30, 0.0)]


@pytest.mark.parametrize("name", ["daily_costs", "daily_quality"])
def test_a_range_of_days_is_one_run_that_writes_each_of_them(
    processor: Processor, rollups: Rollups, noon: datetime, name: str
) -> None:
    for age in (0, 2):
        processor.take(*scored(pipeline(), aesthetic_score=5), at=noon - age * DAY)
        rollups.of_hours(noon - age * DAY)
    result = rollups.of_days(noon - 3 * DAY, noon)
    written = {event.partition for event in result.asset_materializations_for_node(f"traces__{name}")}
    assert written == {key_of(days, noon - age * DAY) for age in range(4)}
    assert [rollups.table(name, noon - age * DAY).height for age in range(4)] == [1, 0, 1, 0]
    assert failed(result) == set()


def test_costs_can_be_counted_for_longer_than_frames_are_kept(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    processor.take(*scored(pipeline(), aesthetic_score=5), at=noon - 300 * DAY, settle=False)
    processor.settle()
    result = rollups.of_days(noon - 300 * DAY, raise_on_error=False)
    assert rollups.table("daily_costs", noon - 300 * DAY)["units"].to_list() == [UNITS]
    assert [event.step_key for event in result.all_events if event.is_step_failure] == ["traces__daily_quality"]
