# SPDX-License-Identifier: Apache-2.0
"""What the sensors decide, apart from what they read: which windows get a run and which runs are given up."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from ovpo.foundation.ledger.items import PendingWindow
from ovpo_assets.partitions import days, hours
from resources.runs import Run
from sensors.serving import LEFT_TO_FAILURE_SENSOR, MOST_REQUESTS, Gained, gained, to_release, to_request

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
HOUR = NOW.replace(minute=0)
KEY = "2026-11-21-10:00"
Status = dg.DagsterRunStatus


def waiting(revision: int = 1, hours_ago: int = 0) -> PendingWindow:
    return PendingWindow(HOUR - timedelta(hours=hours_ago), revision, queued=1)


def pending(revision: int = 1, hours_ago: int = 0) -> Gained:
    (window,) = gained([[waiting(revision, hours_ago)]], hours)
    return window


def run(status: dg.DagsterRunStatus, ended_at: datetime | None = None) -> Run:
    return Run("r1", "observe_stores", status, NOW - timedelta(minutes=5), ended_at, {})


def test_a_window_that_gained_work_gets_one_run_named_by_window_and_revision() -> None:
    (request,) = to_request([pending(revision=7)], busy=(), spent={}, most_attempts=3)
    assert (request.run_key, request.partition_key) == (f"{KEY}@7", KEY)


def test_a_window_that_a_run_has_already_waits() -> None:
    assert to_request([pending()], busy={KEY}, spent={}, most_attempts=3) == []


def test_more_work_in_the_same_window_makes_another_name() -> None:
    first, second = (to_request([pending(revision)], (), {}, 3)[0].run_key for revision in (1, 2))
    assert first != second


def test_a_run_that_ended_before_it_took_the_work_is_followed_by_another_under_a_new_name() -> None:
    (request,) = to_request([pending()], busy=(), spent={f"{KEY}@1": 1}, most_attempts=3)
    assert request.run_key == f"{KEY}@1.1"


def test_a_window_is_left_alone_when_run_after_run_left_it_untouched() -> None:
    assert to_request([pending()], busy=(), spent={f"{KEY}@1": 3}, most_attempts=3) == []


def test_a_tick_asks_for_a_bounded_number_of_runs_the_oldest_windows_first() -> None:
    windows = [pending(hours_ago=age) for age in range(100, 0, -1)]
    requests = to_request(windows, busy=(), spent={}, most_attempts=3)
    assert len(requests) == MOST_REQUESTS
    assert requests[0].partition_key == (HOUR - timedelta(hours=100)).strftime("%Y-%m-%d-%H:00")


def test_windows_that_must_wait_do_not_hide_those_behind_them() -> None:
    stuck = [pending(hours_ago=age) for age in range(100, 0, -1)]
    spent = {window.name: 3 for window in stuck}
    (request,) = to_request([*stuck, pending()], busy=(), spent=spent, most_attempts=3)
    assert request.partition_key == KEY


@pytest.mark.parametrize("status", [Status.QUEUED, Status.STARTING, Status.STARTED, Status.CANCELING])
def test_a_run_that_may_still_work_keeps_what_it_holds(status: dg.DagsterRunStatus) -> None:
    assert to_release(["r1"], {"r1": run(status)}, NOW) == []


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.CANCELED])
def test_a_run_that_ended_without_settling_is_given_up_at_once(status: dg.DagsterRunStatus) -> None:
    (release,) = to_release(["r1"], {"r1": run(status, NOW)}, NOW)
    assert (release.run_id, status.value.lower() in release.reason) == ("r1", True)


def test_a_run_that_the_orchestrator_does_not_know_is_given_up() -> None:
    (release,) = to_release(["lost"], {}, NOW)
    assert "unknown" in release.reason


def test_a_failed_run_is_left_to_the_failure_sensor_first_and_given_up_when_that_missed_it() -> None:
    failed = {"r1": run(Status.FAILURE, NOW)}
    assert to_release(["r1"], failed, NOW + LEFT_TO_FAILURE_SENSOR / 2) == []
    assert len(to_release(["r1"], failed, NOW + LEFT_TO_FAILURE_SENSOR)) == 1


def test_a_job_of_two_lanes_has_another_name_for_each_gain_of_either() -> None:
    lanes = [
        ([waiting(3)], []),
        ([], [waiting(3)]),
        ([waiting(3)], [waiting(3)]),
        ([waiting(4)], [waiting(3)]),
        ([waiting(3)], [waiting(4)]),
    ]
    names = [gained(pending, hours)[0].name for pending in lanes]
    assert len(set(names)) == len(lanes)


def test_the_hours_of_a_day_become_one_run_of_that_day_named_by_each_of_them() -> None:
    (one,) = gained([[waiting(2), waiting(1, hours_ago=3)]], days)
    (other,) = gained([[waiting(1), waiting(2, hours_ago=3)]], days)
    assert one.key == other.key == "2026-11-21"
    assert one.name != other.name
