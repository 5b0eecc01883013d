# SPDX-License-Identifier: Apache-2.0
"""The central map of what every asset carries besides its own code: who owns it, and how old it may get."""

from datetime import timedelta

import dagster as dg

from ovpo_assets.groups import ADAPTERS, EMBEDDINGS, PLATFORM, SCORES, SOURCES, TRACES, VIDEOS

OWNERS = {
    PLATFORM: ["team:platform"],
    SOURCES: ["team:telemetry"],
    TRACES: ["team:telemetry"],
    VIDEOS: ["team:media"],
    EMBEDDINGS: ["team:media"],
    ADAPTERS: ["team:training"],
    SCORES: ["team:training"],
}

OFTEN = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=1), warn_window=timedelta(minutes=20))
HOURLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3), warn_window=timedelta(minutes=90))
NIGHTLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
# A policy looks at materialisations only, so what is merely observed tells its freshness in its metadata and has none.
OBSERVED: dg.FreshnessPolicy | None = None
# Videos come when somebody records them: that none came is no fault.
AS_IT_COMES = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=90), warn_window=timedelta(days=30))
FRESHNESS = {
    "platform/stores_observed": HOURLY,
    "platform/ledger_health": NIGHTLY,
    "platform/run_history_pruned": NIGHTLY,
    "platform/devices_observed": NIGHTLY,
    "platform/alerts_evaluated": OFTEN,
    "platform/audit_sealed": NIGHTLY,
    "sources/collector": OBSERVED,
    "sources/inbox": OBSERVED,
    "sources/definitions": OBSERVED,
    "traces/landed": OBSERVED,
    "traces/frame_metrics": OBSERVED,
    "traces/health": HOURLY,
    "traces/hourly_rollups": HOURLY,
    "traces/daily_costs": NIGHTLY,
    "traces/daily_quality": NIGHTLY,
    "videos/registered": AS_IT_COMES,
    "videos/probed": AS_IT_COMES,
    "embeddings/clips": AS_IT_COMES,
    "embeddings/adapted": AS_IT_COMES,
    "adapters/training_set": AS_IT_COMES,
    "adapters/candidate": AS_IT_COMES,
    "adapters/evaluation": AS_IT_COMES,
    "adapters/champion": AS_IT_COMES,
    "scores/procedures": AS_IT_COMES,
    "scores/reports": AS_IT_COMES,
}


def described(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Give a spec its owners and its freshness policy; an asset that the map forgot stops the location."""
    owners, freshness = OWNERS[str(spec.group_name)], FRESHNESS[spec.key.to_user_string()]
    return spec.replace_attributes(owners=owners, freshness_policy=freshness)
