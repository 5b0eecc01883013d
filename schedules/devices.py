# SPDX-License-Identifier: Apache-2.0
"""When the GPU lane is asked what it runs on. All times are UTC."""

import dagster as dg

from ovpo_assets import automation
from ovpo_assets.devices import observe_devices

devices_nightly = dg.ScheduleDefinition(
    name="devices_nightly",
    job=observe_devices,
    cron_schedule="15 0 * * *",
    default_status=automation.SCHEDULES,
    description="Find a lost GPU before the work of the day does.",
)
