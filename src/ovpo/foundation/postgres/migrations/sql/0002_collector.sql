-- SPDX-License-Identifier: Apache-2.0
-- What the collector keeps: the tier of each tenant, and the answers that idempotency keys stand for.

ALTER TABLE tenants
    ADD COLUMN tier text NOT NULL DEFAULT 'free' CHECK (tier IN ('free', 'pro', 'enterprise'));

-- A row is claimed by one owner until its lease ends, then holds the answer until it expires. Digests stand for key
-- and body. There is no reference to tenants: its check would lock one tenant's row at every request.
CREATE TABLE idempotency_keys (
    tenant_id    text NOT NULL,
    key_digest   bytea NOT NULL CHECK (length(key_digest) = 32),
    body_digest  bytea NOT NULL CHECK (length(body_digest) = 32),
    owner        uuid NOT NULL,
    leased_until timestamptz NOT NULL,
    requested_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    answer       bytea,
    PRIMARY KEY (tenant_id, key_digest)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_keys ON idempotency_keys TO ovpo_collect
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO ovpo_collect;

-- Expired keys of every tenant go a portion at a time, whichever collector asks; two at once share the work.
CREATE FUNCTION purge_idempotency_keys(most integer) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    WITH expired AS (
        SELECT tenant_id, key_digest FROM idempotency_keys
        WHERE expires_at <= now() ORDER BY expires_at LIMIT most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM idempotency_keys AS k USING expired AS e
        WHERE k.tenant_id = e.tenant_id AND k.key_digest = e.key_digest RETURNING 1
    )
    SELECT count(*) FROM gone;
END;
REVOKE ALL ON FUNCTION purge_idempotency_keys(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION purge_idempotency_keys(integer) TO ovpo_collect;
