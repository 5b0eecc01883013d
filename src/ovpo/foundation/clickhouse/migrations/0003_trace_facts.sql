-- SPDX-License-Identifier: Apache-2.0
-- One row per trace and settling, the newest of which counts: what dashboards group traces by, and what they add up.
CREATE TABLE IF NOT EXISTS trace_facts
(
    tenant_id        LowCardinality(String),
    trace_id         UUID,
    seen_at          DateTime('UTC'),
    settled_at       DateTime64(6, 'UTC'),
    created_at       Nullable(DateTime64(6, 'UTC')),
    status           LowCardinality(Nullable(String)),
    failure_kind     LowCardinality(Nullable(String)),
    model            LowCardinality(String),
    project          LowCardinality(String),
    center           LowCardinality(String),
    campaign         LowCardinality(String),
    spans            UInt32,
    span_errors      UInt32,
    total_ms         Nullable(Float64),
    compute_units    Float64,
    units            Map(LowCardinality(String), Float64),
    factors_version  LowCardinality(String),
    frame_events     UInt64,
    frames           UInt64,
    findings         UInt32
)
ENGINE = ReplacingMergeTree(settled_at)
PARTITION BY toYYYYMM(seen_at)
ORDER BY (tenant_id, trace_id)
TTL seen_at + INTERVAL 730 DAY
