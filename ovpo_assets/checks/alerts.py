# SPDX-License-Identifier: Apache-2.0
"""What must hold for alerts: rules that can be evaluated, and notifications that arrive."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from ovpo_assets.alerts import alerts_evaluated
from ovpo_assets.checks.verdict import verdict
from resources.alerts import Alerts

LOST = {
    "rule": pl.String,
    "action": pl.String,
    "event": pl.String,
    "attempts": pl.Int64,
    "reason": pl.String,
    "given_up_at": pl.String,
}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            "rules_valid", asset=alerts_evaluated, description="With a file that is wrong nothing is evaluated."
        ),
        dg.AssetCheckSpec(
            "notifications_arrive",
            asset=alerts_evaluated,
            description="None was given up within a day; one that is still tried counts as on its way.",
        ),
    ]
)
def alerts_checks(alerts: Alerts) -> Iterator[dg.AssetCheckResult]:
    """The rules and their secrets are as they must be, and whoever was to be told was told or is still being tried."""
    faults = pl.DataFrame({"fault": alerts.faults()}, schema={"fault": pl.String})
    yield verdict("rules_valid", alerts_evaluated.key, faults)
    lost = [
        (one.rule, one.action, one.event, one.attempts, one.reason, f"{one.settled_at:%Y-%m-%d %H:%M}")
        for one in alerts.given_up(datetime.now(UTC))
    ]
    yield verdict("notifications_arrive", alerts_evaluated.key, pl.DataFrame(lost, schema=LOST, orient="row"))
