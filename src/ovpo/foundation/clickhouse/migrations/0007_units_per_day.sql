-- SPDX-License-Identifier: Apache-2.0
-- Compute units of the last ninety days, per day of a trace's creation, whom they are put down to, and kind of span.
CREATE MATERIALIZED VIEW IF NOT EXISTS units_per_day
REFRESH EVERY 1 MINUTE
(
    tenant_id       LowCardinality(String),
    day             Date,
    project         LowCardinality(String),
    center          LowCardinality(String),
    campaign        LowCardinality(String),
    factors_version LowCardinality(String),
    traces          UInt64,
    compute_units   Float64,
    units           Map(LowCardinality(String), Float64)
)
ENGINE = MergeTree ORDER BY (tenant_id, day, project, center, campaign, factors_version)
AS SELECT
    tenant_id, toDate(coalesce(created_at, seen_at)) AS day, project, center, campaign, factors_version,
    count() AS traces, sum(trace_facts.compute_units) AS compute_units, sumMap(trace_facts.units) AS units
FROM trace_facts FINAL
WHERE coalesce(created_at, seen_at) >= toStartOfDay(now('UTC')) - INTERVAL 90 DAY
  AND coalesce(created_at, seen_at) < now('UTC') + INTERVAL 1 DAY
GROUP BY tenant_id, day, project, center, campaign, factors_version
