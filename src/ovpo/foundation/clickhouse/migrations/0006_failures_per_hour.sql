-- SPDX-License-Identifier: Apache-2.0
-- How the last week's traces ended, per hour of their creation and model.
CREATE MATERIALIZED VIEW IF NOT EXISTS failures_per_hour
REFRESH EVERY 1 MINUTE
(
    tenant_id    LowCardinality(String),
    hour         DateTime('UTC'),
    model        LowCardinality(String),
    traces       UInt64,
    finished     UInt64,
    failed       UInt64,
    failure_rate Float64,
    kinds        Map(LowCardinality(String), UInt64)
)
ENGINE = MergeTree ORDER BY (tenant_id, hour, model)
AS SELECT
    tenant_id, toStartOfHour(assumeNotNull(created_at)) AS hour, model, count() AS traces,
    countIf(status NOT IN ('PENDING', 'GENERATING')) AS finished,
    countIf(status IN ('FAILED', 'TIMEOUT')) AS failed,
    if(finished = 0, 0, failed / finished) AS failure_rate,
    sumMapIf(map(assumeNotNull(failure_kind), toUInt64(1)), failure_kind IS NOT NULL) AS kinds
FROM trace_facts FINAL
WHERE created_at >= toStartOfHour(now('UTC')) - INTERVAL 7 DAY AND created_at < now('UTC') + INTERVAL 1 DAY
GROUP BY tenant_id, hour, model
