# SPDX-License-Identifier: Apache-2.0
"""What settling asks of both stores: which traces are due, what their spans and frame events add up to, and its result.

Frame events are counted once each by `LIMIT 1 BY event_id`, the first to come first: the table may hold a redelivered
one twice until it merges. The rules of the frame invariants are those of the contract, section 6.1.
"""

from typing import Final

# PostgreSQL -------------------------------------------------------------------------------------------------------

CLAIM: Final = """
WITH due AS (
    SELECT tenant_id, trace_id FROM unsettled_traces
    WHERE due_at <= now() AND leased_until <= now()
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE unsettled_traces AS u SET leased_until = now() + %(lease)s
    FROM due WHERE u.tenant_id = due.tenant_id AND u.trace_id = due.trace_id
    RETURNING u.tenant_id, u.trace_id, u.revision
)
SELECT tenant_id, trace_id::text, revision FROM claimed
"""

# Asked after the claim, and not with it: a statement may lock a newer mark than the traces that it reads.
CLAIMED: Final = """
SELECT c.tenant_id, c.trace_id::text, c.revision, t.seen_at, clock_timestamp(), t.reported_status, t.created_at,
       t.failure_kind,
       CASE jsonb_typeof(t.pipeline_config -> 'model') WHEN 'string' THEN left(t.pipeline_config ->> 'model', 256) END,
       t.cost_attribution ->> 'project', t.cost_attribution ->> 'center', t.cost_attribution ->> 'campaign',
       CASE WHEN t.completed_at >= t.started_at THEN extract(epoch FROM t.completed_at - t.started_at) * 1000.0 END,
       t.tags
FROM unnest(%(tenants)s::text[], %(traces)s::uuid[], %(revisions)s::bigint[]) AS c (tenant_id, trace_id, revision)
JOIN traces AS t USING (tenant_id, trace_id)
"""

# A span lasts what its sender's monotonic clock says, else from its start to its end. `gpu.count` multiplies. Both are
# bounded, by 30 000 years and a million devices, so that no sender's number overflows a sum that others wait for. The
# accelerator is the one that the span names, else its tenant's. Settling and cost calculations both begin with this.
PRICED: Final = """
WITH wanted AS (
    SELECT * FROM unnest(%(tenants)s::text[], %(traces)s::uuid[], %(seen)s::timestamptz[])
        AS w (tenant_id, trace_id, seen_at)
), factors AS (
    SELECT * FROM unnest(%(hardware)s::text[], %(factors)s::float8[]) AS f (name, factor)
), timed AS (
    SELECT s.tenant_id, s.trace_id, s.span_id, s.span_kind, s.name, s.status, s.start_time, s.end_time,
           s.attributes ->> 'model.name' AS model,
           coalesce(s.attributes ->> 'gpu.model', n.hardware_profile) AS hardware,
           CASE WHEN jsonb_typeof(s.attributes -> 'gpu.count') = 'number'
                THEN least(greatest(1, (s.attributes ->> 'gpu.count')::float8), 1e6) ELSE 1 END AS devices,
           least(coalesce(s.duration_ms, greatest(0, extract(epoch FROM s.end_time - s.start_time) * 1000), 0)::float8,
                 1e15) AS ms
    FROM wanted AS w JOIN spans AS s
      ON s.tenant_id = w.tenant_id AND s.trace_id = w.trace_id AND s.trace_seen_at = w.seen_at
    LEFT JOIN tenants AS n ON n.tenant_id = w.tenant_id
), priced AS (
    SELECT t.*, t.ms / 1000 * t.devices * coalesce(f.factor, %(other)s) AS units,
           t.hardware IS NOT NULL AND f.name IS NULL AS unknown
    FROM timed AS t LEFT JOIN factors AS f ON f.name = t.hardware
)
"""

