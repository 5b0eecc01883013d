# SPDX-License-Identifier: Apache-2.0
"""`python -m resources.lost_runs LOCATION`: a code server starts, so the runs that its predecessor had are lost.

Dagster's own monitoring would find them only when their longest run time is over. Failed now, their work is given back
to the ledger within seconds.
"""

import sys

import dagster as dg

AT_WORK = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
LOCATION = "dagster/code_location"
MESSAGE = "The code server that this run belonged to ended."


def fail_lost(instance: dg.DagsterInstance, location: str) -> int:
    """Mark every run of a location that says it is at work as failed; returns how many."""
    records = instance.get_run_records(dg.RunsFilter(statuses=list(AT_WORK), tags={LOCATION: location}))
    for record in records:
        instance.report_run_failed(record.dagster_run, MESSAGE)
    return len(records)


if __name__ == "__main__":
    with dg.DagsterInstance.get() as found:
        sys.stdout.write(f"{fail_lost(found, sys.argv[1])} lost runs marked as failed\n")
