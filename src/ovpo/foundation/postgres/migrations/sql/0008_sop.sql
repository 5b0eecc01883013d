-- SPDX-License-Identifier: Apache-2.0
-- SOP scoring: what is on record of videos, embeddings, adapters, definitions and scores. The bytes lie in the object
-- store, under keys made of these ids; who works on what is the ledger's.

-- Videos ----------------------------------------------------------------------------------------------------------

CREATE TABLE sop_videos (
    video_id         uuid PRIMARY KEY,
    tenant_id        text NOT NULL REFERENCES tenants,
    sha256           text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    task_id          text NOT NULL CHECK (task_id ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    role             text NOT NULL CHECK (role IN ('gold', 'trainee')),
    site_id          text NOT NULL DEFAULT '' CHECK (length(site_id) <= 128),
    camera_id        text NOT NULL DEFAULT '' CHECK (length(camera_id) <= 128),
    operator_id_hash text NOT NULL DEFAULT '' CHECK (operator_id_hash ~ '^([0-9a-f]{64})?$'),
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    bytes            bigint NOT NULL CHECK (bytes >= 0),
    -- Where it lay when it was found, until it is moved away with a receipt.
    inbox_path       text,
    -- Where the bytes lie: the file as it came, unless masks took its place, and what masks made of it.
    source_key       text,
    masked_key       text,
    thumbnail_key    text,
    window_start     timestamptz NOT NULL CHECK (window_start = date_trunc('hour', window_start, 'UTC')),
    state            text NOT NULL DEFAULT 'registered' CHECK (state IN ('registered', 'probed', 'quarantined', 'deleted')),
    reason_code      text,
    reason           text,
    probe            jsonb,
    probed_by        text,
    registered_at    timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CHECK ((state = 'quarantined') = (reason IS NOT NULL)),
    CHECK ((state = 'probed') <= (probe IS NOT NULL))
);
-- The same file twice is one video; a deleted one may come again.
CREATE UNIQUE INDEX sop_videos_once ON sop_videos (tenant_id, sha256) WHERE state <> 'deleted';
CREATE INDEX sop_videos_listed ON sop_videos (tenant_id, registered_at DESC, video_id DESC) WHERE state <> 'deleted';
CREATE INDEX sop_videos_of_task ON sop_videos (tenant_id, task_id, role, registered_at, video_id) WHERE state <> 'deleted';
CREATE INDEX sop_videos_of_operator ON sop_videos (tenant_id, operator_id_hash, registered_at)
    WHERE state <> 'deleted' AND operator_id_hash <> '';
CREATE INDEX sop_videos_by_window ON sop_videos (window_start, video_id);

-- Definitions of procedures, and which gold a task is held against --------------------------------------------------

CREATE TABLE sop_definitions (
    tenant_id  text NOT NULL REFERENCES tenants,
    task_id    text NOT NULL CHECK (task_id ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    version    integer NOT NULL CHECK (version >= 1),
    content    text NOT NULL CHECK (length(content) <= 1048576),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    PRIMARY KEY (tenant_id, task_id, version)
);

CREATE TABLE sop_tasks (
    tenant_id  text NOT NULL REFERENCES tenants,
    task_id    text NOT NULL CHECK (task_id ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    gold_id    uuid REFERENCES sop_videos,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, task_id)
);

-- Embeddings: one row a pair of files, written after them; this is the catalogue that neighbours are searched by -----

CREATE TABLE sop_embeddings (
    video_id   uuid NOT NULL REFERENCES sop_videos,
    tenant_id  text NOT NULL REFERENCES tenants,
    maker      text NOT NULL CHECK (maker ~ '^[0-9a-f]{16}$'),
    embedder   text NOT NULL,
    version    text NOT NULL,
    dims       integer NOT NULL CHECK (dims > 0),
    clips      integer NOT NULL CHECK (clips > 0),
    key        text NOT NULL,
    created_at timestamptz NOT NULL,
    run_id     text,
    PRIMARY KEY (video_id, maker)
);
CREATE INDEX sop_embeddings_of_tenant ON sop_embeddings (tenant_id, maker, created_at, video_id);

-- The newest maker here is the one that is worked with: what embeds says so itself. A process without the weights and
-- the accelerator could not tell, since both are part of what a maker is.
CREATE TABLE sop_makers (
    maker text PRIMARY KEY CHECK (maker ~ '^[0-9a-f]{16}$'),
    since timestamptz NOT NULL
);

-- Adapters: candidates and champions, of one tenant and one maker each ------------------------------------------------

CREATE TABLE sop_adapters (
    adapter    text PRIMARY KEY CHECK (adapter ~ '^feature_adapter_[0-9]{8}T[0-9]{6}Z_[a-z0-9]{4,32}$'),
    tenant_id  text NOT NULL REFERENCES tenants,
    maker      text NOT NULL CHECK (maker ~ '^[0-9a-f]{16}$'),
    key        text NOT NULL,
    state      text NOT NULL CHECK (state IN ('candidate', 'champion', 'retired', 'rejected')),
    trained_on text[] NOT NULL CHECK (cardinality(trained_on) > 0),
    day        timestamptz NOT NULL CHECK (day = date_trunc('day', day, 'UTC')),
    evaluation jsonb,
    reason     text,
    run_id     text,
    created_at timestamptz NOT NULL,
    decided_at timestamptz,
    CHECK ((state = 'candidate') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX sop_adapters_champion ON sop_adapters (tenant_id, maker) WHERE state = 'champion';
CREATE INDEX sop_adapters_listed ON sop_adapters (tenant_id, created_at DESC, adapter);
CREATE INDEX sop_adapters_by_day ON sop_adapters (day, adapter);

CREATE TABLE sop_adapted (
    video_id   uuid NOT NULL REFERENCES sop_videos,
    tenant_id  text NOT NULL REFERENCES tenants,
    maker      text NOT NULL,
    adapter    text NOT NULL REFERENCES sop_adapters,
    key        text NOT NULL,
    created_at timestamptz NOT NULL,
    run_id     text,
    PRIMARY KEY (video_id, maker)
);
CREATE INDEX sop_adapted_of_adapter ON sop_adapted (adapter);

-- Scores --------------------------------------------------------------------------------------------------------------

CREATE TABLE sop_scores (
    score_id           uuid PRIMARY KEY,
    tenant_id          text NOT NULL REFERENCES tenants,
    task_id            text NOT NULL,
    trainee_id         uuid NOT NULL REFERENCES sop_videos,
    -- The gold that was asked for; none: the one that the task is held against when it is scored.
    wanted_gold_id     uuid REFERENCES sop_videos,
    -- The definition's version that was asked for; none: the newest.
    wanted_definition  integer,
    window_start       timestamptz NOT NULL CHECK (window_start = date_trunc('hour', window_start, 'UTC')),
    state              text NOT NULL CHECK (state IN ('waiting', 'queued', 'started', 'finished', 'failed', 'canceled')),
    reason_code        text,
    reason             text,
    asked_by           text NOT NULL,
    asked_at           timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    finished_at        timestamptz,
    run_id             text,
    -- What the result was made with; where one of these is another now, the result is stale.
    gold_id            uuid REFERENCES sop_videos,
    maker              text,
    adapter            text NOT NULL DEFAULT '',
    definition_version integer,
    code_version       text,
    -- What came out.
    verdict            text CHECK (verdict IN ('pass', 'fail', 'needs_review', 'cannot_judge')),
    points             double precision CHECK (points BETWEEN 0 AND 100),
    deviations         jsonb,
    result_key         text,
    report_key         text,
    -- What a person said of it.
    reviewed_verdict   text CHECK (reviewed_verdict IN ('pass', 'fail')),
    reviewed_by        text,
    reviewed_at        timestamptz,
    review_note        text CHECK (length(review_note) <= 4000),
    CHECK ((state = 'finished') <= (verdict IS NOT NULL AND result_key IS NOT NULL)),
    CHECK ((reviewed_verdict IS NULL) = (reviewed_at IS NULL))
);
-- Who drops a trainee's video asks for one score of it, however often its window is worked on.
CREATE UNIQUE INDEX sop_scores_of_intake ON sop_scores (trainee_id) WHERE asked_by = 'intake';
CREATE INDEX sop_scores_listed ON sop_scores (tenant_id, asked_at DESC, score_id DESC);
CREATE INDEX sop_scores_of_task ON sop_scores (tenant_id, task_id, asked_at DESC, score_id DESC);
CREATE INDEX sop_scores_of_trainee ON sop_scores (trainee_id);
CREATE INDEX sop_scores_of_gold ON sop_scores (gold_id);
CREATE INDEX sop_scores_waiting ON sop_scores (tenant_id, task_id) WHERE state = 'waiting';
CREATE INDEX sop_scores_under_way ON sop_scores (window_start, score_id) WHERE state IN ('queued', 'started');
CREATE INDEX sop_scores_by_window ON sop_scores (window_start, score_id);

-- Who sees what -----------------------------------------------------------------------------------------------------

ALTER TABLE sop_videos ENABLE ROW LEVEL SECURITY;
ALTER TABLE sop_definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sop_tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE sop_embeddings ENABLE ROW LEVEL SECURITY;
ALTER TABLE sop_adapters ENABLE ROW LEVEL SECURITY;
ALTER TABLE sop_adapted ENABLE ROW LEVEL SECURITY;
ALTER TABLE sop_scores ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON sop_videos TO ovpo_query USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY own ON sop_definitions TO ovpo_query USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY own ON sop_tasks TO ovpo_query USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY own ON sop_embeddings TO ovpo_query USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY own ON sop_adapters TO ovpo_query USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY own ON sop_adapted TO ovpo_query USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY own ON sop_scores TO ovpo_query USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY every ON sop_videos TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every ON sop_definitions TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every ON sop_tasks TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every ON sop_embeddings TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every ON sop_adapters TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every ON sop_adapted TO ovpo_process USING (true) WITH CHECK (true);
CREATE POLICY every ON sop_scores TO ovpo_process USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON sop_videos, sop_definitions, sop_tasks, sop_scores TO ovpo_query;
GRANT SELECT, DELETE ON sop_embeddings, sop_adapted TO ovpo_query;
GRANT SELECT ON sop_adapters, sop_makers TO ovpo_query;
GRANT SELECT, INSERT, UPDATE ON sop_videos, sop_definitions, sop_tasks, sop_adapters, sop_scores TO ovpo_process;
GRANT SELECT, INSERT, UPDATE ON sop_makers TO ovpo_process;
GRANT SELECT, INSERT, UPDATE, DELETE ON sop_embeddings, sop_adapted TO ovpo_process;