# Of the durations of a kind, every n-th is kept, so that a trace of a million spans holds up nobody.
_SPAN_TOTALS: Final = """
, ranked AS (
    SELECT *, row_number() OVER (PARTITION BY tenant_id, trace_id, span_kind ORDER BY ms) AS place,
           count(*) OVER (PARTITION BY tenant_id, trace_id, span_kind) AS of_kind
    FROM priced
), kinds AS (
    SELECT tenant_id, trace_id, span_kind, count(*) AS spans, count(*) FILTER (WHERE status = 'ERROR') AS errors,
           min(start_time) AS first_start, max(greatest(start_time, end_time)) AS last_end, sum(ms) AS ms,
           sum(units) AS units, count(*) FILTER (WHERE unknown) AS unknown, min(model) AS model,
           jsonb_agg(ms ORDER BY place) FILTER (WHERE mod(of_kind - place, (of_kind + %(most)s - 1) / %(most)s) = 0)
               AS durations
    FROM ranked GROUP BY tenant_id, trace_id, span_kind
)
SELECT tenant_id, trace_id::text, sum(spans)::integer, sum(errors)::integer, sum(units), sum(unknown)::integer,
       min(model), extract(epoch FROM max(last_end) - min(first_start)) * 1000.0, jsonb_object_agg(span_kind, ms),
       jsonb_object_agg(span_kind, units),
       jsonb_agg(jsonb_build_array(span_kind, spans, errors, ms, durations) ORDER BY span_kind)
FROM kinds GROUP BY tenant_id, trace_id
"""
SPANS: Final = PRICED + _SPAN_TOTALS

KNOWN_SPANS: Final = """
SELECT w.tenant_id, w.trace_id::text, count(DISTINCT w.span_id)::integer
FROM unnest(%(tenants)s::text[], %(traces)s::uuid[], %(seen)s::timestamptz[], %(spans)s::uuid[])
     AS w (tenant_id, trace_id, seen_at, span_id)
WHERE NOT EXISTS (
    SELECT FROM spans AS s WHERE s.tenant_id = w.tenant_id AND s.trace_id = w.trace_id AND s.span_id = w.span_id
                             AND s.trace_seen_at = w.seen_at)
GROUP BY w.tenant_id, w.trace_id
"""

# In the order of the keys, as those take them who write what came, so that neither waits for the other for ever.
LOCK: Final = """
SELECT FROM traces WHERE (tenant_id, trace_id) IN (
    SELECT * FROM unnest(%(tenants)s::text[], %(traces)s::uuid[]))
ORDER BY tenant_id, trace_id FOR NO KEY UPDATE
"""

