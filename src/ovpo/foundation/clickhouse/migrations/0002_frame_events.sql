-- SPDX-License-Identifier: Apache-2.0
-- Frame events as they came. A trace's month is that of `seen_at`, which PostgreSQL fixes when the trace is first heard
-- of, so an event that comes again falls into the partition of its twin. `precedence` makes the first to come the one that
-- stays. Columns that end in EPHEMERAL exist in inserts only: the rows are read from the senders' own JSON.
CREATE TABLE IF NOT EXISTS frame_events
(
    tenant_id             LowCardinality(String),
    trace_id              UUID,
    seen_at               DateTime('UTC'),
    received_at           DateTime64(6, 'UTC'),
    precedence            UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Micro(received_at),
    event_id              UUID,
    span_id               UUID,
    event_type            Enum8('frame_generated' = 1, 'frame_error' = 2, 'frame_sampled' = 3),
    observed_at           DateTime64(6, 'UTC') CODEC(DoubleDelta, LZ4),
    frame_index           UInt64 CODEC(DoubleDelta, LZ4),
    media_time_ms         Float64 CODEC(Gorilla, LZ4),
    step_index            Nullable(UInt64),

    latent_stats          Tuple(
                              mean Nullable(Float64), std_dev Nullable(Float64), min_val Nullable(Float64),
                              max_val Nullable(Float64), nan_count Nullable(UInt64), inf_count Nullable(UInt64)) EPHEMERAL,
    latent_mean           Nullable(Float64) DEFAULT tupleElement(latent_stats, 'mean'),
    latent_std_dev        Nullable(Float64) DEFAULT tupleElement(latent_stats, 'std_dev'),
    latent_min            Nullable(Float64) DEFAULT tupleElement(latent_stats, 'min_val'),
    latent_max            Nullable(Float64) DEFAULT tupleElement(latent_stats, 'max_val'),
    latent_nan_count      Nullable(UInt64) DEFAULT tupleElement(latent_stats, 'nan_count'),
    latent_inf_count      Nullable(UInt64) DEFAULT tupleElement(latent_stats, 'inf_count'),

    gpu_metrics           Tuple(
                              vram_used_mb Nullable(Float64), gpu_utilization_pct Nullable(Float64),
                              temperature_c Nullable(Float64)) EPHEMERAL,
    vram_used_mb          Nullable(Float64) DEFAULT tupleElement(gpu_metrics, 'vram_used_mb'),
    gpu_utilization_pct   Nullable(Float64) DEFAULT tupleElement(gpu_metrics, 'gpu_utilization_pct'),
    temperature_c         Nullable(Float64) DEFAULT tupleElement(gpu_metrics, 'temperature_c'),

    quality_metrics       Map(String, Nullable(Float64)) EPHEMERAL,
    motion_score          Nullable(Float64) DEFAULT quality_metrics['motion_score'],
    temporal_consistency  Nullable(Float64) DEFAULT quality_metrics['temporal_consistency'],
    contrast_ratio        Nullable(Float64) DEFAULT quality_metrics['contrast_ratio'],
    brightness_avg        Nullable(Float64) DEFAULT quality_metrics['brightness_avg'],
    edge_density          Nullable(Float64) DEFAULT quality_metrics['edge_density'],
    noise_estimate        Nullable(Float64) DEFAULT quality_metrics['noise_estimate'],
    clip_text_similarity  Nullable(Float64) DEFAULT quality_metrics['clip_text_similarity'],
    clip_image_similarity Nullable(Float64) DEFAULT quality_metrics['clip_image_similarity'],
    aesthetic_score       Nullable(Float64) DEFAULT quality_metrics['aesthetic_score'],
    artifact_score        Nullable(Float64) DEFAULT quality_metrics['artifact_score'],
    nsfw_score            Nullable(Float64) DEFAULT quality_metrics['nsfw_score'],
    more_metrics          Map(LowCardinality(String), Float64) DEFAULT mapFilter(
                              (name, value) -> name NOT IN (
                                  'motion_score', 'temporal_consistency', 'contrast_ratio', 'brightness_avg', 'edge_density',
                                  'noise_estimate', 'clip_text_similarity', 'clip_image_similarity', 'aesthetic_score',
                                  'artifact_score', 'nsfw_score'),
                              quality_metrics),

    artifact_refs         String,
    provenance            String
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(seen_at)
ORDER BY (tenant_id, trace_id, frame_index, event_type, event_id)
TTL seen_at + INTERVAL 180 DAY
