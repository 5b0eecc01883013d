# SPDX-License-Identifier: Apache-2.0
"""What the query API asks of PostgreSQL about one trace. The connection sees one tenant's rows only.

Objects that senders gave are read as text and passed on as they are: a number in them may be one that no float holds.
"""

from typing import Final

VERSION: Final = """
SELECT t.seen_at, t.updated_at, s.settled_at, s.frame_events
FROM traces AS t LEFT JOIN trace_summaries AS s USING (tenant_id, trace_id) WHERE t.trace_id = %s
"""

TRACE: Final = """
SELECT trace_id::text, status, reported_status, parent_trace_id::text, user_id_hash,
       pipeline_config::text, pipeline_config_ref, input_context::text, output_manifest::text, cost_attribution::text,
       failure::text, retry_count, tags::text, legal_hold, created_at, started_at, completed_at, seen_at, updated_at,
       findings
FROM traces WHERE trace_id = %s
"""

SUMMARY: Final = """
SELECT settled_at, model, spans, span_errors, milliseconds, total_ms, compute_units, units, factors_version,
       unknown_hardware, frame_events, frames, frame_errors, first_frame, last_frame, last_media_ms, peak_vram_mb,
       mean_gpu_pct, unknown_spans, finding_sample
FROM trace_summaries WHERE trace_id = %s
"""

SPANS: Final = """
SELECT span_id::text, parent_span_id::text, span_kind, name, status, start_time, end_time, duration_ms, attributes::text
FROM spans WHERE trace_id = %(trace)s AND trace_seen_at = %(seen_at)s
ORDER BY start_time, span_id LIMIT %(most)s
"""

DROPPED_EVENTS: Final = """
SELECT coalesce(sum(least(1e9, greatest(0, (attributes ->> 'otel.dropped_events_count')::numeric))), 0)::bigint
FROM (SELECT attributes FROM spans WHERE trace_id = %(trace)s AND trace_seen_at = %(seen_at)s
      AND jsonb_typeof(attributes -> 'otel.dropped_events_count') = 'number' OFFSET 0) AS telling
"""

REFUSED: Final = """
SELECT item_type, item_id::text, code, reason, received_at
FROM refused_items WHERE trace_id = %(trace)s ORDER BY received_at LIMIT %(most)s
"""
