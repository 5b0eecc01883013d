# SPDX-License-Identifier: Apache-2.0
"""Quality and throughput say what plain Python says of the same items, by the hour and by the day."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.analytics.conftest import Sender
from tests.integration.analytics.plain import many, of_type, percentile, told, units
from tests.integration.collector.batches import Item, event, new_id, span, trace

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST = NOW - timedelta(days=12)


def hour(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(minute=0, second=0, microsecond=0)


def day(moment: str) -> datetime:
    return hour(moment).replace(hour=0)


@pytest.fixture
def traces(sender: Sender) -> list[list[Item]]:
    made = many(sender.tenant, 60, FIRST)
    sender.send(*(item for items in made for item in items))
    return made


def values(traces: Iterable[list[Item]], metric: str) -> list[tuple[str, str, float]]:
    """List when each value of a metric was observed, of which trace, and the value."""
    return [
        (one["observed_at"], one["trace_id"], one["quality_metrics"][metric])
        for items in traces
        for one in of_type(items, "event")
        if metric in one["quality_metrics"]
    ]


@pytest.mark.parametrize(("bucket", "of"), [("hour", hour), ("day", day)])
def test_quality_is_the_mean_of_the_values_of_a_bucket(
    sender: Sender, traces: list[list[Item]], bucket: str, of: Callable[[str], datetime]
) -> None:
    answer = sender.get("quality", metric="aesthetic_score", bucket=bucket)
    expected: defaultdict[datetime, list[tuple[str, float]]] = defaultdict(list)
    for observed, trace_id, value in values(traces, "aesthetic_score"):
        expected[of(observed)].append((trace_id, value))
    assert {
        datetime.fromisoformat(row["start"]): (row["values"], row["traces"], row["mean"]) for row in answer["buckets"]
    } == {
        start: (
            len(found),
            len({one for one, _ in found}),
            pytest.approx(sum(value for _, value in found) / len(found)),
        )
        for start, found in expected.items()
    }
    everything = [value for _, _, value in values(traces, "aesthetic_score")]
    assert (answer["values"], answer["mean"]) == (len(everything), pytest.approx(sum(everything) / len(everything)))
    assert answer["traces"] == len({one for _, one, _ in values(traces, "aesthetic_score")})
    assert [row["start"] for row in answer["buckets"]] == sorted(row["start"] for row in answer["buckets"])


def test_quality_of_one_model_leaves_the_others_out(sender: Sender, traces: list[list[Item]]) -> None:
    of_model = [items for items in traces if items[0]["pipeline_config"]["model"] == "m-1"]
    found = [value for _, _, value in values(of_model, "motion_score")]
    answer = sender.get("quality", metric="motion_score", model="m-1")
    assert (answer["values"], answer["mean"]) == (len(found), pytest.approx(sum(found) / len(found)))


def test_a_window_of_quality_is_widened_to_hours_and_says_so(sender: Sender) -> None:
    answer = sender.get(
        "quality", metric="nsfw_score", start_date="2026-11-01T10:20:00Z", end_date="2026-11-02T10:20:00Z"
    )
    assert (answer["start_date"], answer["end_date"]) == ("2026-11-01T10:00:00Z", "2026-11-02T11:00:00Z")
    assert (answer["traces"], answer["mean"], answer["buckets"], answer["change_points"]) == (0, None, [], [])


def test_a_change_of_level_is_found_and_one_that_is_none_is_not(sender: Sender) -> None:
    start = (NOW - timedelta(days=3)).replace(minute=0, second=0)
    for index in range(48):
        one = new_id()
        level = 6.0 if index < 30 else 4.5
        at = told(start + timedelta(hours=index))
        scores = {"aesthetic_score": level + (index * 7 % 5) / 20, "motion_score": 2 + (index * 7 % 5) / 20}
        sender.send(
            trace(one, sender.tenant, created_at=at),
            *(event(one, frame) | {"observed_at": at, "quality_metrics": scores} for frame in range(3)),
            settle=False,
        )
    sender.settle()
    [found] = sender.get("quality", metric="aesthetic_score", bucket="hour")["change_points"]
    assert datetime.fromisoformat(found["at"]) == start + timedelta(hours=30)
    assert (found["before"], found["after"]) == (pytest.approx(6.1, abs=0.05), pytest.approx(4.6, abs=0.05))
    assert found["difference"] == found["after"] - found["before"]
    assert sender.get("quality", metric="motion_score", bucket="hour")["change_points"] == []


def test_values_that_cannot_be_added_up_have_no_mean(sender: Sender) -> None:
    one = new_id()
    observed = {"observed_at": told(NOW - timedelta(hours=2)), "quality_metrics": {"motion_score": 1.7e308}}
    sender.send(trace(one, sender.tenant), *(event(one, index) | observed for index in range(3)))
    answer = sender.get("quality", metric="motion_score", bucket="hour")
    assert (answer["values"], answer["mean"], [row["mean"] for row in answer["buckets"]]) == (3, None, [None])


def count(traces: list[list[Item]]) -> dict[str, Any]:
    """Count traces as throughput does."""
    spans = [one for items in traces for one in of_type(items, "span")]
    events = [one for items in traces for one in of_type(items, "event")]
    times = [total for items in traces if (total := total_ms(items)) is not None]
    return {
        "traces": len(traces),
        "by_status": dict(Counter(items[0]["status"] for items in traces)),
        "orphans": 0,
        "by_failure": dict(Counter(items[0]["failure"]["kind"] for items in traces if "failure" in items[0])),
        "spans": len(spans),
        "frames": len(events),
        "frame_events": len(events),
        "units": pytest.approx(sum(map(units, spans))),
        "p50_total_ms": pytest.approx(percentile(times, 0.5)) if times else None,
        "p95_total_ms": pytest.approx(percentile(times, 0.95)) if times else None,
    }


def total_ms(items: list[Item]) -> float | None:
    """How long a trace took: from the first start of its spans to the last end."""
    spans = of_type(items, "span")
    if not spans:
        return None
    first = min(datetime.fromisoformat(one["start_time"]) for one in spans)
    last = max(datetime.fromisoformat(one["end_time"]) for one in spans)
    return (last - first).total_seconds() * 1000


@pytest.mark.parametrize(("bucket", "of"), [("hour", hour), ("day", day)])
def test_throughput_counts_traces_by_their_creation(
    sender: Sender, traces: list[list[Item]], bucket: str, of: Callable[[str], datetime]
) -> None:
    answer = sender.get("throughput", bucket=bucket)
    expected: defaultdict[datetime, list[list[Item]]] = defaultdict(list)
    for items in traces:
        expected[of(items[0]["created_at"])].append(items)
    found = {datetime.fromisoformat(row.pop("start")): row for row in answer["buckets"]}
    assert found == {start: count(of_bucket) for start, of_bucket in expected.items()}
    assert answer["total"] == count(traces)
    assert answer["traces"] == len(traces)


def test_throughput_of_a_model_and_a_project(sender: Sender, traces: list[list[Item]]) -> None:
    wanted = [
        items
        for items in traces
        if items[0]["pipeline_config"]["model"] == "m-2" and items[0].get("cost_attribution") == {"project": "q"}
    ]
    assert sender.get("throughput", model="m-2", project="q")["total"] == count(wanted)


def test_an_orphan_is_counted_as_one_until_its_trace_comes(sender: Sender) -> None:
    one = new_id()
    sender.send(span(one, duration_ms=5.0), at=NOW - timedelta(hours=1))
    assert sender.get("throughput")["total"]["orphans"] == 1
    sender.send(trace(one, sender.tenant, created_at=told(NOW - timedelta(days=2))))
    answer = sender.get("throughput")
    assert (answer["total"]["orphans"], answer["total"]["by_status"], answer["traces"]) == (0, {"COMPLETED": 1}, 1)
    assert day(answer["buckets"][0]["start"]) == day(told(NOW - timedelta(days=2)))


def test_what_is_sent_again_changes_no_number(sender: Sender, traces: list[list[Item]]) -> None:
    sender.send(*(item for items in traces for item in items))
    assert sender.get("throughput")["total"] == count(traces)
    found = [value for _, _, value in values(traces, "aesthetic_score")]
    assert sender.get("quality", metric="aesthetic_score")["values"] == len(found)


def test_a_tenant_sees_nothing_of_another(sender: Sender, stranger: Sender, traces: list[list[Item]]) -> None:
    assert sender.get("throughput")["traces"] == len(traces)
    answer = stranger.get("throughput")
    assert (answer["traces"], answer["buckets"], answer["total"]["p95_total_ms"]) == (0, [], None)
    assert stranger.get("quality", metric="aesthetic_score")["values"] == 0
