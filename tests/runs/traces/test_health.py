# SPDX-License-Identifier: Apache-2.0
"""`traces/health`: how complete each trace is and why, who is orphaned, and what heals."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from ovpo_assets.partitions import HOUR, hours, key_of
from tests.integration.collector.batches import Item, new_id, span, trace
from tests.runs.conftest import checks, sample
from tests.runs.traces.conftest import Processor, Rollups, failed, metadata
from tests.runs.traces.pipelines import frames, pipeline, worked

PARTS = ("record_part", "spans_part", "frames_part", "order_part")


def row(rollups: Rollups, moment: datetime) -> dict[str, Any]:
    """Give the one row of an hour."""
    table = rollups.table("health", moment)
    assert table.height == 1
    return table.row(0, named=True)


def test_a_trace_of_which_all_came_is_complete(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    processor.take(*pipeline(), at=noon)
    rollups.of_hours(noon)
    found = row(rollups, noon)
    assert [found["completeness"], *(found[part] for part in PARTS)] == [100.0] * 5
    assert (found["spans"], found["frames"], found["expected_frames"], found["gaps"]) == (1, 10, 10, 0)
    assert (found["orphan"], found["unsettled"], found["forgotten"]) == (False, False, False)
    assert found["seen_at"] == noon
    assert found["lag_seconds"] > 0


def without_record() -> list[Item]:
    return pipeline()[1:]


def with_gaps() -> list[Item]:
    return pipeline([0, 1, 2, 4, 9])


def with_dropped_events() -> list[Item]:
    record, *_ = pipeline()
    at = new_id()
    dropped = worked(record["trace_id"], at, **{"otel.dropped_events_count": 30})
    return [record, dropped, *frames(record["trace_id"], at, range(10))]


def with_an_unknown_span() -> list[Item]:
    whole = pipeline()
    return [*whole, *frames(whole[0]["trace_id"], new_id(), [10])]


def with_a_frame_twice() -> list[Item]:
    whole = pipeline()
    return [*whole, *frames(whole[0]["trace_id"], whole[1]["span_id"], [9])]


def with_sampled_frames_only() -> list[Item]:
    record, work, *_ = pipeline([])
    return [record, work, *frames(record["trace_id"], work["span_id"], [0, 10, 20], event_type="frame_sampled")]


def without_frames() -> list[Item]:
    return pipeline([])


def without_spans() -> list[Item]:
    return pipeline([])[:1]


@pytest.mark.parametrize(
    ("make", "parts", "completeness"),
    [
        (without_record, (0, 100, 100, 100), 75.0),
        (with_gaps, (100, 100, 50, 100), 80.0),
        (with_dropped_events, (100, 100, 25, 100), 70.0),
        (with_an_unknown_span, (100, 50, 100, 100), 87.5),
        (with_a_frame_twice, (100, 100, 100, 100 * 10 / 11), 100 - 10 / 11),
        (with_sampled_frames_only, (100, 100, 100, 100), 100.0),
        (without_frames, (100, 100, None, None), 100.0),
        (without_spans, (100, 0, None, None), 50.0),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_missing_lowers_its_part_and_by_its_weight_the_whole(
    processor: Processor, rollups: Rollups, noon: datetime, make: Any, parts: tuple[Any, ...], completeness: float
) -> None:
    processor.take(*make(), at=noon)
    rollups.of_hours(noon)
    found = row(rollups, noon)
    assert tuple(found[part] for part in PARTS) == pytest.approx(parts)
    assert found["completeness"] == pytest.approx(completeness)


def test_a_number_of_dropped_events_beyond_reason_or_of_another_kind_breaks_nothing(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    one = new_id()
    spans = [worked(one, new_id(), **{"otel.dropped_events_count": value}) for value in (1e300, -5, "many", True)]
    processor.take(trace(one), *spans, at=noon)
    rollups.of_hours(noon)
    assert (row(rollups, noon)["dropped_events"], row(rollups, noon)["frames_part"]) == (1_000_000_000, 0.0)


def test_an_index_beyond_reason_breaks_nothing(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    for index in (2**63 - 1, 2**63 - 2):
        whole = pipeline([0])
        last = frames(whole[0]["trace_id"], whole[1]["span_id"], [1], frame_index=index)
        processor.take(*whole, *last, at=noon)
    result = rollups.of_hours(noon)
    assert failed(result) == set()
    assert (rollups.table("health", noon)["gaps"] > 10**11).all()


def test_a_repeated_event_is_no_frame_more(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    whole = pipeline()
    processor.take(*whole, at=noon)
    processor.take(*whole, at=noon + timedelta(minutes=1))
    rollups.of_hours(noon)
    found = row(rollups, noon)
    assert (found["frame_events"], found["frames"], found["completeness"]) == (10, 10, 100.0)


def test_an_orphan_is_reported_when_it_is_an_hour_old(
    processor: Processor, rollups: Rollups, noon: datetime, now: datetime
) -> None:
    young, old = without_record(), without_record()
    processor.take(*young, at=now)
    processor.take(*old, at=noon)
    recent = rollups.of_hours(now)
    assert (metadata(recent, "health")["orphans"], metadata(recent, "health")["orphaned_for_an_hour"]) == (1, 0)
    assert checks(recent)["no_old_orphans"].passed
    late = rollups.of_hours(noon)
    assert (metadata(late, "health")["orphans"], metadata(late, "health")["orphaned_for_an_hour"]) == (1, 1)
    assert [found["trace_id"] for found in sample(checks(late)["no_old_orphans"])] == [old[0]["trace_id"]]


def test_an_orphan_is_one_no_more_when_its_record_comes_however_late(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    whole = pipeline()
    processor.take(*whole[1:], at=noon)
    processor.take(whole[0], at=noon + 5 * HOUR)
    rollups.of_hours(noon, noon + 5 * HOUR)
    assert (row(rollups, noon)["orphan"], row(rollups, noon)["completeness"]) == (False, 100.0)
    assert rollups.table("health", noon + 5 * HOUR).is_empty()


@pytest.mark.parametrize("what", ["a trace", "a span", "a frame"])
def test_what_nobody_was_going_to_settle_is_marked_and_heals(
    processor: Processor, rollups: Rollups, noon: datetime, what: str
) -> None:
    whole = pipeline(range(9))
    trace_id, at = whole[0]["trace_id"], whole[1]["span_id"]
    late = {"a trace": [], "a span": [span(trace_id)], "a frame": frames(trace_id, at, [9])}[what]
    processor.take(*whole, at=noon, settle=bool(late))
    if late:
        processor.take(*late, at=noon + timedelta(seconds=1), settle=False)
    processor.sql("DELETE FROM unsettled_traces")
    first = rollups.of_hours(noon)
    assert metadata(first, "health")["settled_again"] == 1
    assert processor.sql("SELECT trace_id::text FROM unsettled_traces") == [(trace_id,)]
    assert metadata(rollups.of_hours(noon), "health")["settled_again"] == 0
    processor.settle()
    assert metadata(rollups.of_hours(noon), "health")["settled_again"] == 0
    assert processor.sql("SELECT spans + frame_events FROM trace_summaries") == [(1 + 9 + len(late),)]


def test_raw_rows_that_ended_do_not_undo_a_summary(processor: Processor, rollups: Rollups, noon: datetime) -> None:
    processor.take(*pipeline(), at=noon)
    processor.clickhouse("TRUNCATE TABLE frame_events")
    assert metadata(rollups.of_hours(noon), "health")["settled_again"] == 0
    assert processor.sql("SELECT count(*) FROM unsettled_traces") == [(0,)]


def test_a_range_of_hours_is_one_run_that_writes_each_of_them(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    for age in (0, 2):
        processor.take(*pipeline(), at=noon - age * HOUR)
    result = rollups.of_hours(noon - 3 * HOUR, noon)
    written = {event.partition for event in result.asset_materializations_for_node("traces__health")}
    assert written == {key_of(hours, noon - age * HOUR) for age in range(4)}
    assert [rollups.table("health", noon - age * HOUR).height for age in range(4)] == [1, 0, 1, 0]
    assert rollups.table("health", noon - HOUR).schema == rollups.table("health", noon).schema


def test_a_window_whose_rows_have_ended_is_refused_and_keeps_its_table(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    result = rollups.of_hours(noon - timedelta(days=200), raise_on_error=False)
    assert not result.success
    reasons = [str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]
    assert any("leave such windows out of the backfill" in reason for reason in reasons)


def test_nothing_of_a_user_is_in_the_table_or_in_what_is_said_of_it(
    processor: Processor, rollups: Rollups, noon: datetime
) -> None:
    user, prompt = "a" * 64, "a dog on the beach"
    context = {"prompt_hash": "b" * 64, "prompt_plaintext": prompt}
    whole = pipeline(user_id_hash=user, input_context=context)
    processor.take(*whole, at=noon)
    result = rollups.of_hours(noon)
    table = rollups.table("health", noon)
    shown = f"{result.get_asset_materialization_events()} {table.with_columns(pl.all().cast(pl.String)).to_dicts()}"
    assert user not in shown
    assert prompt not in shown
    assert whole[0]["trace_id"] not in str(result.get_asset_materialization_events())
