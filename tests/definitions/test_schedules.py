# SPDX-License-Identifier: Apache-2.0
"""What each schedule asks for when its moment comes."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from ovpo_assets import gpu
from ovpo_assets.definitions import defs
from ovpo_assets.partitions import RANGE_END, RANGE_START, days, hours, key_of
from schedules.nightly_adapters import NIGHTLY
from schedules.platform import ledger_health_nightly, stores_hourly
from schedules.rollups import traces_days_nightly, traces_hourly, traces_late_nightly

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)


def asked_for(schedule: dg.ScheduleDefinition, moment: datetime) -> dg.RunRequest:
    """Evaluate a schedule as its daemon would."""
    request = schedule(dg.build_schedule_context(scheduled_execution_time=moment))
    assert isinstance(request, dg.RunRequest)
    return request


def test_the_stores_are_looked_at_in_the_current_hour_and_the_hour_before_is_summed_up_again() -> None:
    tags = asked_for(stores_hourly, MIDNIGHT).tags
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-20-23:00", "2026-11-21-00:00")


def test_the_ledger_of_the_last_seven_days_is_counted_in_one_run() -> None:
    tags = asked_for(ledger_health_nightly, MIDNIGHT.replace(minute=30)).tags
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-15", "2026-11-21")


def test_the_hours_of_telemetry_are_made_again_for_what_comes_late() -> None:
    tags = asked_for(traces_hourly, MIDNIGHT.replace(minute=5)).tags
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-20-22:00", "2026-11-21-00:00")
    tags = asked_for(traces_late_nightly, MIDNIGHT.replace(minute=20)).tags
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-19-00:00", "2026-11-21-00:00")


def test_the_days_of_telemetry_are_made_after_their_hours_and_hold_no_other() -> None:
    tags = asked_for(traces_days_nightly, MIDNIGHT.replace(minute=50)).tags
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2026-11-19", "2026-11-21")


@pytest.mark.parametrize("windows", [hours, days])
def test_the_window_that_is_still_open_can_be_asked_for(windows: dg.TimeWindowPartitionsDefinition) -> None:
    now = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
    assert windows.get_partition_keys(current_time=now)[-1] == key_of(windows, now)


@pytest.mark.parametrize("definitions", [defs, gpu.defs])
def test_every_schedule_fires_and_names_a_job_of_its_location(definitions: dg.Definitions) -> None:
    jobs = {job.name for job in definitions.jobs or ()}
    for schedule in definitions.schedules or ():
        assert isinstance(schedule, dg.ScheduleDefinition)
        assert schedule.job_name in jobs
        if schedule.name == NIGHTLY:
            continue  # asks the stores whether there is anything to learn, see test_nightly_adapters
        answer = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=MIDNIGHT))
        assert len(answer.run_requests or ()) == 1
