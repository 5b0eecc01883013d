# SPDX-License-Identifier: Apache-2.0
"""What the query API asks of ClickHouse about the frames of one trace of one tenant.

An event that came twice counts once, as it came first: the table may hold its twin until it merges.
"""

from typing import Final

_EVENT: Final = """
SELECT toString(event_id) AS event_id, toString(span_id) AS span_id, event_type, toString(observed_at) AS observed_at,
       frame_index, media_time_ms, step_index,
       latent_mean, latent_std_dev, latent_min, latent_max, latent_nan_count, latent_inf_count,
       vram_used_mb, gpu_utilization_pct, temperature_c,
       motion_score, temporal_consistency, contrast_ratio, brightness_avg, edge_density, noise_estimate,
       clip_text_similarity, clip_image_similarity, aesthetic_score, artifact_score, nsfw_score, more_metrics,
"""
_BYTES: Final = """
       artifact_refs, provenance, length(artifact_refs) + length(provenance) + 64 * length(more_metrics) AS bytes
"""

# All rows of a trace in no order, twins among them. To plan a question costs ClickHouse more than to read some hundred
# frames, and this one is planned in half the time of the next.
EVENTS: Final = (
    _EVENT
    + _BYTES
    + """
FROM frame_events WHERE tenant_id = {tenant:String} AND trace_id = {trace:UUID} LIMIT {most:UInt32}
"""
)

# The first events of a trace that has more of them, or of one that has twins.
FIRST_EVENTS: Final = (
    _EVENT  # noqa: S608 - of constants alone
    + _BYTES
    + """
FROM (
    SELECT * FROM frame_events WHERE tenant_id = {tenant:String} AND trace_id = {trace:UUID}
    ORDER BY received_at LIMIT 1 BY event_id
)
ORDER BY frame_index, observed_at, event_id LIMIT {most:UInt32}
"""
)

# The same for events that are too large to be read at once, a fifth slower: ClickHouse leaves out what lies beyond the
# budget.
LARGE_EVENTS: Final = (
    _EVENT  # noqa: S608 - of constants alone
    + """
       if(so_far <= {budget:UInt64}, artifact_refs, '') AS artifact_refs,
       if(so_far <= {budget:UInt64}, provenance, '') AS provenance, bytes
FROM (
    SELECT *, length(artifact_refs) + length(provenance) + 64 * length(more_metrics) AS bytes, sum(bytes) OVER (
                  ORDER BY frame_index, observed_at, event_id ROWS UNBOUNDED PRECEDING) AS so_far
    FROM (
        SELECT * FROM frame_events WHERE tenant_id = {tenant:String} AND trace_id = {trace:UUID}
        ORDER BY received_at LIMIT 1 BY event_id
    )
    ORDER BY frame_index, observed_at, event_id LIMIT {most:UInt32}
)
ORDER BY frame_index, observed_at, event_id
"""
)

GAPS: Final = """
SELECT previous + 1 AS first, frame_index - 1 AS last FROM (
    SELECT frame_index, lagInFrame(toInt64(frame_index), 1, -1) OVER (ORDER BY frame_index) AS previous
    FROM (SELECT DISTINCT frame_index FROM frame_events
          WHERE tenant_id = {tenant:String} AND trace_id = {trace:UUID} AND event_type != 'frame_error')
)
WHERE frame_index > previous + 1 ORDER BY first LIMIT {most:UInt32}
"""

ONLY_SAMPLED: Final = """
SELECT countIf(event_type != 'frame_sampled') = 0 FROM frame_events
WHERE tenant_id = {tenant:String} AND trace_id = {trace:UUID}
"""

EXTENT: Final = """
SELECT uniqExact(event_id), min(media_time_ms), max(media_time_ms), min(frame_index), max(frame_index) FROM frame_events
WHERE tenant_id = {tenant:String} AND trace_id = {trace:UUID}
  AND media_time_ms >= {from_ms:Float64} AND media_time_ms <= {to_ms:Float64}
  AND frame_index >= {from_index:UInt64} AND frame_index <= {to_index:UInt64}
  AND event_type IN {types:Array(String)}
"""

SAMPLES: Final = """
WITH once AS (
    SELECT event_id, event_type, observed_at, frame_index, media_time_ms,
           mapFilter((name, value) -> has({metrics:Array(String)}, name) AND isNotNull(value), mapConcat(map(
               'motion_score', motion_score, 'temporal_consistency', temporal_consistency,
               'contrast_ratio', contrast_ratio, 'brightness_avg', brightness_avg, 'edge_density', edge_density,
               'noise_estimate', noise_estimate, 'clip_text_similarity', clip_text_similarity,
               'clip_image_similarity', clip_image_similarity, 'aesthetic_score', aesthetic_score,
               'artifact_score', artifact_score, 'nsfw_score', nsfw_score, 'vram_used_mb', vram_used_mb,
               'gpu_utilization_pct', gpu_utilization_pct, 'temperature_c', temperature_c,
               'latent_mean', latent_mean, 'latent_std_dev', latent_std_dev,
               'latent_nan_count', toFloat64(latent_nan_count)),
               mapApply((name, value) -> (toString(name), toNullable(value)), more_metrics))) AS metrics
    FROM frame_events
    WHERE tenant_id = {tenant:String} AND trace_id = {trace:UUID}
      AND media_time_ms >= {from_ms:Float64} AND media_time_ms <= {to_ms:Float64}
      AND frame_index >= {from_index:UInt64} AND frame_index <= {to_index:UInt64}
      AND event_type IN {types:Array(String)}
    ORDER BY received_at LIMIT 1 BY event_id
)
"""

FRAMES: Final = (
    SAMPLES
    + """
SELECT frame_index, media_time_ms, toString(event_type), replaceOne(toString(observed_at), ' ', 'T') || 'Z', metrics
FROM once ORDER BY frame_index, observed_at, event_id LIMIT {points:UInt32}
"""
)

BUCKETS: Final = (
    SAMPLES
    + """
SELECT min(frame_index), min(media_time_ms) AS begun, replaceOne(toString(min(observed_at)), ' ', 'T') || 'Z', count(),
       countIf(event_type = 'frame_error'), minMap(mapApply((n, v) -> (n, assumeNotNull(v)), metrics)),
       maxMap(mapApply((n, v) -> (n, assumeNotNull(v)), metrics)),
       sumMap(mapApply((n, v) -> (n, assumeNotNull(v)), metrics)), sumMap(mapApply((n, v) -> (n, toUInt64(1)), metrics))
FROM once
GROUP BY least(toUInt32({points:UInt32} - 1), toUInt32(floor(
             (if({by_time:Bool}, media_time_ms, toFloat64(frame_index)) - {low:Float64})
             * {points:UInt32} / {span:Float64}))) AS bucket
ORDER BY bucket
"""
)
