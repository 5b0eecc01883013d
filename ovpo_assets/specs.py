# SPDX-License-Identifier: Apache-2.0
"""The central map of what every asset carries besides its own code: who owns it, and how old it may get."""

from datetime import timedelta

import dagster as dg

from ovpo_assets.groups import PLATFORM, SOURCES, TRACES

OWNERS = {PLATFORM: ["team:platform"], SOURCES: ["team:telemetry"], TRACES: ["team:telemetry"]}

OFTEN = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=1), warn_window=timedelta(minutes=20))
HOURLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3), warn_window=timedelta(minutes=90))
NIGHTLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
# A policy looks at materialisations only, so what is merely observed tells its freshness in its metadata and has none.
OBSERVED: dg.FreshnessPolicy | None = None
FRESHNESS = {
    "platform/stores_observed": HOURLY,
    "platform/ledger_health": NIGHTLY,
    "platform/run_history_pruned": NIGHTLY,
    "platform/devices_observed": NIGHTLY,
    "platform/alerts_evaluated": OFTEN,
    "platform/audit_sealed": NIGHTLY,
    "sources/collector": OBSERVED,
    "traces/landed": OBSERVED,
    "traces/frame_metrics": OBSERVED,
    "traces/health": HOURLY,
    "traces/hourly_rollups": HOURLY,
    "traces/daily_costs": NIGHTLY,
    "traces/daily_quality": NIGHTLY,
}


def described(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Give a spec its owners and its freshness policy; an asset that the map forgot stops the location."""
    owners, freshness = OWNERS[str(spec.group_name)], FRESHNESS[spec.key.to_user_string()]
    return spec.replace_attributes(owners=owners, freshness_policy=freshness)
