-- SPDX-License-Identifier: Apache-2.0
-- What the processor keeps of traces and spans. Frame events are in ClickHouse.
--
-- A trace is adopted when it is first heard of, whatever tells of it: its own record, a span or a frame event. From then
-- on its row holds `seen_at`, which never changes and says in which month everything that belongs to the trace lies.
-- That makes uniqueness by (tenant, trace, span) a constraint in partitioned tables, and a month of traces one to drop.

CREATE TABLE traces (
    tenant_id           text NOT NULL,
    trace_id            uuid NOT NULL,
    seen_at             timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    -- What its sender said last. Nothing yet: only spans or events of the trace came, which are orphans until it does.
    reported_status     text CHECK (reported_status IN
                            ('PENDING', 'GENERATING', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMEOUT', 'PARTIAL')),
    -- Broken frame invariants, as the last settling found them.
    findings            integer NOT NULL DEFAULT 0 CHECK (findings >= 0),
    status              text GENERATED ALWAYS AS (
                            CASE WHEN findings > 0 AND reported_status IN ('GENERATING', 'COMPLETED') THEN 'PARTIAL'
                                 ELSE reported_status END) STORED,
    parent_trace_id     uuid,
    user_id_hash        text,
    pipeline_config     jsonb,
    pipeline_config_ref text,
    input_context       jsonb,
    output_manifest     jsonb,
    cost_attribution    jsonb,
    failure             jsonb,
    failure_kind        text GENERATED ALWAYS AS (failure ->> 'kind') STORED,
    retry_count         bigint,
    tags                jsonb,
    created_at          timestamptz,
    started_at          timestamptz,
    completed_at        timestamptz,
    legal_hold          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, trace_id),
    CHECK ((reported_status IS NULL) = (created_at IS NULL))
);
CREATE INDEX traces_by_creation ON traces (tenant_id, created_at DESC, trace_id DESC) WHERE reported_status IS NOT NULL;
CREATE INDEX traces_by_status ON traces (tenant_id, status, created_at DESC, trace_id DESC);
CREATE INDEX traces_by_tag ON traces USING gin (tags jsonb_path_ops);
CREATE INDEX traces_by_first_sight ON traces (seen_at);

-- Every distinct record that a sender gave of a trace: the row above is their fold, in whatever order they came.
CREATE TABLE trace_records (
    tenant_id     text NOT NULL,
    trace_id      uuid NOT NULL,
    trace_seen_at timestamptz NOT NULL,
    digest        bytea NOT NULL CHECK (length(digest) = 16),
    received_at   timestamptz NOT NULL,
    position      integer NOT NULL,
    record        json NOT NULL,
    PRIMARY KEY (tenant_id, trace_id, digest, trace_seen_at),
    FOREIGN KEY (tenant_id, trace_id) REFERENCES traces ON DELETE CASCADE
) PARTITION BY RANGE (trace_seen_at);

CREATE TABLE spans (
    tenant_id      text NOT NULL,
    trace_id       uuid NOT NULL,
    span_id        uuid NOT NULL,
    trace_seen_at  timestamptz NOT NULL,
    parent_span_id uuid,
    span_kind      text NOT NULL,
    name           text NOT NULL,
    status         text NOT NULL CHECK (status IN ('OK', 'ERROR')),
    start_time     timestamptz NOT NULL,
    end_time       timestamptz,
    duration_ms    double precision,
    attributes     jsonb NOT NULL,
    digest         bytea NOT NULL CHECK (length(digest) = 16),
    received_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, trace_id, span_id, trace_seen_at),
    FOREIGN KEY (tenant_id, trace_id) REFERENCES traces ON DELETE CASCADE
) PARTITION BY RANGE (trace_seen_at);
CREATE INDEX spans_by_start ON spans (tenant_id, start_time);

