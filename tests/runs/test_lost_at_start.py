# SPDX-License-Identifier: Apache-2.0
"""Runs that a crash of the stack cut off are failed at its next start, and only those."""

import dagster as dg

from resources.lost_runs import fail_lost


@dg.job
def nothing() -> None:
    """Do nothing."""


def run_in(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    return instance.create_run_for_job(job_def=nothing, status=status).run_id


def test_runs_at_work_are_failed_and_all_others_are_left_as_they_are() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        at_work = {run_in(instance, status) for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING)}
        waiting = run_in(instance, dg.DagsterRunStatus.NOT_STARTED)
        done = run_in(instance, dg.DagsterRunStatus.SUCCESS)
        assert fail_lost(instance) == 2
        found = {record.dagster_run.run_id: record.dagster_run.status for record in instance.get_run_records()}
        assert {found[run_id] for run_id in at_work} == {dg.DagsterRunStatus.FAILURE}
        assert (found[waiting], found[done]) == (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.SUCCESS)
        assert fail_lost(instance) == 0
