# SPDX-License-Identifier: Apache-2.0
"""The SOP graph as its daemon drives it: sensors are evaluated and what they ask for is run, in this process."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from examples.procedures.coffee import FILL, FILTER, GRIND, POUR, STIR, Step, Take
from examples.procedures.run import write
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.records.definitions import Definitions
from ovpo_assets import gpu
from ovpo_assets.definitions import defs
from sensors.gpu_requests import embedding_requests
from sensors.requests import intake_requests, score_requests, training_requests
from sensors.stale_windows import stale_procedures
from sensors.watch_folder import watch_folder
from tests.runs.conftest import Resources, bind

PACE = 0.6
TASK = "coffee"
EMPTY = """
TRUNCATE ledger_items, ledger_windows, sop_videos, sop_tasks, sop_definitions, sop_makers, sop_embeddings, sop_adapted,
         sop_adapters, sop_scores
"""
SERVING = {
    "take_in_videos": intake_requests,
    "embed_clips": embedding_requests,
    "score_procedures": score_requests,
    "train_adapters": training_requests,
}
ALL_STEPS = (GRIND, FILTER, FILL, POUR, STIR)


@dataclass(frozen=True)
class Flow:
    """What is dropped, looked at and run."""

    settings: Settings
    instance: dg.DagsterInstance
    resources: Resources

    @property
    def inbox(self) -> Path:
        return self.settings.home / "inbox"

    def drop(self, role: str, name: str, steps: Sequence[Step] = ALL_STEPS, light: float = 1.0) -> Path:
        """Lay a video of these steps into the inbox."""
        file = self.inbox / TASK / role / f"{name}.mp4"
        write(Take(name, role, [(step, PACE) for step in steps], light=light), file)
        return file

    def define(self, steps: Sequence[Step] = ALL_STEPS, critical: str = "") -> None:
        """Put a new version of the procedure's definition on record, one step of it critical."""
        begun, lines = 0.0, [f"task: {TASK}", "steps:"]
        for step in steps:
            lines += [
                f"  - name: {step.name}",
                f"    starts_at: {begun:g}",
                f"    critical: {step.name == critical}".lower(),
            ]
            begun += step.seconds * PACE
        with self.resources["sop"].workplace("test").transaction() as connection:
            Definitions(connection).add("demo", TASK, "\n".join(lines), "test", datetime.now(UTC))

    def look(self) -> str:
        """Evaluate the watch on the inbox."""
        with dg.build_sensor_context(instance=self.instance, resources=self._named("sop", "inbox")) as context:
            said = watch_folder(context)
        assert isinstance(said, dg.SkipReason)
        return str(said.skip_message)

    def requests(self, sensor: dg.SensorDefinition) -> list[dg.RunRequest]:
        """Evaluate a sensor that asks for runs, and give those."""
        return list(self.evaluate(sensor).run_requests or ())

    def evaluate(self, sensor: dg.SensorDefinition, cursor: str | None = None) -> dg.SensorResult:
        """Evaluate a sensor that asks for runs."""
        names = ("sop", "settings") if sensor is stale_procedures else ("ledger", "settings")
        with dg.build_sensor_context(
            instance=self.instance, resources=self._named(*names), sensor_name=sensor.name, cursor=cursor
        ) as context:
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        return result

    def serve(self, job: str, sensor: dg.SensorDefinition | None = None) -> list[dg.ExecuteInProcessResult]:
        """Run what a sensor asks for."""
        return [self.run(job, request) for request in self.requests(sensor or SERVING[job])]

    def run(self, job: str, request: dg.RunRequest, *, raise_on_error: bool = True) -> dg.ExecuteInProcessResult:
        """Do what the daemon does with a request."""
        location = self._gpu() if job == "embed_clips" else self._cpu()
        return location.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            tags=dict(request.tags),
            raise_on_error=raise_on_error,
        )

    def to_the_end(self) -> None:
        """Look and serve until nobody asks for anything."""
        self.look()
        while any(self.serve(job) for job in SERVING):
            continue

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Ask the database."""
        with psycopg.connect(admin_conninfo(self.settings.postgres, self.settings.postgres.database)) as connection:
            return list(connection.execute(statement.encode(), values).fetchall())

    def _named(self, *names: str) -> dict[str, object]:
        return {name: self.resources[name] for name in names}

    def _cpu(self) -> dg.Definitions:
        return dg.Definitions(
            assets=defs.assets,
            asset_checks=defs.asset_checks,
            jobs=defs.jobs,
            resources=self.resources,
            executor=dg.in_process_executor,
        )

    def _gpu(self) -> dg.Definitions:
        return dg.Definitions(
            assets=gpu.defs.assets,
            asset_checks=gpu.defs.asset_checks,
            jobs=gpu.defs.jobs,
            resources=self.resources,
            executor=dg.in_process_executor,
        )


@pytest.fixture
def flow(settings: Settings, instance: dg.DagsterInstance) -> Iterator[Flow]:
    """Begin with nothing on record, nothing stored, an empty inbox, and files that need not settle."""
    at_once = settings.model_copy(update={"sop": settings.sop.model_copy(update={"settle_seconds": 0.0})})
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(EMPTY)
    for folder in ("inbox", "objects/sop", "objects/tables"):
        shutil.rmtree(settings.home / folder, ignore_errors=True)
    yield Flow(at_once, instance, bind(at_once))
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(EMPTY)
