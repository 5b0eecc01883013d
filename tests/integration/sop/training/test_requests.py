# SPDX-License-Identifier: Apache-2.0
"""What the nightly schedule and the sensor of stale windows ask for, on the real database and a run storage."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import dagster as dg
import pytest

from ovpo.foundation.settings.tree import Settings
from ovpo.sop.working import Workplace
from ovpo_assets.partitions import RANGE_END, RANGE_START
from resources.sop import Sop
from schedules.nightly_adapters import nightly_adapter_training
from sensors.occupied import occupied
from sensors.stale_windows import REBUILD, stale_procedures
from tests.integration.sop.training.conftest import DAY, OTHER, Shelf

NIGHT = DAY + timedelta(days=1, hours=2)
Status = dg.DagsterRunStatus


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def night(settings: Settings) -> object:
    resources = {"sop": Sop(settings=settings), "settings": settings}
    with dg.build_schedule_context(scheduled_execution_time=NIGHT, resources=resources) as context:
        return nightly_adapter_training(context)


def tick(settings: Settings, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    resources = {"sop": Sop(settings=settings), "settings": settings}
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        result = stale_procedures(context)
    assert isinstance(result, dg.SensorResult)
    assert bool(result.run_requests) != bool(result.skip_reason)
    return list(result.run_requests or ())


def spans(requests: list[dg.RunRequest]) -> list[tuple[str, str]]:
    return [(request.tags[RANGE_START][-5:-3], request.tags[RANGE_END][-5:-3]) for request in requests]


def keep(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str) -> None:
    named = {tag.replace("__", "/"): value for tag, value in tags.items()}
    instance.add_run(dg.DagsterRun("score_procedures", run_id=str(uuid4()), status=status, tags=named))


def make_stale(shelf: Shelf, *hours: int) -> None:
    champion, former = shelf.adapter("b", "champion"), shelf.adapter("a", "retired")
    assert champion != former
    for hour in hours:
        shelf.adapted(shelf.trainee("a", hour, hour=hour), former)


def test_the_night_is_left_out_with_the_numbers_while_too_few_golds_are_new(settings: Settings, shelf: Shelf) -> None:
    for number in range(settings.sop.least_new_golds - 1):
        shelf.gold("a", number)
    shelf.gold("a", 0, tenant=OTHER)
    shelf.trainee("a", 0)
    left_out = night(settings)
    assert isinstance(left_out, dg.SkipReason)
    assert left_out.skip_message == "No tenant has 3 new gold videos: 2 of 2 have new ones, 2 at most, 3 together."


def test_the_night_trains_the_day_that_has_begun_once_a_tenant_has_enough(settings: Settings, shelf: Shelf) -> None:
    for number in range(settings.sop.least_new_golds):
        shelf.gold("a", number)
    request = night(settings)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-21"


def test_golds_that_were_learnt_from_are_not_new_at_night(settings: Settings, shelf: Shelf, place: Workplace) -> None:
    for number in range(settings.sop.least_new_golds):
        shelf.gold("a", number)
    with place.transaction() as connection:
        known = tuple(str(sha) for (sha,) in connection.execute("SELECT sha256 FROM sop_videos"))
    shelf.adapter("b", "champion", golds=known)
    assert isinstance(night(settings), dg.SkipReason)


def test_nothing_stale_asks_for_nothing(settings: Settings, shelf: Shelf, instance: dg.DagsterInstance) -> None:
    shelf.gold("a", 0)
    assert tick(settings, instance) == []


def test_stale_windows_are_asked_for_a_range_a_run(
    settings: Settings, shelf: Shelf, instance: dg.DagsterInstance
) -> None:
    make_stale(shelf, 1, 2, 3, 7)
    assert spans(tick(settings, instance)) == [("01", "03"), ("07", "07")]


def test_windows_that_a_run_has_are_left_to_it_whether_it_has_one_or_a_range(
    settings: Settings, shelf: Shelf, instance: dg.DagsterInstance
) -> None:
    make_stale(shelf, 1, 2, 3, 4, 5, 6)
    keep(instance, Status.NOT_STARTED, dagster__partition="2026-11-20-02:00")
    keep(instance, Status.STARTED, **{RANGE_START: "2026-11-19-22:00", RANGE_END: "2026-11-20-01:00"})
    keep(instance, Status.SUCCESS, dagster__partition="2026-11-20-04:00")
    keep(instance, Status.STARTED, **{RANGE_START: "2026-11-20-06:00", RANGE_END: "2026-11-20-09:00"})
    assert spans(tick(settings, instance)) == [("03", "05")]


def test_windows_that_a_run_did_while_the_sensor_looked_are_not_asked_for(
    settings: Settings, shelf: Shelf, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_stale(shelf, 1, 5)

    def end_meanwhile(of: dg.DagsterInstance, windows: Collection[datetime]) -> set[datetime]:
        shelf.do("UPDATE sop_adapted AS a SET adapter = c.adapter FROM sop_adapters AS c WHERE c.state = 'champion'")
        return occupied(of, windows)

    monkeypatch.setattr("sensors.stale_windows.occupied", end_meanwhile)
    assert tick(settings, instance) == []


def test_a_range_that_run_after_run_leaves_stale_is_given_up(
    settings: Settings, shelf: Shelf, instance: dg.DagsterInstance
) -> None:
    make_stale(shelf, 1)
    keys = []
    for _ in range(settings.platform.most_attempts):
        (request,) = tick(settings, instance)
        keys.append(request.run_key)
        keep(instance, Status.FAILURE, **request.tags)
    assert len(set(keys)) == settings.platform.most_attempts
    assert tick(settings, instance) == []
    assert all(REBUILD in run.tags for run in instance.get_runs())


def test_what_became_stale_since_is_asked_for_beside_what_was_given_up(
    settings: Settings, shelf: Shelf, instance: dg.DagsterInstance
) -> None:
    make_stale(shelf, 1)
    (request,) = tick(settings, instance)
    for _ in range(settings.platform.most_attempts):
        keep(instance, Status.FAILURE, **request.tags)
    assert tick(settings, instance) == []
    shelf.do("UPDATE sop_adapted SET created_at = created_at + interval '1 hour'")
    assert spans(tick(settings, instance)) == [("01", "01")]
