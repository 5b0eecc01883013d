-- SPDX-License-Identifier: Apache-2.0
-- Mean quality of the last week's frames, per hour and model. Rebuilt whole from rows that hold each event once, which is
-- why nothing counts double: a view that adds up what is inserted would count a redelivered event again.
CREATE MATERIALIZED VIEW IF NOT EXISTS quality_per_hour
REFRESH EVERY 1 MINUTE
(
    tenant_id    LowCardinality(String),
    hour         DateTime('UTC'),
    model        LowCardinality(String),
    traces       UInt64,
    frame_events UInt64,
    frame_errors UInt64,
    means        Map(LowCardinality(String), Float64)
)
ENGINE = MergeTree ORDER BY (tenant_id, hour, model)
AS SELECT
    tenant_id, hour, model, uniqExact(trace_id) AS traces,
    sum(frame_hours.frame_events) AS frame_events, sum(frame_hours.frame_errors) AS frame_errors,
    mapApply((name, total) -> (name, total / sumMap(metric_counts)[name]), sumMap(metric_sums)) AS means
FROM frame_hours FINAL
WHERE hour >= toStartOfHour(now('UTC')) - INTERVAL 7 DAY AND hour < now('UTC') + INTERVAL 1 DAY
GROUP BY tenant_id, hour, model
