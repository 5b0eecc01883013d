# SPDX-License-Identifier: Apache-2.0
"""When the books of the SOP wing are looked over. The time is UTC."""

import dagster as dg

from ovpo_assets import automation
from ovpo_assets.checks.videos import check_books

books_nightly = dg.ScheduleDefinition(
    name="books_nightly",
    job=check_books,
    cron_schedule="45 3 * * *",
    default_status=automation.SCHEDULES,
    description="Hold rows and objects against one another once a night: it lists all that lies there.",
)
