# SPDX-License-Identifier: Apache-2.0
"""What must hold of scores and reports: each rule lets the right ones through and names the wrong ones."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from msgspec import structs

from ovpo.sop.procedures import rules
from ovpo.sop.procedures.table import REPORT_COLUMNS, SCORE_COLUMNS
from ovpo.sop.result import Interval
from tests.unit.sop import results

HOUR = datetime(2026, 11, 22, 6, tzinfo=UTC)
SCORE: dict[str, Any] = {
    "window": HOUR,
    "tenant_id": "demo",
    "task_id": "tea",
    "score_id": "one",
    "trainee_id": "two",
    "state": "finished",
    "verdict": "pass",
    "points": 88.75,
    "losses": 11.25,
    "lowest_confidence": 0.0,
    "highest_confidence": 1.0,
    "odd_times": 0,
    "adapter": "",
    "lacking": 0,
    "stray": 0,
}
REPORT: dict[str, Any] = {
    "window": HOUR,
    "tenant_id": "demo",
    "task_id": "tea",
    "score_id": "one",
    "verdict": "pass",
    "bytes": 5000,
    "deviations": 2,
    "pictures": 2,
    "finished_at": HOUR,
}


def scores(**changed: Any) -> pl.DataFrame:
    return pl.DataFrame([SCORE | changed], schema=SCORE_COLUMNS)


def reports(**changed: Any) -> pl.DataFrame:
    return pl.DataFrame([REPORT | changed], schema=REPORT_COLUMNS)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"points": 0.0, "losses": 130.0},
        {"verdict": "cannot_judge", "points": None, "losses": None},
        {"state": "waiting", "verdict": None, "points": None, "losses": None},
    ],
)
def test_points_that_are_a_hundred_less_the_losses_are_right(changed: dict[str, Any]) -> None:
    assert rules.points_faults(scores(**changed)).is_empty()


@pytest.mark.parametrize(
    "changed",
    [
        {"points": 88.76},
        {"points": 101.0, "losses": -1.0},
        {"points": -30.0, "losses": 130.0},
        {"points": None},
        {"losses": None},
        {"verdict": "cannot_judge"},
    ],
)
def test_other_points_are_a_fault(changed: dict[str, Any]) -> None:
    assert rules.points_faults(scores(**changed))["score_id"].to_list() == ["one"]


@pytest.mark.parametrize("changed", [{"lowest_confidence": -0.1}, {"highest_confidence": 1.01}])
def test_a_confidence_beyond_its_bounds_is_a_fault(changed: dict[str, Any]) -> None:
    assert rules.confidence_faults(scores()).is_empty()
    assert rules.confidence_faults(scores(lowest_confidence=None, highest_confidence=None)).is_empty()
    assert rules.confidence_faults(scores(**changed)).height == 1


def test_odd_times_and_missing_and_stray_files_are_faults() -> None:
    assert rules.time_faults(scores()).is_empty()
    assert rules.time_faults(scores(odd_times=1)).height == 1
    assert rules.object_faults(scores()).is_empty()
    assert rules.object_faults(scores(lacking=1)).height == 1
    assert rules.object_faults(scores(stray=2)).height == 1


def test_a_report_has_bytes_and_a_picture_for_each_deviation() -> None:
    assert rules.report_faults(reports()).is_empty()
    assert rules.report_faults(reports(bytes=0)).height == 1
    assert rules.report_faults(reports(pictures=1)).height == 1


def test_the_times_of_a_sound_result_are_in_order() -> None:
    for result in (results.flawed(), results.clean(), results.unjudged()):
        assert rules.odd_times(result) == 0


@pytest.mark.parametrize(
    "at", [Interval(-1.0, 2.0), Interval(3.0, 2.0), Interval(1.0, 500.0)], ids=["before", "backwards", "after"]
)
def test_a_time_outside_of_its_video_or_running_backwards_is_odd(at: Interval) -> None:
    clean = results.clean()
    first, *others = clean.steps
    assert rules.odd_times(structs.replace(clean, steps=(structs.replace(first, trainee=at), *others))) == 1
    assert rules.odd_times(structs.replace(clean, steps=(structs.replace(first, repeats=(at,)), *others))) == 1
    flawed = results.flawed()
    wrong = structs.replace(flawed.deviations[-1], trainee=at)
    assert rules.odd_times(structs.replace(flawed, deviations=(*flawed.deviations[:-1], wrong))) == 1


def test_gold_steps_that_do_not_follow_one_another_are_odd() -> None:
    clean = results.clean()
    assert rules.odd_times(structs.replace(clean, steps=clean.steps[::-1])) == len(clean.steps) - 1
