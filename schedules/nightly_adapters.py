# SPDX-License-Identifier: Apache-2.0
"""When adapters are trained by themselves. The time is UTC and a setting, read once a process."""

from collections.abc import Mapping

import dagster as dg

from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.training.training_set import golds, new_by_tenant
from ovpo_assets import automation
from ovpo_assets.partitions import days, key_of
from resources.sop import Sop

NIGHTLY = "nightly_adapter_training"


@dg.schedule(
    name=NIGHTLY,
    job_name="train_adapters",
    cron_schedule=load().sop.training_cron,
    execution_timezone="UTC",
    default_status=automation.SCHEDULES,
)
def nightly_adapter_training(
    context: dg.ScheduleEvaluationContext, sop: Sop, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Train the day's adapters if a tenant has enough gold videos that no training has taken in yet."""
    now = context.scheduled_execution_time
    with sop.workplace(NIGHTLY).transaction() as connection:
        new = new_by_tenant(golds(connection, now))
    if lacking := too_few(new, settings.sop.least_new_golds):
        return dg.SkipReason(lacking)
    return dg.RunRequest(run_key=f"{now:%Y-%m-%dT%H:%MZ}", partition_key=key_of(days, now))


def too_few(new: Mapping[str, int], least: int) -> str | None:
    """Say why nobody is trained for, by the new gold videos of each tenant; None where somebody is."""
    most = max(new.values(), default=0)
    if most >= least:
        return None
    having = sum(count > 0 for count in new.values())
    return (
        f"No tenant has {least} new gold videos: {having} of {len(new)} have new ones, {most} at most, "
        f"{sum(new.values())} together."
    )
