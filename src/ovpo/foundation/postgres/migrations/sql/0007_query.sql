-- SPDX-License-Identifier: Apache-2.0
-- What the query API finds its way by: the columns that a list of traces shows, one index for each order that it may be
-- walked in, and the views that people save.

-- Copies of what settling found, in the row that lists read. What is unknown sorts below everything that is known.
ALTER TABLE traces
    ADD COLUMN model         text NOT NULL DEFAULT '' CHECK (length(model) <= 256),
    ADD COLUMN project       text NOT NULL GENERATED ALWAYS AS (coalesce(cost_attribution ->> 'project', '')) STORED,
    ADD COLUMN span_kinds    text[] NOT NULL DEFAULT '{}',
    ADD COLUMN spans         integer NOT NULL DEFAULT 0,
    ADD COLUMN span_errors   integer NOT NULL DEFAULT 0,
    ADD COLUMN frames        bigint NOT NULL DEFAULT 0,
    ADD COLUMN total_ms      double precision,
    ADD COLUMN compute_units double precision NOT NULL DEFAULT 0,
    ADD COLUMN peak_vram_mb  double precision;
UPDATE traces AS t SET
    model = left(coalesce(s.model, ''), 256),
    span_kinds = ARRAY(SELECT jsonb_object_keys(s.milliseconds) AS kind ORDER BY kind),
    spans = s.spans, span_errors = s.span_errors, frames = s.frames, total_ms = s.total_ms,
    compute_units = s.compute_units, peak_vram_mb = s.peak_vram_mb
FROM trace_summaries AS s WHERE s.tenant_id = t.tenant_id AND s.trace_id = t.trace_id;

DROP INDEX traces_by_creation;
DROP INDEX traces_by_status;
CREATE INDEX traces_by_creation ON traces (tenant_id, created_at, trace_id) WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_status ON traces (tenant_id, status, created_at, trace_id) WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_model ON traces (tenant_id, model, created_at, trace_id) WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_project ON traces (tenant_id, project, created_at, trace_id) WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_spans ON traces (tenant_id, spans, created_at, trace_id) WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_frames ON traces (tenant_id, frames, created_at, trace_id) WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_units ON traces (tenant_id, compute_units, created_at, trace_id)
    WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_findings ON traces (tenant_id, findings, created_at, trace_id)
    WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_duration ON traces (tenant_id, coalesce(total_ms, '-infinity'), created_at, trace_id)
    WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_vram ON traces (tenant_id, coalesce(peak_vram_mb, '-infinity'), created_at, trace_id)
    WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_start ON traces (tenant_id, coalesce(started_at, '-infinity'), created_at, trace_id)
    WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_completion ON traces (tenant_id, coalesce(completed_at, '-infinity'), created_at, trace_id)
    WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_failure ON traces (tenant_id, failure_kind, created_at, trace_id)
    WHERE reported_status IS NOT NULL AND failure_kind IS NOT NULL;
CREATE INDEX traces_by_kind ON traces USING gin (span_kinds);

-- A tenant's own traces, as a list shows them. The table's row-level security lets no operator that is not leakproof
-- use an index (`@>` of tags is not), this view does; the condition is the same.
CREATE VIEW listed_traces AS
SELECT trace_id, status, failure_kind, model, project, tags, span_kinds, spans, span_errors, frames, findings, total_ms,
       compute_units, peak_vram_mb, created_at, started_at, completed_at, updated_at
FROM traces WHERE tenant_id = current_tenant() AND reported_status IS NOT NULL;
GRANT SELECT ON listed_traces TO ovpo_query;

-- A question to the list of traces that somebody gave a name.
CREATE TABLE saved_views (
    tenant_id  text NOT NULL REFERENCES tenants,
    view_id    uuid NOT NULL,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    query      jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, view_id),
    UNIQUE (tenant_id, name)
);
ALTER TABLE saved_views ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_views ON saved_views TO ovpo_query
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON saved_views TO ovpo_query;

-- A month of spans and records, as before; whether it is there is asked of the catalogue's own table: what a name stood
-- for before the wait for the lock may still be remembered.
CREATE OR REPLACE FUNCTION open_telemetry_month(moment timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    first timestamptz := date_trunc('month', moment);
    parent text;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('open_telemetry_month'));
    FOREACH parent IN ARRAY ARRAY['spans', 'trace_records'] LOOP
        part := format('%s_%s', parent, to_char(first, 'YYYYMM'));
        IF NOT EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = 'public'::regnamespace) THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
                           part, parent, first, first + interval '1 month');
        END IF;
    END LOOP;
END
$$;
