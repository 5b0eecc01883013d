# SPDX-License-Identifier: Apache-2.0
"""When the platform looks after itself. All times are UTC."""

import dagster as dg

from ovpo_assets import automation
from ovpo_assets.partitions import DAY, HOUR, days, hours, range_tags
from ovpo_assets.platform import observe_stores, prune_run_history, report_ledger_health


@dg.schedule(job=observe_stores, cron_schedule="0 * * * *", default_status=automation.SCHEDULES)
def stores_hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Look at the stores, and sum up the hour that just ended once more: looks on request came after its last run."""
    now = context.scheduled_execution_time
    return dg.RunRequest(tags=range_tags(hours, now - HOUR, now))


@dg.schedule(job=report_ledger_health, cron_schedule="30 0 * * *", default_status=automation.SCHEDULES)
def ledger_health_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Count the items of the last seven days again in one run, since their states go on changing."""
    now = context.scheduled_execution_time
    return dg.RunRequest(tags=range_tags(days, now - 6 * DAY, now))


run_history_nightly = dg.ScheduleDefinition(
    name="run_history_nightly",
    job=prune_run_history,
    cron_schedule="0 3 * * *",
    default_status=automation.SCHEDULES,
    description="Delete the runs that have outlived their keep.",
)
