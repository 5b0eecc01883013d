-- SPDX-License-Identifier: Apache-2.0
-- What a trace's frame events of one hour add up to, counted anew at each settling: sums that may be added, because every
-- event is in one row and the newest row of a trace and hour replaces the others.
CREATE TABLE IF NOT EXISTS frame_hours
(
    tenant_id      LowCardinality(String),
    hour           DateTime64(0, 'UTC'),
    trace_id       UUID,
    seen_at        DateTime('UTC'),
    settled_at     DateTime64(6, 'UTC'),
    model          LowCardinality(String),
    frame_events   UInt64,
    frame_errors   UInt64,
    metric_sums    Map(LowCardinality(String), Float64),
    metric_counts  Map(LowCardinality(String), UInt64)
)
ENGINE = ReplacingMergeTree(settled_at)
PARTITION BY toYYYYMM(seen_at)
ORDER BY (tenant_id, hour, trace_id)
TTL seen_at + INTERVAL 180 DAY
