# SPDX-License-Identifier: Apache-2.0
"""The checks of telemetry: content with what is sound, and each of them with what is not."""

from collections.abc import Callable
from datetime import datetime

import dagster as dg
import polars as pl
import pytest

from ovpo_assets.checks import traces as trace_checks
from ovpo_assets.partitions import HOUR
from ovpo_assets.traces import health, hourly_rollups
from tests.integration.collector.batches import event
from tests.runs.conftest import Resources, sample
from tests.runs.traces.conftest import Processor, Rollups, failed
from tests.runs.traces.pipelines import frames, pipeline

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
UNSOUND_EVENT = """
INSERT INTO frame_events (tenant_id, trace_id, seen_at, received_at, event_id, span_id, event_type, observed_at,
                          frame_index, media_time_ms, nsfw_score)
SELECT tenant_id, generateUUIDv4(), seen_at, received_at, generateUUIDv4(), span_id, event_type, observed_at, 9, -1, 7
FROM frame_events LIMIT 1
"""
Edit = Callable[[pl.DataFrame], pl.DataFrame]


def verdict(result: dg.ExecuteInProcessResult, asset: str, check: str) -> dg.AssetCheckEvaluation:
    """Find one verdict of a run."""
    (found,) = [
        one
        for one in result.get_asset_check_evaluations()
        if (one.asset_key.path[-1], one.check_name) == (asset, check)
    ]
    return found