KEEP: Final = """
WITH given AS (SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (
    tenant_id text, trace_id uuid, settled_at timestamptz, model text, spans integer, span_errors integer,
    milliseconds jsonb, total_ms float8, compute_units float8, units jsonb, factors_version text,
    unknown_hardware integer, frame_events bigint, frames bigint, frame_errors bigint, first_frame bigint,
    last_frame bigint, last_media_ms float8,
    peak_vram_mb float8, mean_gpu_pct float8, unknown_spans integer, finding_sample jsonb, findings integer)
), marked AS (
    UPDATE traces AS t SET
        findings = g.findings, updated_at = now(), model = left(coalesce(g.model, ''), 256), spans = g.spans,
        span_errors = g.span_errors, span_kinds = g.span_kinds, frames = g.frames, total_ms = g.total_ms,
        compute_units = g.compute_units, peak_vram_mb = g.peak_vram_mb
    FROM (SELECT *, ARRAY(SELECT jsonb_object_keys(milliseconds) AS kind ORDER BY kind) AS span_kinds FROM given) AS g
    WHERE t.tenant_id = g.tenant_id AND t.trace_id = g.trace_id
      AND (t.findings, t.model, t.spans, t.span_errors, t.span_kinds, t.frames, t.total_ms, t.compute_units,
           t.peak_vram_mb)
          IS DISTINCT FROM
          (g.findings, left(coalesce(g.model, ''), 256), g.spans, g.span_errors, g.span_kinds, g.frames, g.total_ms,
           g.compute_units, g.peak_vram_mb)
      AND NOT EXISTS (SELECT FROM trace_summaries AS later WHERE later.tenant_id = g.tenant_id
                      AND later.trace_id = g.trace_id AND later.settled_at > g.settled_at)
)
INSERT INTO trace_summaries AS s (tenant_id, trace_id, settled_at, model, spans, span_errors, milliseconds, total_ms,
    compute_units, units, factors_version, unknown_hardware, frame_events, frames, frame_errors, first_frame,
    last_frame, last_media_ms, peak_vram_mb, mean_gpu_pct, unknown_spans, finding_sample)
SELECT g.tenant_id, g.trace_id, g.settled_at, g.model, g.spans, g.span_errors, g.milliseconds, g.total_ms,
    g.compute_units, g.units, g.factors_version, g.unknown_hardware, g.frame_events, g.frames, g.frame_errors,
    g.first_frame, g.last_frame, g.last_media_ms, g.peak_vram_mb, g.mean_gpu_pct, g.unknown_spans, g.finding_sample
FROM given AS g JOIN traces AS t USING (tenant_id, trace_id) ORDER BY g.tenant_id, g.trace_id
ON CONFLICT (tenant_id, trace_id) DO UPDATE SET
    settled_at = excluded.settled_at, model = excluded.model, spans = excluded.spans,
    span_errors = excluded.span_errors,
    milliseconds = excluded.milliseconds, total_ms = excluded.total_ms, compute_units = excluded.compute_units,
    units = excluded.units, factors_version = excluded.factors_version, unknown_hardware = excluded.unknown_hardware,
    frame_events = excluded.frame_events, frames = excluded.frames, frame_errors = excluded.frame_errors,
    first_frame = excluded.first_frame, last_frame = excluded.last_frame, last_media_ms = excluded.last_media_ms,
    peak_vram_mb = excluded.peak_vram_mb, mean_gpu_pct = excluded.mean_gpu_pct, unknown_spans = excluded.unknown_spans,
    finding_sample = excluded.finding_sample
WHERE s.settled_at <= excluded.settled_at
"""

# In the order of the keys, as `MARK` takes them, so that neither waits for the other for ever.
HOLD: Final = """
SELECT FROM unsettled_traces WHERE (tenant_id, trace_id) IN (
    SELECT * FROM unnest(%(tenants)s::text[], %(traces)s::uuid[]))
ORDER BY tenant_id, trace_id FOR UPDATE
"""

# What changed while it was settled is due again, the later the longer it takes to count.
DONE: Final = """
WITH held AS (
    SELECT * FROM unnest(%(tenants)s::text[], %(traces)s::uuid[], %(revisions)s::bigint[], %(pauses)s::float8[])
        AS h (tenant_id, trace_id, revision, pause)
), gone AS (
    DELETE FROM unsettled_traces AS u USING held AS h
    WHERE u.tenant_id = h.tenant_id AND u.trace_id = h.trace_id AND u.revision = h.revision
)
UPDATE unsettled_traces AS u SET leased_until = '-infinity', due_at = now() + make_interval(secs => h.pause)
FROM held AS h WHERE u.tenant_id = h.tenant_id AND u.trace_id = h.trace_id AND u.revision <> h.revision
"""

WAITING: Final = "SELECT count(*) FROM unsettled_traces"

# ClickHouse -------------------------------------------------------------------------------------------------------

SIZES: Final = """
SELECT tenant_id, toString(trace_id), count() FROM frame_events
WHERE tenant_id IN {tenants:Array(String)} AND trace_id IN {traces:Array(UUID)} GROUP BY tenant_id, trace_id
"""

