# SPDX-License-Identifier: Apache-2.0
"""What the orchestrator took for itself: of each run, the time in which no step of it worked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.dagster import environment

JOBS = ("take_in_videos", "embed_clips", "score_procedures", "train_adapters")


@dataclass(frozen=True, slots=True)
class Ran:
    """A run: its job, how it ended, how long it waited and worked, all in seconds."""

    job: str
    status: str
    queued: float
    whole: float
    """From its launch to its end."""
    steps: float
    """The sum of its steps, which run one after another."""

    @property
    def orchestration(self) -> float:
        """What of it was no step: starting the process, loading the location, writing events."""
        return max(self.whole - self.steps, 0.0)


def ran(settings: Settings) -> list[Ran]:
    """List the runs of the SOP jobs, the oldest first."""
    with _instance(settings) as instance:
        records = [record for record in instance.get_run_records(ascending=True) if record.dagster_run.job_name in JOBS]
        return [_ran(instance, record) for record in records]


def _ran(instance: dg.DagsterInstance, record: dg.RunRecord) -> Ran:
    run_id = record.dagster_run.run_id
    stats = instance.get_run_stats(run_id)
    steps = instance.get_run_step_stats(run_id)
    begun = stats.launch_time or stats.start_time or 0.0
    return Ran(
        job=record.dagster_run.job_name,
        status=record.dagster_run.status.value,
        queued=max(begun - record.create_timestamp.timestamp(), 0.0),
        whole=max((stats.end_time or begun) - begun, 0.0),
        steps=sum((step.end_time or 0.0) - (step.start_time or 0.0) for step in steps if step.start_time),
    )


@contextmanager
def _instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    os.environ |= environment(settings, Home(settings.home))
    with dg.DagsterInstance.get() as instance:
        yield instance
