-- SPDX-License-Identifier: Apache-2.0
-- Tenants' configuration, and the life of API keys.

GRANT USAGE ON SCHEMA public TO ovpo_govern;

-- Tenants: what is configured. A tenant is closed and never deleted, so its id is never given again. ------------------

-- `retention` holds overrides only: days by data class and stage. The audit log has no purge to override.
ALTER TABLE tenants
    ADD COLUMN retention jsonb NOT NULL DEFAULT '{}' CHECK (
        jsonb_typeof(retention) = 'object'
        AND retention - ARRAY['traces', 'frames', 'audit', 'ephemeral_artifacts', 'primary_outputs'] = '{}'
        AND NOT coalesce(retention -> 'audit' ? 'purge_days', false)),
    ADD COLUMN hardware_profile text CHECK (hardware_profile ~ '^[a-z0-9_]{1,64}$'),
    ADD COLUMN legal_hold_default boolean NOT NULL DEFAULT false,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN revision bigint NOT NULL DEFAULT 1 CHECK (revision >= 1),
    ADD CHECK (name !~ '[[:cntrl:]]');
CREATE INDEX tenants_by_creation ON tenants (created_at, tenant_id);

-- API keys: who made one, when it was last used, and what it was replaced by. One is replaced once. -------------------

ALTER TABLE api_keys
    ADD COLUMN created_by text CHECK (length(created_by) BETWEEN 1 AND 200),
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN rotated_from text UNIQUE REFERENCES api_keys,
    ADD COLUMN replaced_by text UNIQUE REFERENCES api_keys,
    ADD CHECK (label !~ '[[:cntrl:]]');
DROP INDEX api_keys_by_tenant;
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at, prefix);

-- The key of a closed tenant is known by `tenant_closed_at`.
DROP FUNCTION api_key_by_prefix(text);
CREATE FUNCTION api_key_by_prefix(wanted text) RETURNS TABLE (
    prefix text, digest bytea, tenant_id text, role text, expires_at timestamptz, revoked_at timestamptz,
    tenant_closed_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT k.prefix, k.digest, k.tenant_id, k.role, k.expires_at, k.revoked_at, t.deleted_at
    FROM api_keys AS k JOIN tenants AS t ON t.tenant_id = k.tenant_id WHERE k.prefix = wanted;
END;
REVOKE ALL ON FUNCTION api_key_by_prefix(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api_key_by_prefix(text) TO ovpo_collect, ovpo_query;

-- Written at most once a minute for each key, however many services saw it.
CREATE FUNCTION touch_api_key(used text) RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    UPDATE api_keys SET last_used_at = now()
    WHERE prefix = used AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute');
END;
REVOKE ALL ON FUNCTION touch_api_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION touch_api_key(text) TO ovpo_collect, ovpo_query;

-- Who governs: sees every tenant and key but no digest, deletes nothing, and leaves what is closed or revoked so. ------

CREATE POLICY governed ON tenants FOR SELECT TO ovpo_govern USING (true);
CREATE POLICY opened ON tenants FOR INSERT TO ovpo_govern WITH CHECK (deleted_at IS NULL);
CREATE POLICY changed ON tenants FOR UPDATE TO ovpo_govern USING (deleted_at IS NULL) WITH CHECK (true);
CREATE POLICY governed ON api_keys FOR SELECT TO ovpo_govern USING (true);
CREATE POLICY issued ON api_keys FOR INSERT TO ovpo_govern WITH CHECK (revoked_at IS NULL);
CREATE POLICY changed ON api_keys FOR UPDATE TO ovpo_govern USING (revoked_at IS NULL) WITH CHECK (true);

GRANT SELECT ON tenants TO ovpo_govern;
GRANT INSERT (tenant_id, name, tier, retention, hardware_profile, legal_hold_default, created_at, updated_at)
    ON tenants TO ovpo_govern;
GRANT UPDATE (name, tier, retention, hardware_profile, legal_hold_default, updated_at, deleted_at, revision)
    ON tenants TO ovpo_govern;
GRANT SELECT (prefix, tenant_id, role, label, created_at, created_by, expires_at, revoked_at, last_used_at, rotated_from,
              replaced_by) ON api_keys TO ovpo_govern;
GRANT INSERT (prefix, tenant_id, digest, role, label, created_at, created_by, expires_at, rotated_from)
    ON api_keys TO ovpo_govern;
GRANT UPDATE (expires_at, revoked_at, replaced_by) ON api_keys TO ovpo_govern;
