# SPDX-License-Identifier: Apache-2.0
"""Bottlenecks say what plain Python says of the same spans, once each, of one tenant, whatever is sent again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ovpo.telemetry.processor import settling
from tests.integration.analytics.conftest import Sender
from tests.integration.analytics.plain import by_kind, lasted, many, of_type, percentile, told
from tests.integration.collector.batches import Item, new_id, span, trace

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST = NOW - timedelta(days=12)


def check(answer: dict[str, Any], traces: Sequence[Sequence[Item]]) -> None:
    """Compare every number of an answer with a count of the items."""
    gathered = by_kind(traces)
    everything = sum(lasted(one) for spans in gathered.values() for one in spans)
    assert answer["traces"] == len(traces)
    assert answer["traces_without_spans"] == sum(not of_type(items, "span") for items in traces)
    assert {row["span_kind"] for row in answer["kinds"]} == set(gathered)
    for row in answer["kinds"]:
        spans = gathered[row["span_kind"]]
        times = [lasted(one) for one in spans]
        assert (row["count"], row["errors"]) == (len(spans), sum(one["status"] == "ERROR" for one in spans))
        assert row["traces"] == len({one["trace_id"] for one in spans})
        expected = {
            "total_ms": sum(times),
            "avg_ms": sum(times) / len(times),
            "p50_ms": percentile(times, 0.5),
            "p95_ms": percentile(times, 0.95),
            "p99_ms": percentile(times, 0.99),
            "max_ms": max(times),
            "share": sum(times) / everything,
        }
        assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert [row["total_ms"] for row in answer["kinds"]] == sorted(
        (row["total_ms"] for row in answer["kinds"]), reverse=True
    )


def record(items: Sequence[Item]) -> Item:
    return items[0]


@pytest.fixture
def traces(sender: Sender) -> list[list[Item]]:
    made = many(sender.tenant, 60, FIRST)
    sender.send(*(item for items in made for item in items))
    return made


def test_every_number_is_that_of_a_plain_count(sender: Sender, traces: list[list[Item]]) -> None:
    answer = sender.get("bottlenecks")
    check(answer, traces)
    start, end, as_of = (datetime.fromisoformat(answer[name]) for name in ("start_date", "end_date", "as_of"))
    assert (end - start, as_of) == (timedelta(days=30), end)


def test_filters_choose_traces(sender: Sender, traces: list[list[Item]]) -> None:
    def matching(**wanted: Any) -> list[list[Item]]:
        return [items for items in traces if all(record(items).get(name) == value for name, value in wanted.items())]

    check(sender.get("bottlenecks", model="m-1"), matching(pipeline_config={"model": "m-1"}))
    check(sender.get("bottlenecks", project="p"), matching(cost_attribution={"project": "p"}))
    check(sender.get("bottlenecks", tags="team=a,shot=1"), matching(tags={"team": "a", "shot": "1"}))
    either = [items for items in traces if record(items)["status"] in {"FAILED", "TIMEOUT"}]
    check(sender.get("bottlenecks", status="FAILED,TIMEOUT"), either)
    both = [items for items in either if record(items)["pipeline_config"]["model"] == "m-2"]
    check(sender.get("bottlenecks", status="FAILED,TIMEOUT", model="m-2"), both)
    check(sender.get("bottlenecks", tags="team=c"), [])


def test_the_start_of_a_window_is_in_it_and_its_end_is_not(sender: Sender, traces: list[list[Item]]) -> None:
    moments = sorted(record(items)["created_at"] for items in traces)
    start, end = moments[10], moments[40]
    inside = [items for items in traces if start <= record(items)["created_at"] < end]
    check(sender.get("bottlenecks", start_date=start, end_date=end), inside)


def test_models_stand_apart_when_asked(sender: Sender, traces: list[list[Item]]) -> None:
    answer = sender.get("bottlenecks", group_by="model")
    everything = sum(row["total_ms"] for row in answer["kinds"])
    for model in ("m-1", "m-2"):
        of_model = [items for items in traces if record(items)["pipeline_config"]["model"] == model]
        rows = [row | {"share": row["total_ms"] / everything} for row in answer["kinds"] if row["model"] == model]
        assert {row["span_kind"]: row["count"] for row in rows} == {
            kind: len(spans) for kind, spans in by_kind(of_model).items()
        }
        for row in rows:
            times = [lasted(one) for one in by_kind(of_model)[row["span_kind"]]]
            assert row["p95_ms"] == pytest.approx(percentile(times, 0.95))
    assert sum(row["share"] for row in answer["kinds"]) == pytest.approx(1)


def test_what_is_sent_again_changes_no_number(sender: Sender, traces: list[list[Item]]) -> None:
    sender.send(*(item for items in traces for item in items))
    check(sender.get("bottlenecks"), traces)


def test_a_trace_that_grows_is_counted_with_what_came(sender: Sender) -> None:
    one = new_id()
    sender.send(trace(one, sender.tenant, created_at=told(NOW - timedelta(hours=1)), status="GENERATING"))
    assert sender.get("bottlenecks")["traces_without_spans"] == 1
    for count in (1, 2, 3):
        sender.send(span(one, duration_ms=100.0 * count))
        [row] = sender.get("bottlenecks")["kinds"]
        assert (row["count"], row["max_ms"]) == (count, 100.0 * count)


def test_a_tenant_sees_its_own_spans_only(sender: Sender, stranger: Sender) -> None:
    sender.send(*(item for items in many(sender.tenant, 5, FIRST) for item in items))
    theirs = many(stranger.tenant, 7, FIRST, seed=2)
    stranger.send(*(item for items in theirs for item in items))
    check(stranger.get("bottlenecks"), theirs)
    assert sender.get("bottlenecks")["traces"] == 5


def test_a_tenant_without_data_gets_an_empty_answer(sender: Sender) -> None:
    answer = sender.get("bottlenecks", group_by="model")
    assert (answer["traces"], answer["kinds"], answer["more"]) == (0, [], False)


def test_spans_whose_trace_did_not_come_count_by_when_they_were_heard_of(sender: Sender) -> None:
    sender.send(span(duration_ms=7.0), at=NOW - timedelta(days=3))
    assert sender.get("bottlenecks")["kinds"][0]["max_ms"] == 7.0
    assert sender.get("bottlenecks", start_date=told(NOW - timedelta(days=2)))["traces"] == 0


def test_tags_are_compared_as_they_are(sender: Sender) -> None:
    values = ["it's", 'a"b', "back\\slash", "tab\there", "{x:String}", "%s", "a=b", "日本", "' OR 1=1 --", "", "\\N"]
    for value in values:
        one = new_id()
        sender.send(
            trace(one, sender.tenant, created_at=told(NOW - timedelta(hours=1)), tags={"k": value}),
            span(one, duration_ms=1.0),
        )
    for value in values:
        assert sender.get("bottlenecks", tags=f"k={value}")["traces"] == 1, value
    assert sender.get("bottlenecks", tags="other=")["traces"] == 0


def test_of_very_many_spans_percentiles_are_right_within_the_part_that_is_kept(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MOST_DURATIONS", 100)
    large, small = new_id(), new_id()
    many_times, few_times = [float(number) for number in range(1, 951)], [5000.0 + number for number in range(100)]
    times = [*many_times, *few_times]
    for one, own in ((large, many_times), (small, few_times)):
        sender.send(
            trace(one, sender.tenant, created_at=told(NOW - timedelta(hours=1))),
            *(span(one, duration_ms=time) for time in own),
        )
    [row] = sender.get("bottlenecks")["kinds"]
    assert (row["count"], row["total_ms"], row["max_ms"]) == (1050, sum(times), 5099.0)
    for name, part in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
        assert row[name] == pytest.approx(percentile(times, part), abs=10)
