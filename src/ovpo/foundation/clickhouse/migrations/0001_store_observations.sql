-- SPDX-License-Identifier: Apache-2.0
-- One row per store and look: did it answer, how fast, and how much does it hold.
CREATE TABLE IF NOT EXISTS store_observations
(
    look_id      UUID,
    observed_at  DateTime64(3, 'UTC'),
    store        LowCardinality(String),
    ready        Bool,
    milliseconds Float64,
    version      LowCardinality(String),
    bytes        UInt64,
    detail       String
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(observed_at)
ORDER BY (observed_at, store)
TTL toDateTime(observed_at) + INTERVAL 180 DAY
