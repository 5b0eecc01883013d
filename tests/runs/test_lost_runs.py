# SPDX-License-Identifier: Apache-2.0
"""What becomes of requests whose run is lost: given back with a reason, asked for again, given up in the end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from uuid import UUID

import dagster as dg
import pytest

from ovpo.foundation.clickhouse.connect import ClickHouseUnavailableError
from ovpo.foundation.ledger.items import State
from ovpo.foundation.settings.tree import Settings
from sensors.run_failures import release_failed_runs
from tests.runs.conftest import Ask, Find, Perform, Resources, Tick, bind, deaf, launch, revision

PATIENCE_SECONDS = 60
WORKER = """
import json, sys
import dagster as dg
from ovpo_assets.definitions import defs
with dg.DagsterInstance.get() as instance:
    job = defs.resolve_job_def("observe_stores")
    job.execute_in_process(instance=instance, partition_key=sys.argv[1], tags=json.loads(sys.argv[2]))
"""
pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning:ovpo_assets", "error::DeprecationWarning:sensors")
Kill = Callable[[dg.RunRequest, UUID], str]


def fail(perform: Perform, request: dg.RunRequest, settings: Settings) -> dg.ExecuteInProcessResult:
    """Let a run fail after it has taken its requests: the store that must keep the look does not answer."""
    with deaf() as port:
        unreachable = settings.model_copy(update={"clickhouse": settings.clickhouse.model_copy(update={"port": port})})
    return launch(perform, request, bound=bind(unreachable), raise_on_error=False)


def tell_failure(result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance, resources: Resources) -> str:
    """Evaluate the failure sensor for a run, as its daemon would."""
    with dg.build_run_status_sensor_context(
        sensor_name=release_failed_runs.name,
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
        resources={name: resources[name] for name in ("ledger", "settings")},
    ) as context:
        skipped = release_failed_runs(context.for_run_failure())
    assert isinstance(skipped, dg.SkipReason)
    return str(skipped.skip_message)


def test_what_a_failed_run_held_is_given_back_with_a_reason_and_asked_for_again(
    ask: Ask,
    find: Find,
    tick: Tick,
    perform: Perform,
    settings: Settings,
    instance: dg.DagsterInstance,
    resources: Resources,
) -> None:
    wanted = ask()
    (request,) = tick()
    failed = fail(perform, request, settings)
    assert tick() == []
    assert tell_failure(failed, instance, resources).startswith("1 items")
    assert find(wanted).state is State.QUEUED
    assert find(wanted).reason == f"its run failed in platform__stores_observed ({ClickHouseUnavailableError.__name__})"
    assert tell_failure(failed, instance, resources).startswith("0 items")
    (again,) = tick()
    assert revision(again) == revision(request) + 1
    launch(perform, again)
    assert (find(wanted).state, find(wanted).attempt) == (State.FINISHED, 2)


def test_a_request_whose_attempts_are_used_up_fails_with_the_reason(
    ask: Ask,
    find: Find,
    tick: Tick,
    perform: Perform,
    settings: Settings,
    instance: dg.DagsterInstance,
    resources: Resources,
) -> None:
    wanted = ask()
    for _ in range(settings.platform.most_attempts):
        (request,) = tick()
        tell_failure(fail(perform, request, settings), instance, resources)
    item = find(wanted)
    assert (item.state, item.attempt) == (State.FAILED, settings.platform.most_attempts)
    assert item.reason == f"its run failed in platform__stores_observed ({ClickHouseUnavailableError.__name__})"
    assert tick() == []


@pytest.fixture
def kill(settings: Settings, find: Find, instance: dg.DagsterInstance, tmp_path: Path) -> Kill:
    """Serve a request in a process of its own, and kill that while it waits for a store that does not answer."""

    def run_and_kill(request: dg.RunRequest, wanted: UUID) -> str:
        with deaf() as port:
            variables = {
                "OVPO_POSTGRES__PORT": settings.postgres.port,
                "OVPO_CLICKHOUSE__PORT": settings.clickhouse.port,
                "OVPO_BROKER__PORT": settings.broker.port,
                "OVPO_CACHE__PORT": port,
                "OVPO_PLATFORM__STORE_DEADLINE_SECONDS": PATIENCE_SECONDS,
            }
            command = [sys.executable, "-c", WORKER, str(request.partition_key), json.dumps(dict(request.tags))]
            environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
            with subprocess.Popen(command, env=environment, cwd=tmp_path) as worker:
                try:
                    deadline = monotonic() + PATIENCE_SECONDS
                    while find(wanted).state is not State.STARTED and monotonic() < deadline:
                        assert worker.poll() is None
                        sleep(0.1)
                finally:
                    worker.kill()
        run_id = find(wanted).run_id
        assert run_id
        return run_id

    return run_and_kill


def test_a_killed_run_keeps_its_requests_until_it_is_known_to_be_dead_and_then_they_are_asked_for_again(
    ask: Ask, find: Find, tick: Tick, perform: Perform, kill: Kill, instance: dg.DagsterInstance
) -> None:
    wanted = ask()
    (request,) = tick()
    run_id = kill(request, wanted)
    assert tick() == []
    assert find(wanted).state is State.STARTED
    killed = instance.get_run_by_id(run_id)
    assert killed
    instance.report_run_canceled(killed)
    (again,) = tick()
    assert find(wanted).reason == "its run ended as canceled without settling it"
    assert revision(again) == revision(request) + 1
    launch(perform, again)
    assert (find(wanted).state, find(wanted).attempt) == (State.FINISHED, 2)


def test_a_run_that_was_deleted_gives_its_requests_back(
    ask: Ask, find: Find, tick: Tick, kill: Kill, instance: dg.DagsterInstance
) -> None:
    wanted = ask()
    (request,) = tick()
    instance.delete_run(kill(request, wanted))
    assert len(tick()) == 1
    assert find(wanted).reason == "its run is unknown to the orchestrator"


def test_a_run_given_up_for_dead_cannot_answer_what_another_has_taken(
    ask: Ask, find: Find, tick: Tick, perform: Perform, kill: Kill, instance: dg.DagsterInstance, resources: Resources
) -> None:
    wanted = ask()
    (request,) = tick()
    dead = kill(request, wanted)
    instance.delete_run(dead)
    launch(perform, tick()[0])
    answer = find(wanted)
    with resources["ledger"].session() as session:
        assert session.settle([wanted], dead, State.FAILED, answer.updated_at) == 0
    assert find(wanted) == answer
