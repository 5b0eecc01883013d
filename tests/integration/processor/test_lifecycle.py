# SPDX-License-Identifier: Apache-2.0
"""A trace from its first word to its last, in whatever order and how often its parts come."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ovpo.foundation.settings.tree import Settings
from tests.integration.collector.batches import Item, event, new_id, span, trace
from tests.integration.collector.conftest import until
from tests.integration.processor.conftest import Kept, Processor, Start, ids, queue_up, settled

pytestmark = pytest.mark.usefixtures("processor")

STATUSES = ("PENDING", "GENERATING", "COMPLETED")
NAMED = {"quality_per_hour": "model", "failures_per_hour": "model", "units_per_day": "project"}
VIEWS = tuple(NAMED)


def whole(one: str, frames: int = 20) -> list[Item]:
    """Give a trace with two spans and frames that name them, of this hour."""
    now, at = datetime.now(UTC), [new_id(), new_id()]
    spans = [span(one, span_id=each, duration_ms=500, attributes={"gpu.model": "h100"}) for each in at]
    events = [
        event(one, index)
        | {"span_id": at[index % 2], "observed_at": now.isoformat(), "quality_metrics": {"motion_score": 0.5}}
        for index in range(frames)
    ]
    names: dict[str, Any] = {"pipeline_config": {"model": f"m-{one}"}, "cost_attribution": {"project": f"p-{one}"}}
    return [trace(one, created_at=now.isoformat(), **names), *spans, *events]


def facts(kept: Kept, one: str) -> dict[str, Any]:
    """Give all that the stores have counted of a trace, as far as it does not name the moment of counting."""
    summary = kept.summary(one)
    assert summary is not None
    client = kept.clickhouse()
    found: dict[str, Any] = {"summary": {name: value for name, value in summary.items() if name != "settled_at"}}
    for table in ("frame_hours", "trace_facts"):
        statement = f"SELECT * EXCEPT settled_at FROM {table} FINAL WHERE trace_id = {{trace:UUID}}"
        found[table] = client.query(statement, {"trace": one}).result_rows
    for view in VIEWS:
        client.command(f"SYSTEM REFRESH VIEW {view}")
        client.command(f"SYSTEM WAIT VIEW {view}")
    for view in VIEWS:
        statement = f"SELECT * FROM {view} WHERE {NAMED[view]} = {{name:String}} ORDER BY ALL"
        found[view] = client.query(statement, {"name": f"{NAMED[view][0]}-{one}"}).result_rows
    found["rows"] = len(kept.frames(one)), len(kept.spans(one))
    return found


def test_a_trace_goes_its_way_and_is_known_at_every_step(settings: Settings, kept: Kept) -> None:
    one, now = new_id(), datetime.now(UTC)
    for step, status in enumerate(STATUSES):
        record = trace(one, status=status, tags={"step": str(step), status.lower(): "seen"})
        queue_up(settings.broker, record, received_at=now + timedelta(seconds=step))
        until(lambda: (kept.trace(one) or {}).get("status") == status or None, f"status {status}")  # noqa: B023
    stored = kept.trace(one)
    assert stored is not None
    assert stored["tags"] == {"step": "2", "pending": "seen", "generating": "seen", "completed": "seen"}
    statement = "SELECT status FROM trace_facts FINAL WHERE trace_id = {trace:UUID}"
    until(
        lambda: kept.clickhouse().query(statement, {"trace": one}).result_rows == [("COMPLETED",)] or None,
        "the status in trace_facts",
    )
    assert kept.refused(one) == []


def test_nothing_is_counted_twice_however_often_it_comes(processor: Processor, settings: Settings, kept: Kept) -> None:
    one = new_id()
    items = whole(one)
    queue_up(settings.broker, *items)
    settled(kept, one, lambda found: bool(found["frame_events"] == 20))
    before, repeats = facts(kept, one), processor.metric('ovpo_processor_repeats_total{type="span"}')
    assert [row[-2:] for row in before["frame_hours"]] == [({"motion_score": 10.0}, {"motion_score": 20})]
    assert [len(before[view]) for view in VIEWS] == [1, 1, 1]
    for number in range(3):
        again = [*items, *items] if number else random.Random(1).sample(items, len(items))
        queue_up(settings.broker, *again, *([event(one, 0) | items[3]] * number))
    mark = new_id()
    queue_up(settings.broker, trace(mark))
    settled(kept, mark)
    until(lambda: kept.summary(one), "the trace settled again")
    assert facts(kept, one) == before
    assert kept.refused(one) == []
    assert processor.metric('ovpo_processor_repeats_total{type="span"}') >= repeats + 10
    [raw] = (
        kept.clickhouse().query("SELECT count() FROM frame_events WHERE trace_id = {t:UUID}", {"t": one}).result_rows
    )
    assert raw[0] >= 20


def test_spans_and_events_wait_for_their_trace(settings: Settings, kept: Kept) -> None:
    one = new_id()
    record, *others = whole(one)
    queue_up(settings.broker, *others[2:])
    first = settled(kept, one, lambda found: bool(found["frame_events"] == 20))
    orphan = kept.trace(one)
    assert orphan is not None
    assert (orphan["reported_status"], orphan["status"], orphan["created_at"]) == (None, None, None)
    assert (first["spans"], first["unknown_spans"]) == (0, 2)
    queue_up(settings.broker, *others[:2])
    second = settled(kept, one, lambda found: bool(found["spans"] == 2))
    assert (second["unknown_spans"], second["model"]) == (0, None)
    queue_up(settings.broker, record)
    third = settled(kept, one, lambda found: found["model"] is not None)
    linked = kept.trace(one)
    assert linked is not None
    assert (linked["status"], linked["seen_at"], third["model"]) == ("COMPLETED", orphan["seen_at"], f"m-{one}")
    assert (third["spans"], third["frame_events"]) == (2, 20)
    statement = "SELECT status, frame_events, model FROM trace_facts FINAL WHERE trace_id = {trace:UUID}"
    assert kept.clickhouse().query(statement, {"trace": one}).result_rows == [("COMPLETED", 20, f"m-{one}")]


def test_a_second_span_of_an_id_is_kept_aside_and_the_first_stays(settings: Settings, kept: Kept) -> None:
    one, other_tenant = new_id(), "other"
    first, second = span(one, name="first"), span(one, name="second")
    second["span_id"] = first["span_id"]
    queue_up(settings.broker, second, tenant=other_tenant)
    queue_up(settings.broker, first)
    settled(kept, one, lambda found: bool(found["spans"] == 1))
    for _ in range(2):
        queue_up(settings.broker, second, first, span(new_id()))
    [refused] = until(lambda: kept.refused(one) or None, "a refused span")
    assert (refused["code"], refused["item_type"], str(refused["item_id"]), refused["tenant_id"]) == (
        "CONFLICT",
        "span",
        first["span_id"],
        "demo",
    )
    assert refused["item"] == second
    stored = {row["tenant_id"]: row["name"] for row in kept.spans(one)}
    assert stored == {"demo": "first", other_tenant: "second"}


def test_of_two_spans_of_an_id_in_one_message_the_first_stays(settings: Settings, kept: Kept) -> None:
    one, at = new_id(), new_id()
    queue_up(settings.broker, *(span(one, span_id=at, name=f"name {number}") for number in range(5)))
    settled(kept, one)
    assert [row["name"] for row in kept.spans(one)] == ["name 0"]
    assert sorted(row["item"]["name"] for row in kept.refused(one)) == [f"name {number}" for number in range(1, 5)]


def test_the_same_span_of_two_tenants_is_two_spans(settings: Settings, kept: Kept) -> None:
    one = new_id()
    same, twin = span(one), span(one, name="twin")
    twin["span_id"] = same["span_id"]
    queue_up(settings.broker, twin, tenant="left")
    until(lambda: kept.spans(one) or None, "a span")
    queue_up(settings.broker, same, tenant="left")
    queue_up(settings.broker, same, tenant="right")
    until(lambda: len(kept.spans(one)) == 2 or None, "both spans")
    [refused] = until(lambda: kept.refused(one) or None, "a refused span")
    assert refused["tenant_id"] == "left"


def test_what_may_not_follow_is_kept_aside_and_changes_nothing(settings: Settings, kept: Kept) -> None:
    one, now = new_id(), datetime.now(UTC)
    queue_up(settings.broker, trace(one, status="FAILED", failure=failure()), received_at=now)
    settled(kept, one)
    before = kept.trace(one)
    assert before is not None
    late = trace(one, tags={"late": "yes"})
    queue_up(settings.broker, late, received_at=now + timedelta(seconds=6))
    [refused] = until(lambda: kept.refused(one) or None, "a refused record")
    assert (refused["code"], refused["item"]) == ("INVALID_TRANSITION", late)
    after = kept.trace(one)
    assert after is not None
    assert after | {"updated_at": None} == before | {"updated_at": None}


def failure() -> Item:
    return {"kind": "oom", "message": "no memory", "retryable": False}


def test_records_that_come_out_of_their_order_are_refused_as_they_would_have_been(
    settings: Settings, kept: Kept
) -> None:
    one, now = new_id(), datetime.now(UTC)
    completed, failed = trace(one), trace(one, status="FAILED", failure=failure())
    queue_up(settings.broker, completed, received_at=now)
    settled(kept, one)
    queue_up(settings.broker, failed, received_at=now - timedelta(seconds=30))
    [refused] = until(lambda: kept.refused(one) or None, "a refused record")
    assert (refused["item"], (kept.trace(one) or {})["status"]) == (completed, "FAILED")
    queue_up(settings.broker, completed, span(one), received_at=now - timedelta(seconds=60))
    until(lambda: (kept.trace(one) or {})["status"] == "COMPLETED" or None, "the order of receipt")
    assert [row["item"]["status"] for row in kept.refused(one)] == ["FAILED"]


def test_every_order_of_arrival_gives_the_same_rows(settings: Settings, kept: Kept) -> None:
    now, orders = datetime.now(UTC), []
    for seed in range(4):
        one = new_id()
        parts = [
            (trace(one, status=status, tags={status.lower(): "x", "last": status}, retry_count=step), step)
            for step, status in enumerate((*STATUSES, "COMPLETED", "CANCELLED"))
        ]
        random.Random(seed).shuffle(parts)
        for part, step in parts:
            queue_up(settings.broker, part, received_at=now + timedelta(seconds=step))
        orders.append(one)
    for one in orders:
        until(lambda: len(kept.rows("SELECT FROM trace_records WHERE trace_id = %s", one)) == 5 or None, "all records")  # noqa: B023
    names = ("status", "tags", "retry_count", "created_at", "completed_at")
    stored = [kept.trace(one) or {} for one in orders]
    assert [{name: row[name] for name in names} for row in stored] == [{name: stored[0][name] for name in names}] * 4
    assert stored[0]["status"] == "COMPLETED"
    refused = [[row["item"]["status"] for row in kept.refused(one)] for one in orders]
    assert refused == [["CANCELLED"]] * 4


def test_records_beyond_the_most_are_kept_aside_and_nowhere_else(settings: Settings, kept: Kept) -> None:
    one = new_id()
    queue_up(settings.broker, *(trace(one, status="GENERATING", retry_count=number) for number in range(203)))
    until(lambda: len(kept.refused(one)) == 3 or None, "three refused records")
    assert {row["code"] for row in kept.refused(one)} == {"TOO_MANY_ITEMS"}
    assert len(kept.rows("SELECT FROM trace_records WHERE trace_id = %s", one)) == 200
    queue_up(settings.broker, trace(one, status="COMPLETED"), received_at=datetime.now(UTC) - timedelta(hours=1))
    until(lambda: (kept.trace(one) or {})["status"] == "COMPLETED" or None, "the record that came before them")
    assert len(kept.rows("SELECT FROM trace_records WHERE trace_id = %s", one)) == 200


def test_clocks_of_collectors_may_differ_by_five_seconds(settings: Settings, kept: Kept) -> None:
    now, within, beyond = datetime.now(UTC), new_id(), new_id()
    for one, skew in ((within, 4.9), (beyond, 5.1)):
        queue_up(settings.broker, trace(one, status="GENERATING"), received_at=now + timedelta(seconds=skew))
        queue_up(settings.broker, trace(one), received_at=now)
    until(lambda: kept.refused(beyond) or None, "a refused record")
    settled(kept, within)
    assert [(kept.trace(one) or {})["status"] for one in (within, beyond)] == ["COMPLETED"] * 2
    assert kept.refused(within) == []


def test_two_processors_write_the_same_traces_at_once(settings: Settings, kept: Kept, start: Start) -> None:
    second = start()
    second.start()
    before = kept.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    traces = [new_id() for _ in range(40)]
    items = {one: whole(one, 10) for one in traces}
    chance = random.Random(3)
    for _ in range(6):
        chance.shuffle(traces)
        queue_up(settings.broker, *(item for one in traces for item in chance.sample(items[one], 11)))
    queue_up(settings.broker, *(item for one in traces for item in items[one]))
    for one in traces:
        found = settled(kept, one, lambda summary: bool(summary["frame_events"] == 10 and summary["spans"] == 2))
        assert (found["frames"], found["unknown_spans"], kept.refused(one)) == (10, 0, [])
        assert ids(kept.spans(one), "span_id") == sorted(item["span_id"] for item in items[one][1:3])
    assert second.metric('ovpo_processor_items_total{type="event"}') > 0
    assert kept.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == before
    second.kill()
