# SPDX-License-Identifier: Apache-2.0
"""What happens when a run fails: the work that it held is given back with the reason."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from ovpo.foundation.settings.tree import Settings
from ovpo_assets import automation
from resources.ledger import Ledger


def reason(failures: Sequence[dg.DagsterEvent]) -> str:
    """Say which steps failed with which kind of error: never its message, which may hold personal data."""
    steps = sorted(f"{event.step_key} ({_kind(event)})" for event in failures)
    return f"its run failed in {', '.join(steps)}" if steps else "its run failed outside of its steps"


@dg.run_failure_sensor(minimum_interval_seconds=5, monitor_all_code_locations=True, default_status=automation.SENSORS)
def release_failed_runs(
    context: dg.RunFailureSensorContext, ledger: Ledger, settings: dg.ResourceParam[Settings]
) -> dg.SkipReason:
    """Give back what a failed run held: queued again, or failed when its attempts are used up."""
    why = reason(context.get_step_failure_events())
    with ledger.session() as session:
        released = session.release(context.dagster_run.run_id, why, settings.platform.most_attempts, datetime.now(UTC))
    return dg.SkipReason(f"{released} items of run {context.dagster_run.run_id} given back")


def _kind(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    if error is None:
        return "no error recorded"
    return str((error.cause or error).cls_name)
