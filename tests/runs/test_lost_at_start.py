# SPDX-License-Identifier: Apache-2.0
"""Runs that ended together with their code server are failed at its next start, and only those."""

import dagster as dg

from resources.lost_runs import LOCATION, fail_lost


@dg.job
def nothing() -> None:
    """Do nothing."""


def run_in(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, location: str = "here") -> str:
    return instance.create_run_for_job(job_def=nothing, status=status, tags={LOCATION: location}).run_id


def test_runs_at_work_are_failed_and_all_others_are_left_as_they_are() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        at_work = {run_in(instance, status) for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING)}
        waiting = run_in(instance, dg.DagsterRunStatus.NOT_STARTED)
        elsewhere = run_in(instance, dg.DagsterRunStatus.STARTED, "elsewhere")
        done = run_in(instance, dg.DagsterRunStatus.SUCCESS)
        assert fail_lost(instance, "here") == 2
        found = {record.dagster_run.run_id: record.dagster_run.status for record in instance.get_run_records()}
        assert {found[run_id] for run_id in at_work} == {dg.DagsterRunStatus.FAILURE}
        assert found[elsewhere] is dg.DagsterRunStatus.STARTED
        assert (found[waiting], found[done]) == (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.SUCCESS)
        assert fail_lost(instance, "here") == 0
