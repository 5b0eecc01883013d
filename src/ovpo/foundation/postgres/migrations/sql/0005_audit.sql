-- SPDX-License-Identifier: Apache-2.0
-- The audit chain: records, each bound to the one before it of its tenant, the heads they stand at, and the seals.
--
-- No table here refers to tenants: what was done to a tenant outlives it.

GRANT USAGE ON SCHEMA public TO ovpo_govern;

CREATE TABLE audit_log (
    audit_id      uuid NOT NULL,
    seq           bigint NOT NULL CHECK (seq > 0),
    event_type    text NOT NULL CHECK (event_type ~ '^[A-Z][A-Z_]{0,62}[A-Z]$'),
    actor_id      text NOT NULL CHECK (length(actor_id) BETWEEN 1 AND 256),
    actor_ip      text CHECK (length(actor_ip) BETWEEN 1 AND 64),
    tenant_id     text NOT NULL CHECK (tenant_id ~ '^[a-z0-9-]{1,128}$'),
    resource_type text NOT NULL CHECK (length(resource_type) BETWEEN 1 AND 64),
    resource_id   text NOT NULL CHECK (length(resource_id) BETWEEN 1 AND 1024),
    "timestamp"   timestamptz NOT NULL,
    -- Not jsonb: it would spell numbers anew, and what was hashed is this very text.
    metadata      json NOT NULL,
    previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
    record_hash   bytea NOT NULL CHECK (length(record_hash) = 32),
    -- The only unique index: that a sequence has neither gap nor fork is the work of the head.
    PRIMARY KEY (tenant_id, seq, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX audit_log_by_event ON audit_log (tenant_id, event_type, seq);
CREATE INDEX audit_log_by_actor ON audit_log (tenant_id, actor_id, seq);
CREATE INDEX audit_log_by_resource ON audit_log (tenant_id, resource_id, seq);

-- Where the chain of a tenant stands. Only the functions and the trigger below write here.
CREATE TABLE audit_heads (
    tenant_id   text PRIMARY KEY CHECK (tenant_id ~ '^[a-z0-9-]{1,128}$'),
    seq         bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    record_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(record_hash) = 32),
    recorded_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

-- What a head was at a moment, signed with a key that the database does not hold.
CREATE TABLE audit_seals (
    tenant_id   text NOT NULL CHECK (tenant_id ~ '^[a-z0-9-]{1,128}$'),
    sealed_at   timestamptz NOT NULL CHECK (isfinite(sealed_at)),
    seq         bigint NOT NULL CHECK (seq > 0),
    record_hash bytea NOT NULL CHECK (length(record_hash) = 32),
    key_id      text NOT NULL CHECK (length(key_id) BETWEEN 1 AND 64),
    signature   bytea NOT NULL CHECK (length(signature) = 32),
    PRIMARY KEY (tenant_id, sealed_at)
);

-- Nothing is ever changed or removed, by whomever ------------------------------------------------------------------

CREATE FUNCTION refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: audit records are only ever added', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- A record moves the head of its tenant by exactly one step, or is not written at all. It fires after the row is in: a
-- row that some other rule keeps out moves nothing.
CREATE FUNCTION extend_audit_chain() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE audit_heads AS h
    SET seq = NEW.seq, record_hash = NEW.record_hash, recorded_at = NEW."timestamp"
    WHERE h.tenant_id = NEW.tenant_id AND h.seq = NEW.seq - 1 AND h.record_hash = NEW.previous_hash
      AND h.recorded_at <= NEW."timestamp";
    IF NOT FOUND THEN
        RAISE EXCEPTION 'audit record % does not continue the chain of tenant %', NEW.seq, NEW.tenant_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER one_step AFTER INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION extend_audit_chain();

-- A month of records. It is made beside the log and attached: attaching stops neither readers nor writers, making it
-- in place would stop both. Nobody is granted a month itself, which row security of the log does not cover.
CREATE FUNCTION open_audit_month(moment timestamptz, wait boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    first timestamptz := date_trunc('month', moment);
    part text := format('audit_log_%s', to_char(first, 'YYYYMM'));
BEGIN
    IF to_regclass(format('public.%I', part)) IS NOT NULL THEN
        RETURN;
    END IF;
    IF wait THEN
        PERFORM pg_advisory_xact_lock(hashtext('open_audit_month'));
    ELSIF NOT pg_try_advisory_xact_lock(hashtext('open_audit_month')) THEN
        RETURN;
    END IF;
    -- Asked of the table itself: what the name stood for before the wait may still be remembered.
    IF EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = 'public'::regnamespace) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE audit_log INCLUDING ALL)', part);
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()', part);
    EXECUTE format('ALTER TABLE audit_log ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   part, first, first + interval '1 month');
END
$$;

-- The month that is, and the next one unless somebody is just making it: a writer finds its month there.
CREATE FUNCTION open_audit_months() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC'
AS $$
BEGIN
    PERFORM open_audit_month(clock_timestamp(), true);
    PERFORM open_audit_month(date_trunc('month', clock_timestamp()) + interval '1 month', false);
END
$$;

-- Hold the chain of a tenant until the transaction ends, and tell where it stands and what time the next record has.
CREATE FUNCTION lock_audit_head(tenant text)
    RETURNS TABLE (head_seq bigint, head_hash bytea, moment timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF session_user = 'ovpo_query' AND tenant IS DISTINCT FROM current_tenant() THEN
        RAISE EXCEPTION 'the audit chain of another tenant is refused' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM open_audit_months();
    SELECT h.seq, h.record_hash, greatest(h.recorded_at, clock_timestamp()) INTO head_seq, head_hash, moment
    FROM audit_heads AS h WHERE h.tenant_id = tenant FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_heads (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
        SELECT h.seq, h.record_hash, greatest(h.recorded_at, clock_timestamp()) INTO head_seq, head_hash, moment
        FROM audit_heads AS h WHERE h.tenant_id = tenant FOR NO KEY UPDATE;
    END IF;
    PERFORM open_audit_month(moment, true);
    RETURN NEXT;
END
$$;

SELECT open_audit_months();

-- Who sees what --------------------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION extend_audit_chain(), open_audit_month(timestamptz, boolean), open_audit_months(),
    lock_audit_head(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_audit_head(text) TO ovpo_query, ovpo_process, ovpo_govern;
GRANT EXECUTE ON FUNCTION open_audit_months() TO ovpo_process, ovpo_govern;

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_seals ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_records ON audit_log TO ovpo_query
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY every_record ON audit_log TO ovpo_process, ovpo_govern USING (true) WITH CHECK (true);
CREATE POLICY every_head ON audit_heads FOR SELECT TO ovpo_process, ovpo_govern USING (true);
CREATE POLICY every_seal ON audit_seals TO ovpo_process, ovpo_govern USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON audit_log TO ovpo_query, ovpo_process, ovpo_govern;
GRANT SELECT ON audit_heads TO ovpo_process, ovpo_govern;
GRANT SELECT, INSERT ON audit_seals TO ovpo_process, ovpo_govern;
