-- SPDX-License-Identifier: Apache-2.0
-- Alerts: what fires, since when, and what it said.

-- One row for as long as an alert lasts: one that fires again is another row. What is copied of its rule is as it was
-- when the alert began, since the rules are a file that may change.
CREATE TABLE alerts (
    alert_id      uuid PRIMARY KEY,
    tenant_id     text NOT NULL REFERENCES tenants,
    rule          text NOT NULL CHECK (rule ~ '^[a-z][a-z0-9-]{0,62}$'),
    description   text NOT NULL,
    severity      text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    metric        text NOT NULL,
    scope         text NOT NULL,
    group_by      text NOT NULL CHECK (group_by IN ('', 'model', 'project')),
    group_value   text NOT NULL,
    comparison    text NOT NULL CHECK (comparison IN ('>', '>=', '<', '<=')),
    threshold     double precision NOT NULL,
    looks_back    text NOT NULL,
    labels        jsonb NOT NULL,
    actions       text[] NOT NULL,
    state         text NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
    value         double precision NOT NULL,
    samples       bigint NOT NULL,
    started_at    timestamptz NOT NULL,
    evaluated_at  timestamptz NOT NULL,
    fired_at      timestamptz,
    told_at       timestamptz,
    calm_since    timestamptz,
    missing_since timestamptz,
    resolved_at   timestamptz,
    ending        text CHECK (ending IN ('calm', 'no_data', 'rule_removed', 'rule_changed', 'tenant_closed')),
    CHECK ((state = 'pending') = (fired_at IS NULL)),
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
    CHECK ((state = 'resolved') = (ending IS NOT NULL))
);
CREATE UNIQUE INDEX alerts_open ON alerts (tenant_id, rule, group_value) WHERE state <> 'resolved';
CREATE INDEX alerts_by_start ON alerts (tenant_id, started_at DESC, alert_id DESC);

-- What is to be told, written with the change that it tells of and delivered afterwards, at least once. Of one alert
-- and action, what came later waits until what came before is delivered or given up.
CREATE TABLE alert_notifications (
    notification_id uuid PRIMARY KEY,
    sequence        bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id       text NOT NULL,
    alert_id        uuid NOT NULL REFERENCES alerts,
    action          text NOT NULL,
    event           text NOT NULL CHECK (event IN ('fired', 'repeated', 'resolved')),
    content         json NOT NULL,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at          timestamptz NOT NULL DEFAULT now(),
    leased_until    timestamptz NOT NULL DEFAULT '-infinity',
    created_at      timestamptz NOT NULL DEFAULT now(),
    settled_at      timestamptz,
    reason          text,
    CHECK ((state = 'waiting') = (settled_at IS NULL)),
    CHECK (state <> 'given_up' OR reason IS NOT NULL)
);
CREATE UNIQUE INDEX alert_notifications_once ON alert_notifications (alert_id, action, event) WHERE event <> 'repeated';
CREATE INDEX alert_notifications_waiting ON alert_notifications (due_at, sequence) WHERE state = 'waiting';
CREATE INDEX alert_notifications_of_alert ON alert_notifications (alert_id, action, sequence);
CREATE INDEX alert_notifications_given_up ON alert_notifications (settled_at) WHERE state = 'given_up';

-- Who sees what --------------------------------------------------------------------------------------------------

ALTER TABLE alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_notifications ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_alerts ON alerts FOR SELECT TO ovpo_query USING (tenant_id = current_tenant());
CREATE POLICY own_notifications ON alert_notifications FOR SELECT TO ovpo_query USING (tenant_id = current_tenant());

-- An alert that fired is history; only one that never did is forgotten.
CREATE POLICY every_alert ON alerts FOR SELECT TO ovpo_process USING (true);
CREATE POLICY begun ON alerts FOR INSERT TO ovpo_process WITH CHECK (true);
CREATE POLICY moved_on ON alerts FOR UPDATE TO ovpo_process USING (state <> 'resolved') WITH CHECK (true);
CREATE POLICY forgotten ON alerts FOR DELETE TO ovpo_process USING (state = 'pending');
CREATE POLICY every_notification ON alert_notifications TO ovpo_process USING (true) WITH CHECK (true);

GRANT SELECT ON alerts, alert_notifications TO ovpo_query;
GRANT SELECT, INSERT, UPDATE, DELETE ON alerts TO ovpo_process;
GRANT SELECT, INSERT, UPDATE ON alert_notifications TO ovpo_process;
