-- SPDX-License-Identifier: Apache-2.0
-- Tenants, API keys and the ledger, each closed to every role but those granted here and split by tenant.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO ovpo_collect, ovpo_process, ovpo_query;

CREATE FUNCTION current_tenant() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.current_tenant_id', true), '');

-- Tenants ---------------------------------------------------------------------------------------------------------

CREATE TABLE tenants (
    tenant_id  text PRIMARY KEY CHECK (tenant_id ~ '^[a-z0-9-]{1,128}$'),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tenants FOR SELECT TO ovpo_collect, ovpo_query USING (tenant_id = current_tenant());
CREATE POLICY every_tenant ON tenants FOR SELECT TO ovpo_process USING (true);
GRANT SELECT ON tenants TO ovpo_collect, ovpo_process, ovpo_query;

-- API keys: only a digest is kept, and before the tenant is known only one row can be asked for, by its prefix ------

CREATE TABLE api_keys (
    prefix     text PRIMARY KEY CHECK (prefix ~ '^[a-z0-9]{8}$'),
    tenant_id  text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    role       text NOT NULL CHECK (role IN ('viewer', 'developer', 'admin', 'super_admin')),
    label      text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at);
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION api_key_by_prefix(wanted text) RETURNS SETOF api_keys
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC SELECT * FROM api_keys AS k WHERE k.prefix = wanted; END;
REVOKE ALL ON FUNCTION api_key_by_prefix(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api_key_by_prefix(text) TO ovpo_collect, ovpo_query;

-- The ledger: one row per item of work; Dagster sees only its windows ----------------------------------------------

CREATE TABLE ledger_items (
    item_id       uuid PRIMARY KEY,
    lane          text NOT NULL CHECK (lane ~ '^[a-z][a-z0-9_]{0,62}$'),
    tenant_id     text NOT NULL REFERENCES tenants,
    subject       text NOT NULL CHECK (length(subject) BETWEEN 1 AND 4096),
    digest        text NOT NULL CHECK (length(digest) BETWEEN 1 AND 128),
    window_start  timestamptz NOT NULL CHECK (window_start = date_trunc('hour', window_start, 'UTC')),
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'started', 'finished', 'failed', 'quarantined', 'canceled')),
    attempt       integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    run_id        text,
    reason        text,
    result        text,
    registered_at timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    UNIQUE (lane, tenant_id, digest),
    CHECK ((state = 'started') <= (run_id IS NOT NULL))
);
CREATE INDEX ledger_items_unfinished ON ledger_items (lane, window_start) WHERE state IN ('queued', 'started');
CREATE INDEX ledger_items_by_registration ON ledger_items (registered_at);

CREATE TABLE ledger_windows (
    lane         text NOT NULL,
    window_start timestamptz NOT NULL,
    revision     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (lane, window_start)
);

-- A window's revision rises whenever it gains work, whoever gave it: a used run key never fires again.
CREATE FUNCTION raise_window_revision() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO ledger_windows AS w (lane, window_start)
    SELECT DISTINCT lane, window_start FROM gained WHERE state = 'queued' ORDER BY lane, window_start
    ON CONFLICT (lane, window_start) DO UPDATE SET revision = w.revision + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER registered AFTER INSERT ON ledger_items
    REFERENCING NEW TABLE AS gained FOR EACH STATEMENT EXECUTE FUNCTION raise_window_revision();
CREATE TRIGGER returned AFTER UPDATE ON ledger_items
    REFERENCING NEW TABLE AS gained FOR EACH STATEMENT EXECUTE FUNCTION raise_window_revision();

ALTER TABLE ledger_items ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_items ON ledger_items TO ovpo_query
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY every_item ON ledger_items TO ovpo_process USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON ledger_items TO ovpo_query;
GRANT SELECT, INSERT, UPDATE ON ledger_items TO ovpo_process;
GRANT SELECT ON ledger_windows TO ovpo_process;
