# SPDX-License-Identifier: Apache-2.0
"""What the processor says to PostgreSQL to write what came. What settling says is in `settling_statements`."""

from typing import Final

OPEN_MONTH: Final = "SELECT open_telemetry_month(%s)"

STAGE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_traces (tenant_id text, trace_id uuid, seen_at timestamptz)
    ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_records (
    tenant_id text, trace_id uuid, digest bytea, received_at timestamptz, position integer, record json)
    ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_merged (
    tenant_id text, trace_id uuid, reported_status text, parent_trace_id uuid, user_id_hash text, pipeline_config jsonb,
    pipeline_config_ref text, input_context jsonb, output_manifest jsonb, cost_attribution jsonb, failure jsonb,
    retry_count bigint, tags jsonb, created_at timestamptz, started_at timestamptz, completed_at timestamptz)
    ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_spans (
    tenant_id text, trace_id uuid, span_id uuid, parent_span_id uuid, span_kind text, name text, status text,
    start_time timestamptz, end_time timestamptz, duration_ms double precision, attributes jsonb, digest bytea,
    received_at timestamptz)
    ON COMMIT DELETE ROWS
"""

COPY_TRACES: Final = "COPY staged_traces (tenant_id, trace_id, seen_at) FROM STDIN"
# A trace is under legal hold from its first sight where its tenant is configured so; a later change touches none.
ADOPT: Final = """
INSERT INTO traces (tenant_id, trace_id, seen_at, updated_at, legal_hold)
SELECT s.tenant_id, s.trace_id, s.seen_at, now(), coalesce(n.legal_hold_default, false)
FROM staged_traces AS s LEFT JOIN tenants AS n USING (tenant_id) ORDER BY s.tenant_id, s.trace_id
ON CONFLICT DO NOTHING
"""
SEEN: Final = """
SELECT t.tenant_id, t.trace_id::text, t.seen_at
FROM staged_traces AS s JOIN traces AS t USING (tenant_id, trace_id)
"""

COPY_RECORDS: Final = "COPY staged_records (tenant_id, trace_id, digest, received_at, position, record) FROM STDIN"
LOCK_TRACES: Final = """
SELECT FROM traces WHERE (tenant_id, trace_id) IN (SELECT tenant_id, trace_id FROM staged_records)
ORDER BY tenant_id, trace_id FOR NO KEY UPDATE
"""
KEEP_RECORDS: Final = """
INSERT INTO trace_records AS r (tenant_id, trace_id, trace_seen_at, digest, received_at, position, record)
SELECT DISTINCT ON (s.tenant_id, s.trace_id, s.digest)
    s.tenant_id, s.trace_id, t.seen_at, s.digest, s.received_at, s.position, s.record
FROM staged_records AS s JOIN traces AS t USING (tenant_id, trace_id)
ORDER BY s.tenant_id, s.trace_id, s.digest, s.received_at, s.position
ON CONFLICT (tenant_id, trace_id, digest, trace_seen_at) DO UPDATE SET
    received_at = excluded.received_at, position = excluded.position
WHERE (excluded.received_at, excluded.position) < (r.received_at, r.position)
"""
ALL_RECORDS: Final = """
SELECT r.tenant_id, r.trace_id::text, r.digest, r.received_at, r.position, r.record::text
FROM (SELECT DISTINCT tenant_id, trace_id FROM staged_records) AS s
JOIN traces AS t USING (tenant_id, trace_id)
JOIN trace_records AS r ON r.tenant_id = t.tenant_id AND r.trace_id = t.trace_id AND r.trace_seen_at = t.seen_at
"""
# Beyond the most that a trace takes, records are kept in `refused_items` alone, so that its fold stays cheap.
DROP_RECORDS: Final = """
DELETE FROM trace_records AS r
USING unnest(%(tenants)s::text[], %(traces)s::uuid[], %(digests)s::bytea[]) AS d (tenant_id, trace_id, digest),
      traces AS t
WHERE t.tenant_id = d.tenant_id AND t.trace_id = d.trace_id AND r.tenant_id = d.tenant_id AND r.trace_id = d.trace_id
  AND r.digest = d.digest AND r.trace_seen_at = t.seen_at
"""
COPY_MERGED: Final = """
COPY staged_merged (tenant_id, trace_id, reported_status, parent_trace_id, user_id_hash, pipeline_config,
    pipeline_config_ref, input_context, output_manifest, cost_attribution, failure, retry_count, tags, created_at,
    started_at, completed_at) FROM STDIN
"""
UPDATE_TRACES: Final = """
UPDATE traces AS t SET
    reported_status = s.reported_status, parent_trace_id = s.parent_trace_id, user_id_hash = s.user_id_hash,
    pipeline_config = s.pipeline_config, pipeline_config_ref = s.pipeline_config_ref, input_context = s.input_context,
    output_manifest = s.output_manifest, cost_attribution = s.cost_attribution, failure = s.failure,
    retry_count = s.retry_count, tags = s.tags, created_at = s.created_at, started_at = s.started_at,
    completed_at = s.completed_at, updated_at = now()
FROM staged_merged AS s WHERE t.tenant_id = s.tenant_id AND t.trace_id = s.trace_id
"""

COPY_SPANS: Final = """
COPY staged_spans (tenant_id, trace_id, span_id, parent_span_id, span_kind, name, status, start_time, end_time,
    duration_ms, attributes, digest, received_at) FROM STDIN
"""
KEEP_SPANS: Final = """
INSERT INTO spans (tenant_id, trace_id, span_id, trace_seen_at, parent_span_id, span_kind, name, status, start_time,
    end_time, duration_ms, attributes, digest, received_at)
SELECT s.tenant_id, s.trace_id, s.span_id, t.seen_at, s.parent_span_id, s.span_kind, s.name, s.status, s.start_time,
    s.end_time, s.duration_ms, s.attributes, s.digest, s.received_at
FROM staged_spans AS s JOIN traces AS t USING (tenant_id, trace_id)
ORDER BY s.tenant_id, s.trace_id, s.span_id, s.received_at, s.ctid
ON CONFLICT DO NOTHING
"""
CLASHING_SPANS: Final = """
SELECT DISTINCT s.tenant_id, s.digest FROM staged_spans AS s JOIN traces AS t USING (tenant_id, trace_id)
JOIN spans AS p ON p.tenant_id = s.tenant_id AND p.trace_id = s.trace_id AND p.span_id = s.span_id
               AND p.trace_seen_at = t.seen_at
WHERE p.digest <> s.digest
"""

# A record that was refused may follow after all once one that was received before it comes.
TAKE_BACK_REFUSALS: Final = """
DELETE FROM refused_items AS r USING (SELECT DISTINCT tenant_id, trace_id FROM staged_records) AS s
WHERE r.tenant_id = s.tenant_id AND r.trace_id = s.trace_id AND r.item_type = 'trace'
  AND r.code = 'INVALID_TRANSITION' AND r.digest <> ALL (%s)
"""
NOTE_REFUSED: Final = """
INSERT INTO refused_items (tenant_id, trace_id, digest, item_type, item_id, code, reason, received_at, item)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""

MARK: Final = """
INSERT INTO unsettled_traces AS u (tenant_id, trace_id, due_at)
SELECT tenant_id, trace_id, now() + %(after)s
FROM unnest(%(tenants)s::text[], %(traces)s::uuid[]) AS m (tenant_id, trace_id)
ORDER BY tenant_id, trace_id
ON CONFLICT (tenant_id, trace_id) DO UPDATE SET revision = u.revision + 1
"""