-- What follows from a trace's spans and frame events, counted anew from all of them at each settling.
CREATE TABLE trace_summaries (
    tenant_id         text NOT NULL,
    trace_id          uuid NOT NULL,
    settled_at        timestamptz NOT NULL,
    model             text,
    spans             integer NOT NULL,
    span_errors       integer NOT NULL,
    milliseconds      jsonb NOT NULL,
    total_ms          double precision,
    compute_units     double precision NOT NULL,
    units             jsonb NOT NULL,
    factors_version   text NOT NULL,
    unknown_hardware  integer NOT NULL,
    frame_events      bigint NOT NULL,
    frames            bigint NOT NULL,
    frame_errors      bigint NOT NULL,
    first_frame       bigint,
    last_frame        bigint,
    last_media_ms     double precision,
    peak_vram_mb      double precision,
    mean_gpu_pct      double precision,
    unknown_spans     integer NOT NULL,
    finding_sample    jsonb NOT NULL,
    PRIMARY KEY (tenant_id, trace_id),
    FOREIGN KEY (tenant_id, trace_id) REFERENCES traces ON DELETE CASCADE
);

-- Traces of which something came since they were last settled. A settling holds its traces under a lease.
CREATE TABLE unsettled_traces (
    tenant_id    text NOT NULL,
    trace_id     uuid NOT NULL,
    revision     bigint NOT NULL DEFAULT 1,
    due_at       timestamptz NOT NULL,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (tenant_id, trace_id)
) WITH (fillfactor = 50);
CREATE INDEX unsettled_traces_by_due ON unsettled_traces (due_at);

-- Items that came too late to be refused at the door: kept, with the reason, and with no other effect.
CREATE TABLE refused_items (
    tenant_id   text NOT NULL,
    trace_id    uuid NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 16),
    item_type   text NOT NULL CHECK (item_type IN ('trace', 'span')),
    item_id     uuid NOT NULL,
    code        text NOT NULL CHECK (code IN ('INVALID_TRANSITION', 'CONFLICT', 'TOO_MANY_ITEMS')),
    reason      text NOT NULL,
    received_at timestamptz NOT NULL,
    item        json NOT NULL,
    PRIMARY KEY (tenant_id, trace_id, digest)
);
CREATE INDEX refused_items_by_receipt ON refused_items (received_at);

-- A month of spans and records. Whoever writes first in a month makes it; two at once make it once.
CREATE FUNCTION open_telemetry_month(moment timestamptz) RETURNS void
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
        IF to_regclass(part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                           part, parent, first, first + interval '1 month');
        END IF;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION open_telemetry_month(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_telemetry_month(timestamptz) TO ovpo_process;

-- Who sees what --------------------------------------------------------------------------------------------------

ALTER TABLE traces ENABLE ROW LEVEL SECURITY;
ALTER TABLE trace_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE spans ENABLE ROW LEVEL SECURITY;
ALTER TABLE trace_summaries ENABLE ROW LEVEL SECURITY;
ALTER TABLE refused_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE unsettled_traces ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_traces ON traces FOR SELECT TO ovpo_query USING (tenant_id = current_tenant());
CREATE POLICY own_records ON trace_records FOR SELECT TO ovpo_query USING (tenant_id = current_tenant());
CREATE POLICY own_spans ON spans FOR SELECT TO ovpo_query USING (tenant_id = current_tenant());
CREATE POLICY own_summaries ON trace_summaries FOR SELECT TO ovpo_query USING (tenant_id = current_tenant());
CREATE POLICY own_refused ON refused_items FOR SELECT TO ovpo_query USING (tenant_id = current_tenant());

CREATE POLICY every_trace ON traces TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every_record ON trace_records TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every_span ON spans TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every_summary ON trace_summaries TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every_refused ON refused_items TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every_unsettled ON unsettled_traces TO ovpo_process USING (true) WITH CHECK (true);

GRANT SELECT ON traces, trace_records, spans, trace_summaries, refused_items TO ovpo_query;
GRANT SELECT, INSERT, UPDATE ON traces, trace_summaries TO ovpo_process;
GRANT SELECT, INSERT ON spans TO ovpo_process;
GRANT SELECT, INSERT, DELETE ON refused_items TO ovpo_process;
GRANT SELECT, INSERT, UPDATE, DELETE ON trace_records, unsettled_traces TO ovpo_process;
