# SPDX-License-Identifier: Apache-2.0
"""What the nightly training and the rebuilding of stale windows decide, apart from what they read."""

from datetime import UTC, datetime, timedelta

from ovpo.foundation.settings.load import load
from ovpo.sop.training.staleness import StaleWindow, ranges
from ovpo_assets.partitions import RANGE_END, RANGE_START
from schedules.nightly_adapters import nightly_adapter_training, too_few
from sensors.stale_windows import MOST_RUNS, REBUILD, free, stale_procedures, to_rebuild

START = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def windows(*hours: int, aim: str = "a") -> list[StaleWindow]:
    return [StaleWindow(START + hour * HOUR, aim) for hour in hours]


def test_adapters_are_trained_at_two_o_clock_utc_unless_a_setting_says_another_time() -> None:
    assert nightly_adapter_training.cron_schedule == load().sop.training_cron == "0 2 * * *"
    assert nightly_adapter_training.execution_timezone == "UTC"
    assert nightly_adapter_training.job_name == "train_adapters"


def test_nothing_is_trained_while_no_tenant_has_enough_new_golds_and_the_numbers_are_said() -> None:
    said = too_few({"one": 2, "other": 0, "third": 2}, least=3)
    assert said == "No tenant has 3 new gold videos: 2 of 3 have new ones, 2 at most, 4 together."
    assert too_few({}, least=1) is not None


def test_one_tenant_with_enough_new_golds_is_enough() -> None:
    assert too_few({"one": 0, "other": 3}, least=3) is None


def test_a_range_of_stale_windows_gets_one_run_over_exactly_its_hours() -> None:
    stale = ranges(windows(0, 1, 2, 7))
    first, second = to_rebuild(stale, {}, most_attempts=3)
    assert (first.tags[RANGE_START], first.tags[RANGE_END]) == ("2026-11-20-00:00", "2026-11-20-02:00")
    assert (second.tags[RANGE_START], second.tags[RANGE_END]) == ("2026-11-20-07:00", "2026-11-20-07:00")
    assert first.run_key == first.tags[REBUILD] == stale[0].name
    assert stale_procedures.job_name == "score_procedures"


def test_windows_that_a_run_covers_are_left_to_it_and_part_the_others() -> None:
    found = free(windows(0, 1, 2, 3), busy={START + HOUR})
    assert [(one.first, one.last) for one in found] == [(START, START), (START + 2 * HOUR, START + 3 * HOUR)]


def test_a_range_that_a_run_left_stale_is_asked_for_under_a_new_name_and_not_for_ever() -> None:
    (stale,) = ranges(windows(0, 1))
    (again,) = to_rebuild([stale], {stale.name: 1}, most_attempts=3)
    assert again.run_key == f"{stale.name}.1"
    assert to_rebuild([stale], {stale.name: 3}, most_attempts=3) == []


def test_a_tick_asks_for_a_few_runs_and_ranges_that_are_given_up_hide_no_others() -> None:
    stale = ranges(windows(*range(0, 40, 2)))
    spent = {one.name: 3 for one in stale[:10]}
    requests = to_rebuild(stale, spent, most_attempts=3)
    assert [request.run_key for request in requests] == [one.name for one in stale[10 : 10 + MOST_RUNS]]
