-- SPDX-License-Identifier: Apache-2.0
-- What the spans of a trace took, by kind, so that percentiles over all traces are a pass over their facts, and its tags
-- to choose by. Rows of earlier settlings have none of it: the next settling of their trace fills them.
-- `durations` are in milliseconds, the shortest first: all of a kind's spans up to 1 000, of more every n-th, the longest
-- among them. `spans` and `ms` are always of all.
ALTER TABLE trace_facts
    ADD COLUMN IF NOT EXISTS kinds Nested(
        kind LowCardinality(String), spans UInt32, errors UInt32, ms Float64, durations Array(Float64)),
    ADD COLUMN IF NOT EXISTS tags Map(LowCardinality(String), String)
