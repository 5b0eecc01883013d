# SPDX-License-Identifier: Apache-2.0
"""When telemetry is added up, and how often again: items come late, after the hour of their trace.

All times are UTC. What comes later than two days after its trace is counted when its window is backfilled.
"""

import dagster as dg

from ovpo_assets import automation
from ovpo_assets.partitions import DAY, HOUR, days, hours, range_tags
from ovpo_assets.traces import roll_up_days, roll_up_hours


@dg.schedule(job=roll_up_hours, cron_schedule="5 * * * *", default_status=automation.SCHEDULES)
def traces_hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Make the current hour and the two before it, so that an orphan is an hour old when it is last looked at."""
    now = context.scheduled_execution_time
    return dg.RunRequest(tags=range_tags(hours, now - 2 * HOUR, now))


@dg.schedule(job=roll_up_hours, cron_schedule="20 0 * * *", default_status=automation.SCHEDULES)
def traces_late_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Make the hours of the last two days again, before the days are made from the same facts."""
    now = context.scheduled_execution_time
    return dg.RunRequest(tags=range_tags(hours, now - 2 * DAY, now))


@dg.schedule(job=roll_up_days, cron_schedule="50 0 * * *", default_status=automation.SCHEDULES)
def traces_days_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Make the last two days, and the one that has begun."""
    now = context.scheduled_execution_time
    return dg.RunRequest(tags=range_tags(days, now - 2 * DAY, now))
