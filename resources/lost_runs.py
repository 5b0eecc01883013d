# SPDX-License-Identifier: Apache-2.0
"""`python -m resources.lost_runs`: before a stack starts, no run of it can be at work; those that say so are lost.

Dagster's own monitoring would find them only when their longest run time is over. Failed now, their work is given back
to the ledger within seconds.
"""

import sys

import dagster as dg

AT_WORK = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
MESSAGE = "The stack stopped while this run was at work."


def fail_lost(instance: dg.DagsterInstance) -> int:
    """Mark every run that says it is at work as failed; returns how many."""
    records = instance.get_run_records(dg.RunsFilter(statuses=list(AT_WORK)))
    for record in records:
        instance.report_run_failed(record.dagster_run, MESSAGE)
    return len(records)


if __name__ == "__main__":
    with dg.DagsterInstance.get() as found:
        sys.stdout.write(f"{fail_lost(found)}\n")
