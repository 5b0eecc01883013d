# SPDX-License-Identifier: Apache-2.0
"""When the audit chains are sealed. All times are UTC."""

import dagster as dg

from ovpo_assets import automation
from ovpo_assets.audit import seal_audit

audit_nightly = dg.ScheduleDefinition(
    name="audit_nightly",
    job=seal_audit,
    cron_schedule="10 0 * * *",
    default_status=automation.SCHEDULES,
    description="Sign where each audit chain stands, and verify what came since the day before.",
)
