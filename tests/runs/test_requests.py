# SPDX-License-Identifier: Apache-2.0
"""How requests become runs: ticks of the sensor over the real ledger and the real run storage."""

from datetime import UTC, datetime
from uuid import uuid4

import dagster as dg
import psycopg
import pytest

from ovpo.foundation.ledger.items import State
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo_assets.partitions import HOUR, RANGE_END, RANGE_START, hours, key_of
from tests.runs.conftest import Ask, Find, Perform, Tick, bind, launch, revision

SET_STATUS = "UPDATE runs SET status = %s WHERE run_id = %s"
pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning:ovpo_assets", "error::DeprecationWarning:sensors")


def set_status(settings: Settings, run_id: str, status: dg.DagsterRunStatus) -> None:
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.DAGSTER)) as connection:
        assert connection.execute(SET_STATUS, (status.value, run_id)).rowcount == 1


def test_nobody_asked_and_nothing_happens(tick: Tick) -> None:
    assert tick() == []


def test_a_request_becomes_one_run_and_the_second_tick_asks_for_nothing_new(
    ask: Ask, find: Find, tick: Tick, perform: Perform
) -> None:
    wanted = ask()
    (request,) = tick()
    assert [again.run_key for again in tick()] == [request.run_key]
    launch(perform, request)
    assert find(wanted).state is State.FINISHED
    assert tick() == []


def test_each_window_with_requests_gets_a_run_of_its_own(ask: Ask, tick: Tick) -> None:
    now = datetime.now(UTC)
    for moment in (now, now, now - HOUR, now - 30 * HOUR):
        ask(moment)
    requests = tick()
    assert len(requests) == 3
    assert len({request.partition_key for request in requests}) == 3


def test_while_a_run_has_the_window_no_other_is_asked_for(
    ask: Ask, find: Find, tick: Tick, perform: Perform, settings: Settings
) -> None:
    first = ask()
    (request,) = tick()
    run_id = launch(perform, request).run_id
    late = ask(find(first).registered_at)
    set_status(settings, run_id, dg.DagsterRunStatus.STARTED)
    assert tick() == []
    set_status(settings, run_id, dg.DagsterRunStatus.SUCCESS)
    (another,) = tick()
    assert revision(another) == revision(request) + 1
    launch(perform, another)
    assert find(late).state is State.FINISHED


def test_a_run_that_ends_before_it_takes_its_requests_is_asked_for_again_a_bounded_number_of_times(
    ask: Ask, tick: Tick, perform: Perform, settings: Settings
) -> None:
    ask()
    wrong = settings.postgres.model_copy(update={"database": "nowhere"})
    broken = bind(settings.model_copy(update={"postgres": wrong}))
    keys = []
    for _ in range(settings.platform.most_attempts):
        (request,) = tick()
        keys.append(request.run_key)
        launch(perform, request, bound=broken, raise_on_error=False)
    assert len(set(keys)) == settings.platform.most_attempts
    assert tick() == []


def test_a_window_that_a_backfill_covers_is_left_to_it(
    ask: Ask, tick: Tick, instance: dg.DagsterInstance, settings: Settings
) -> None:
    ask()
    now = datetime.now(UTC)
    covered = {RANGE_START: key_of(hours, now - 3 * HOUR), RANGE_END: key_of(hours, now + HOUR)}
    tags = {**covered, "dagster/backfill": "abc"}
    run = dg.DagsterRun("made by dagster", run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED, tags=tags)
    instance.add_run(run)
    assert tick() == []
    set_status(settings, run.run_id, dg.DagsterRunStatus.SUCCESS)
    assert len(tick()) == 1