FRAMES: Final = """
WITH
    once AS (
        SELECT tenant_id, trace_id, event_id, span_id, event_type, observed_at, frame_index, media_time_ms,
               vram_used_mb, gpu_utilization_pct
        FROM frame_events
        WHERE tenant_id IN {tenants:Array(String)} AND trace_id IN {traces:Array(UUID)}
        ORDER BY received_at LIMIT 1 BY tenant_id, trace_id, event_id
    ),
    beside AS (
        SELECT *,
            row_number() OVER own_type > 1
                AND lagInFrame(frame_index, 1) OVER own_type >= frame_index AS index_stays,
            lagInFrame(event_id, 1) OVER own_type AS twin,
            row_number() OVER so_far > 1 AND max(media_time_ms) OVER before > media_time_ms AS media_falls,
            argMax(event_id, media_time_ms) OVER before AS furthest,
            row_number() OVER own_type > 1
                AND max(observed_at) OVER own_before > observed_at + INTERVAL 5 SECOND AS clock_back,
            argMax(event_id, observed_at) OVER own_before AS latest
        FROM once
        WINDOW
            own_type AS (PARTITION BY tenant_id, trace_id, event_type
                         ORDER BY frame_index, observed_at, media_time_ms, event_id
                         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
            own_before AS (PARTITION BY tenant_id, trace_id, event_type
                           ORDER BY frame_index, observed_at, media_time_ms, event_id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
            so_far AS (PARTITION BY tenant_id, trace_id ORDER BY frame_index, observed_at, media_time_ms, event_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
            before AS (PARTITION BY tenant_id, trace_id ORDER BY frame_index, observed_at, media_time_ms, event_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
SELECT tenant_id, toString(trace_id), count() AS frame_events,
       uniqExactIf(frame_index, event_type != 'frame_error') AS frames,
       countIf(event_type = 'frame_error') AS frame_errors, min(frame_index), max(frame_index), max(media_time_ms),
       max(vram_used_mb), avg(gpu_utilization_pct),
       countIf(index_stays) + countIf(media_falls) + countIf(clock_back) AS findings,
       groupArrayIf(20)((toString(event_id), frame_index, toString(twin)), index_stays),
       groupArrayIf(20)((toString(event_id), frame_index, toString(furthest)), media_falls),
       groupArrayIf(20)((toString(event_id), frame_index, toString(latest)), clock_back),
       arrayMap(one -> toString(one), groupUniqArray(1000)(span_id))
FROM beside GROUP BY tenant_id, trace_id
"""

HOURS: Final = """
INSERT INTO frame_hours (tenant_id, hour, trace_id, seen_at, settled_at, model, frame_events, frame_errors, metric_sums,
                         metric_counts)
WITH
    given AS (
        SELECT arrayJoin(arrayZip({tenants:Array(String)}, {traces:Array(UUID)}, {models:Array(String)})) AS one,
               one.1 AS tenant_id, one.2 AS trace_id, one.3 AS model
    ),
    once AS (
        SELECT *, mapFilter((name, value) -> isNotNull(value), map(
                   'motion_score', motion_score, 'temporal_consistency', temporal_consistency,
                   'contrast_ratio', contrast_ratio, 'brightness_avg', brightness_avg, 'edge_density', edge_density,
                   'noise_estimate', noise_estimate, 'clip_text_similarity', clip_text_similarity,
                   'clip_image_similarity', clip_image_similarity, 'aesthetic_score', aesthetic_score,
                   'artifact_score', artifact_score, 'nsfw_score', nsfw_score)) AS metrics
        FROM frame_events
        WHERE tenant_id IN {tenants:Array(String)} AND trace_id IN {traces:Array(UUID)}
        ORDER BY received_at LIMIT 1 BY tenant_id, trace_id, event_id
    )
SELECT f.tenant_id, toStartOfHour(f.observed_at, 'UTC') AS hour, f.trace_id, any(f.seen_at),
       {settled_at:DateTime64(6, 'UTC')},
       any(g.model), count(), countIf(f.event_type = 'frame_error'),
       sumMap(mapApply((name, value) -> (name, assumeNotNull(value)), f.metrics)),
       sumMap(mapApply((name, value) -> (name, toUInt64(1)), f.metrics))
FROM once AS f JOIN given AS g ON g.tenant_id = f.tenant_id AND g.trace_id = f.trace_id
GROUP BY f.tenant_id, hour, f.trace_id
SETTINGS enable_extended_results_for_datetime_functions = 1
"""
