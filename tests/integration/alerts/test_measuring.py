# SPDX-License-Identifier: Apache-2.0
"""Every metric over the real stores."""

from uuid import uuid4

import pytest

from ovpo.foundation.clickhouse.connect import session
from ovpo.telemetry.alerts.metrics import METRICS, MOST_GROUPS
from tests.integration.alerts.conftest import Desk


def test_the_failure_rate_is_the_share_of_finished_traces(desk: Desk) -> None:
    for status in ("COMPLETED", "PARTIAL", "FAILED", "TIMEOUT", "CANCELLED", "GENERATING", "PENDING"):
        desk.fact(status)
    desk.fact(status=None)  # type: ignore[arg-type]
    assert desk.of_demo(metric="failure_rate") == [("", 0.4, 5)]


def test_a_rate_of_nothing_is_unknown(desk: Desk) -> None:
    assert desk.of_demo(metric="failure_rate") == []
    desk.fact("GENERATING")
    assert desk.of_demo(metric="failure_rate") == [("", None, 0)]


def test_failures_are_counted_by_kind(desk: Desk) -> None:
    desk.fact("FAILED", failure_kind="oom")
    desk.fact("FAILED", failure_kind="oom")
    desk.fact("FAILED", failure_kind="crash")
    desk.fact("TIMEOUT")
    desk.fact("COMPLETED")
    assert desk.of_demo(metric="failures")[0][1] == 4
    assert desk.of_demo(metric="failures", failure_kind="oom")[0][1] == 2
    assert desk.of_demo(metric="failures", failure_kind="timeout")[0][1] == 1
    assert desk.of_demo(metric="failures", failure_kind="hardware_error")[0][1] == 0


def test_durations_are_those_of_finished_traces(desk: Desk) -> None:
    desk.facts([{"total_ms": float(milliseconds)} for milliseconds in range(1, 101)])
    desk.fact("GENERATING", total_ms=9999.0)
    desk.fact(total_ms=None)
    [(_, value, samples)] = desk.of_demo(metric="p95_duration_ms")
    assert samples == 100
    assert value == pytest.approx(95, abs=1)


def test_what_adds_up_beyond_all_numbers_is_unknown(desk: Desk) -> None:
    trace_id = desk.fact(compute_units=1e308)
    desk.fact(compute_units=1e308)
    desk.frames(trace_id, "motion_score", [1e308, 1e308])
    assert desk.of_demo(metric="quality.motion_score") == [("", None, 2)]
    assert desk.of_demo(metric="compute_units") == [("", None, 2)]


def test_counts_are_sums_over_the_window(desk: Desk) -> None:
    desk.fact(compute_units=2.5, findings=3)
    desk.fact("FAILED", compute_units=0.5, findings=1)
    desk.fact("GENERATING", compute_units=1.0)
    desk.fact(ago=31, compute_units=100.0, findings=100)
    values = {name: desk.of_demo(metric=name)[0][1] for name in ("traces", "throughput", "compute_units", "findings")}
    assert values == {"traces": 3, "throughput": 2, "compute_units": 4.0, "findings": 4}


def test_a_count_of_nothing_is_zero_for_every_tenant(desk: Desk) -> None:
    assert desk.of_demo(metric="traces") == [("", 0.0, 0)]


def test_a_trace_counts_in_the_window_in_which_its_newest_items_came(desk: Desk) -> None:
    one = desk.fact("GENERATING", ago=600)
    desk.fact("FAILED", ago=600, trace_id=one, settled_at=desk.now)
    assert desk.of_demo(metric="failures")[0][1] == 1
    assert desk.of_demo(metric="failure_rate") == [("", 1.0, 1)]


def test_only_the_newest_settling_of_a_trace_counts(desk: Desk) -> None:
    one = desk.fact("FAILED", ago=9)
    seen_at = desk.now.replace(microsecond=0)
    desk.fact("COMPLETED", ago=1, trace_id=one, seen_at=seen_at)
    assert desk.of_demo(metric="failure_rate") == [("", 0.0, 1)]


def test_what_the_clock_of_a_sender_says_changes_nothing(desk: Desk) -> None:
    desk.fact("FAILED")
    with session(desk.settings.clickhouse) as client:
        client.command("ALTER TABLE trace_facts UPDATE created_at = '1999-01-01' WHERE 1 SETTINGS mutations_sync = 1")
    assert desk.of_demo(metric="failure_rate") == [("", 1.0, 1)]