def test_all_are_content_with_telemetry_that_is_sound(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    whole = [one | {"quality_metrics": {"nsfw_score": 1}} if one["type"] == "event" else one for one in pipeline()]
    processor.take(*whole, at=noon)
    of_hours, of_days = rollups.of_hours(noon - HOUR, noon), rollups.of_days(noon)
    assert (failed(of_hours), failed(of_days)) == (set(), set())
    assert len(of_hours.get_asset_check_evaluations()) == 8
    assert len(of_days.get_asset_check_evaluations()) == 5


def test_all_are_content_without_any_telemetry(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    assert failed(rollups.of_hours(noon)) == set()
    assert failed(rollups.of_days(noon)) == set()


def test_telemetry_that_is_still_moving_is_no_fault(processor: Processor, rollups: Rollups, now: datetime) -> None:
    processor.take(*pipeline(), at=now)
    processor.take(*pipeline(), at=now, settle=False)
    result = rollups.of_hours(now)
    assert rollups.table("hourly_rollups", now)["traces"].sum() == 1
    assert failed(result) == set()


def test_a_trace_that_nobody_settles_is_an_error(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    processor.take(*pipeline(), at=noon, settle=False)
    processor.sql("UPDATE unsettled_traces SET due_at = now() - interval '3 hours'")
    found = verdict(rollups.of_hours(noon), "landed", "settling_keeps_up")
    assert (found.passed, found.severity) == (False, ERROR)
    assert sample(found)[0]["waits_minutes"] == "180"


def test_a_frame_event_that_the_contract_does_not_know_is_an_error(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    processor.take(*pipeline(), at=noon)
    processor.clickhouse(UNSOUND_EVENT)
    found = verdict(rollups.of_hours(noon), "frame_metrics", "schema")
    assert (found.passed, found.severity) == (False, ERROR)
    assert {(row["column"], row["sample"]) for row in sample(found)} == {
        ("media_time_ms", "-1.0"),
        ("nsfw_score", "7.0"),
    }


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("frame_index_rises", {"frame_index": 4}),
        ("media_time_never_falls", {"media_time_ms": 1}),
        ("observed_at_keeps_pace", {"observed_at": "2026-11-21T11:59:54.999999Z"}),
    ],
)
def test_frames_out_of_order_are_a_warning_that_names_the_rule(
    processor: Processor, rollups: Rollups, noon: datetime, rule: str, changes: dict[str, object]
) -> None:
    whole = pipeline()
    late = event(whole[0]["trace_id"], 10) | {"span_id": whole[1]["span_id"], "media_time_ms": 160} | changes
    if rule != "media_time_never_falls":
        late["media_time_ms"] = int(str(late["frame_index"])) * 40
    processor.take(*whole, late, at=noon)
    processor.take(*whole, late, at=noon)
    processor.take(*pipeline(), at=noon)
    found = verdict(rollups.of_hours(noon), "frame_metrics", "frames_in_order")
    assert (found.passed, found.severity) == (False, WARN)
    (row,) = sample(found)
    assert (row["rule"], row["events"], row["trace_id"]) == (rule, "1", whole[0]["trace_id"])


def test_a_clock_that_falls_back_by_five_seconds_keeps_pace(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    whole = pipeline()
    late = frames(whole[0]["trace_id"], whole[1]["span_id"], [10], observed_at="2026-11-21T11:59:55Z")
    sampled = frames(whole[0]["trace_id"], whole[1]["span_id"], [10], event_type="frame_sampled")
    processor.take(*whole, *late, *sampled, at=noon)
    assert failed(rollups.of_hours(noon)) == set()


def test_at_most_twenty_faults_are_shown_and_all_are_counted(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    for _ in range(25):
        processor.take(*pipeline([0, 0]), at=noon, settle=False)
    found = verdict(rollups.of_hours(noon), "frame_metrics", "frames_in_order")
    assert (found.metadata["faults"].value, len(sample(found))) == (25, 20)


def test_old_orphans_and_traces_without_spans_are_warnings(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    orphan, empty = pipeline(), pipeline([])
    processor.take(*orphan[1:], empty[0], at=noon)
    result = rollups.of_hours(noon)
    assert failed(result) == {"health:no_old_orphans", "health:every_trace_has_spans"}
    orphans = verdict(result, "health", "no_old_orphans")
    without = verdict(result, "health", "every_trace_has_spans")
    assert (orphans.severity, without.severity) == (WARN, WARN)
    assert [row["trace_id"] for row in sample(orphans)] == [orphan[0]["trace_id"]]
    assert [row["trace_id"] for row in sample(without)] == [empty[0]["trace_id"]]


def test_a_young_trace_may_be_without_record_and_without_spans(
    processor: Processor, rollups: Rollups, now: datetime
) -> None:
    processor.take(*pipeline()[1:], pipeline([])[0], at=now)
    assert failed(rollups.of_hours(now)) == set()


@pytest.mark.parametrize(
    ("column", "edit"),
    [
        ("completeness", lambda table: table.with_columns(pl.lit(100.5).alias("completeness"))),
        ("gaps", lambda table: table.with_columns(pl.lit(-1, dtype=pl.Int64).alias("gaps"))),
        ("trace_id", lambda table: table.with_columns(pl.lit(None, dtype=pl.String).alias("trace_id"))),
        ("status", lambda table: table.with_columns(pl.lit("DONE").alias("status"))),
        ("findings", lambda table: table.with_columns(pl.lit("1").alias("findings"))),
        ("user_id_hash", lambda table: table.with_columns(pl.lit("a" * 64).alias("user_id_hash"))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_health_table_that_is_not_as_declared_is_an_error(
    processor: Processor,
    rollups: Rollups,
    resources: Resources,
    instance: dg.DagsterInstance,
    noon: datetime,
    column: str,
    edit: Edit,
) -> None:
    processor.take(*pipeline(), at=noon)
    rollups.of_hours(noon)
    rollups.change("health", noon, edit)
    found = verdict(alone(trace_checks.health_checks, resources, instance), "health", "schema")
    assert (found.passed, found.severity) == (False, ERROR)
    assert [row["column"] for row in sample(found)] == [column]


@pytest.mark.parametrize("what", ["traces", "spans", "frame_events"])
def test_a_roll_up_that_counts_something_twice_is_an_error(
    processor: Processor,
    rollups: Rollups,
    resources: Resources,
    instance: dg.DagsterInstance,
    noon: datetime,
    what: str,
) -> None:
    processor.take(*pipeline(), at=noon)
    aged(processor)
    rollups.of_hours(noon)
    rollups.change("hourly_rollups", noon, lambda table: table.with_columns(pl.col(what) * 2))
    found = verdict(alone(trace_checks.hourly_checks, resources, instance), "hourly_rollups", "adds_up")
    assert (found.passed, found.severity) == (False, ERROR)
    assert [row["what"] for row in sample(found)] == [what]


def test_a_roll_up_without_a_trace_that_is_there_is_an_error(
    processor: Processor, rollups: Rollups, resources: Resources, instance: dg.DagsterInstance, noon: datetime
) -> None:
    processor.take(*pipeline(), at=noon)
    aged(processor)
    processor.clickhouse("TRUNCATE TABLE trace_facts")
    found = verdict(rollups.of_hours(noon), "hourly_rollups", "adds_up")
    assert {(row["what"], row["raw"], row["rolled_up"]) for row in sample(found)} == {
        ("traces", "1.0", "0.0"),
        ("spans", "1.0", "0.0"),
        ("frame_events", "10.0", "0.0"),
    }


def test_columns_that_changed_are_named(
    processor: Processor, rollups: Rollups, resources: Resources, instance: dg.DagsterInstance, noon: datetime
) -> None:
    processor.take(*pipeline(), at=noon)
    rollups.of_hours(noon)
    rollups.change("hourly_rollups", noon, lambda table: table.with_columns(pl.col("spans").cast(pl.Float64)))
    found = verdict(alone(trace_checks.hourly_checks, resources, instance), "hourly_rollups", "schema")
    assert [row["column"] for row in sample(found)] == ["spans"]


def test_a_day_that_does_not_charge_what_was_used_is_an_error(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    processor.take(*pipeline(), at=noon)
    aged(processor)
    processor.clickhouse("ALTER TABLE trace_facts UPDATE units = map() WHERE 1 SETTINGS mutations_sync = 2")
    rollups.of_hours(noon)
    result = rollups.of_days(noon)
    assert failed(result) == {"daily_costs:adds_up"}
    assert [row["raw"] for row in sample(verdict(result, "daily_costs", "adds_up"))] == ["40.0"]


def test_an_hour_that_was_not_rolled_up_is_an_error_until_it_is(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    processor.take(*pipeline(), at=noon)
    processor.take(*pipeline(), at=noon - HOUR)
    aged(processor)
    rollups.of_hours(noon)
    result = rollups.of_days(noon)
    assert failed(result) == {"daily_costs:hours_agree"}
    missing = {row["hour"] for row in sample(verdict(result, "daily_costs", "hours_agree"))}
    assert missing == {str(noon.replace(minute=0) - HOUR)}
    rollups.of_hours(noon - HOUR)
    assert failed(rollups.of_days(noon)) == set()


def test_a_metric_with_more_values_than_frames_is_an_error(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    scored = [one | {"quality_metrics": {"nsfw_score": 0}} if one["type"] == "event" else one for one in pipeline()]
    processor.take(*scored, at=noon)
    processor.clickhouse(
        "ALTER TABLE frame_hours UPDATE metric_counts = map('nsfw_score', 11) WHERE 1 SETTINGS mutations_sync = 2"
    )
    rollups.of_hours(noon)
    result = rollups.of_days(noon)
    assert failed(result) == {"daily_quality:counted_once"}
    assert [row["values"] for row in sample(verdict(result, "daily_quality", "counted_once"))] == ["11"]


def aged(processor: Processor) -> None:
    """Let what was just settled have been settled for a while, so that it is judged."""
    processor.sql("UPDATE traces SET updated_at = updated_at - interval '1 hour'")
    processor.sql("UPDATE trace_summaries SET settled_at = settled_at - interval '1 hour'")
    processor.clickhouse(
        "INSERT INTO trace_facts SELECT * REPLACE (settled_at - INTERVAL 1 HOUR AS settled_at) FROM trace_facts"
    )
    processor.clickhouse(
        "ALTER TABLE trace_facts DELETE WHERE settled_at > now64(6) - INTERVAL 30 MINUTE SETTINGS mutations_sync = 2"
    )


def alone(
    checked: dg.AssetChecksDefinition, resources: Resources, instance: dg.DagsterInstance
) -> dg.ExecuteInProcessResult:
    """Run checks by themselves: they look at the newest window."""
    return dg.materialize(
        [health, hourly_rollups, checked],
        selection=dg.AssetSelection.checks(checked),
        resources=resources,
        instance=instance,
    )
