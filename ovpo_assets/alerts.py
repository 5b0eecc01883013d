# SPDX-License-Identifier: Apache-2.0
"""Whether anybody has to be told of what the traces show. The rules and their life are the telemetry wing's own.

Its other checks are in `checks.alerts`.
"""

from datetime import UTC, datetime

import dagster as dg
import polars as pl
from msgspec.structs import astuple

from ovpo.telemetry.alerts.delivery import Delivered
from ovpo.telemetry.alerts.evaluation import Evaluated
from ovpo_assets import lanes, preview
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.groups import PLATFORM, TRACES
from resources.alerts import Alerts

BY_RULE = {
    "rule": pl.String,
    "severity": pl.String,
    **dict.fromkeys(("measured", "pending", "firing", "fired", "resolved", "left_out"), pl.Int64),
}
KEY = dg.AssetKey([PLATFORM, "alerts_evaluated"])
TENANTS_EVALUATED = "tenants_evaluated"
NOTHING_EVALUATED = Evaluated((), 0, ())
NOTHING_DELIVERED = Delivered(0, 0, 0, 0)


# Beside checks of its own Dagster takes only a bare MaterializeResult.
@dg.asset(
    key=KEY,
    deps=[dg.AssetKey([TRACES, "landed"]), dg.AssetKey([TRACES, "frame_metrics"])],
    group_name=PLATFORM,
    kinds={"postgres", "clickhouse"},
    check_specs=[
        dg.AssetCheckSpec(
            TENANTS_EVALUATED, asset=KEY, description="Alerts of a tenant that failed stay as they were; see the log."
        )
    ],
)
def alerts_evaluated(context: dg.AssetExecutionContext, alerts: Alerts) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Alerts as of the last evaluation of their rules: which are pending, which fire, and who was told."""
    done = alerts.round(context.run.run_id, datetime.now(UTC))
    evaluated, delivered = done.evaluated or NOTHING_EVALUATED, done.delivered or NOTHING_DELIVERED
    table = pl.DataFrame([astuple(one) for one in evaluated.by_rule], schema=BY_RULE, orient="row")
    return dg.MaterializeResult(
        metadata={
            "evaluated": done.evaluated is not None,
            **{name: int(table[name].sum()) for name in ("measured", "pending", "firing", "fired", "resolved")},
            "failed_tenants": len(evaluated.failed),
            "notified": delivered.delivered,
            "failed": delivered.failed,
            "given_up": delivered.given_up,
            "waiting": delivered.waiting,
            "by_rule": preview.table(table),
        },
        check_results=[
            verdict(TENANTS_EVALUATED, KEY, pl.DataFrame({"tenant": evaluated.failed}, schema={"tenant": pl.String}))
        ],
    )


evaluate_alerts = dg.define_asset_job(
    "evaluate_alerts", selection=dg.AssetSelection.assets(alerts_evaluated), run_tags=lanes.SHORT
)