def test_a_processor_whose_clock_is_ahead_is_counted(desk: Desk) -> None:
    desk.fact("FAILED", ago=-3)
    assert desk.of_demo(metric="failure_rate") == [("", 1.0, 1)]


def test_groups_and_filters_choose_traces(desk: Desk) -> None:
    desk.fact("FAILED", model="wan", project="film")
    desk.fact("COMPLETED", model="wan", project="ad")
    desk.fact("COMPLETED", model="", project="ad")
    by_model = sorted(desk.of_demo(metric="failure_rate", group_by="model"))
    assert by_model == [("", 0.0, 1), ("wan", 0.5, 2)]
    assert sorted(desk.of_demo(metric="traces", group_by="project")) == [("ad", 2.0, 2), ("film", 1.0, 1)]
    assert desk.of_demo(metric="failure_rate", model="wan", project="film") == [("", 1.0, 1)]
    assert desk.of_demo(metric="failure_rate", group_by="model", project="ad", model="wan") == [("wan", 0.0, 1)]


def test_a_group_that_fell_silent_is_known_for_a_day_and_counts_as_zero(desk: Desk) -> None:
    desk.fact(model="wan", ago=60 * 23)
    assert desk.of_demo(metric="traces", group_by="model") == [("wan", 0.0, 0)]


def test_the_mean_of_a_quality_metric_is_over_frames(desk: Desk) -> None:
    one, two = desk.fact(project="film"), desk.fact(project="ad", model="ltx")
    desk.frames(one, "motion_score", [1.0, 1.0, 1.0])
    desk.frames(two, "motion_score", [5.0], model="ltx")
    desk.frames(two, "motion_score", [99.0], model="ltx", ago=2)
    assert desk.of_demo(metric="quality.motion_score") == [("", 2.0, 4)]
    assert sorted(desk.of_demo(metric="quality.motion_score", group_by="project")) == [("ad", 5.0, 1), ("film", 1.0, 3)]
    assert desk.of_demo(metric="quality.motion_score", model="ltx") == [("", 5.0, 1)]
    assert desk.of_demo(metric="quality.nsfw_score") == [("", None, 0)]


TRACE = """
INSERT INTO traces (tenant_id, trace_id, seen_at, updated_at, reported_status, created_at)
VALUES ('demo', %s, now() - %s * interval '1 minute', now(), %s, CASE WHEN %s::text IS NULL THEN NULL ELSE now() END)
"""


def test_traces_without_a_record_are_orphans_after_an_hour(desk: Desk) -> None:
    for minutes, status in ((61, None), (90, None), (5, None), (90, "COMPLETED"), (60 * 25, None)):
        desk.sql(TRACE, uuid4(), minutes, status, status)
    assert desk.of_demo(metric="orphans", window="1d") == [("", 2.0, 2)]


def test_traces_that_wait_beyond_their_time_and_refused_items_are_counted(desk: Desk) -> None:
    desk.sql(
        "INSERT INTO unsettled_traces (tenant_id, trace_id, due_at) SELECT 'demo', gen_random_uuid(), now() - s * "
        "interval '1 minute' FROM unnest(ARRAY[1, 2, -5]) AS s"
    )
    desk.sql(
        "INSERT INTO refused_items SELECT 'demo', gen_random_uuid(), decode(repeat('00', 16), 'hex'), 'trace', "
        "gen_random_uuid(), 'CONFLICT', 'r', now() - s * interval '1 minute', '{}' FROM unnest(ARRAY[1, 100]) AS s"
    )
    assert desk.of_demo(metric="unsettled") == [("", 2.0, 2)]
    assert desk.of_demo(metric="refused") == [("", 1.0, 1)]


def test_a_sender_who_makes_names_up_is_held_to_a_number_of_groups(desk: Desk) -> None:
    desk.facts([{"model": "busy"}] * 2 + [{"model": f"m{index}"} for index in range(MOST_GROUPS + 3)])
    found = desk.measured(metric="traces", group_by="model")
    assert len([one for one in found.readings if one.tenant_id == "demo"]) == MOST_GROUPS
    assert "busy" in {one.group for one in found.readings}
    assert found.left_out == 1


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_asked_for(desk: Desk, metric: str) -> None:
    trace_id = desk.fact()
    desk.frames(trace_id, metric.removeprefix("quality."), [0.5])
    [(_, value, _)] = desk.of_demo(metric=metric)
    assert value is not None
