# SPDX-License-Identifier: Apache-2.0
"""When alert rules are evaluated."""

import dagster as dg

from ovpo_assets import automation
from ovpo_assets.alerts import evaluate_alerts

# With the start of its process a run takes 4 to 8 s: one a minute would keep a core busy for a tenth of the time.
alerts_every_five_minutes = dg.ScheduleDefinition(
    name="alerts_every_five_minutes",
    job=evaluate_alerts,
    cron_schedule="*/5 * * * *",
    default_status=automation.SCHEDULES,
    description="Evaluate the alert rules and deliver what waits.",
)
