# SPDX-License-Identifier: Apache-2.0
"""Which scores are to be made now: those that became ready, and those whose result is stale.

A score and its item of the ledger move in one transaction, so there is never one without the other. Each time has an
item of its own: its digest is the score's id and the item's.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID, uuid4

import psycopg

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.working import SCORE, Hours

Ready = tuple[UUID, str, datetime]

IN_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('sop_scores', 0))"
"""Who looks waits until whoever looked before has committed: of the two videos of a score, embedded at the same moment,
neither would see the other's row. It is taken before any row is moved, so that nobody waits in a circle."""
READY: Final = """
UPDATE sop_scores SET state = 'queued', run_id = NULL, updated_at = %(now)s
WHERE score_id IN (
    SELECT s.score_id FROM sop_scores AS s
    LEFT JOIN sop_tasks AS t USING (tenant_id, task_id)
    JOIN sop_videos AS v ON v.video_id = s.trainee_id AND v.state = 'probed'
    JOIN sop_videos AS g ON g.video_id = coalesce(s.wanted_gold_id, t.gold_id) AND g.state = 'probed'
    JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
    JOIN sop_embeddings AS f ON f.video_id = g.video_id AND f.maker = %(maker)s
    WHERE s.state = 'waiting'
    FOR UPDATE OF s SKIP LOCKED)
RETURNING score_id, tenant_id, window_start
"""
STALE: Final = """
UPDATE sop_scores SET state = 'queued', run_id = NULL, reason_code = NULL, reason = NULL, updated_at = %(now)s
WHERE score_id IN (
    SELECT s.score_id FROM sop_scores AS s
    LEFT JOIN sop_tasks AS t USING (tenant_id, task_id)
    JOIN sop_videos AS v ON v.video_id = s.trainee_id AND v.state = 'probed'
    JOIN sop_videos AS g ON g.video_id = coalesce(s.wanted_gold_id, t.gold_id) AND g.state = 'probed'
    JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
    JOIN sop_embeddings AS f ON f.video_id = g.video_id AND f.maker = %(maker)s
    LEFT JOIN sop_adapters AS c ON c.tenant_id = s.tenant_id AND c.maker = %(maker)s AND c.state = 'champion'
    WHERE s.window_start BETWEEN %(first)s AND %(last)s
          AND (s.state = 'failed' AND s.reason_code = 'not_embedded'
               OR s.state = 'finished' AND (
                  s.gold_id IS DISTINCT FROM g.video_id
                  OR s.maker IS DISTINCT FROM %(maker)s
                  OR s.code_version IS DISTINCT FROM %(code)s
                  OR s.adapter <> c.adapter
                  OR c.adapter IS NULL AND EXISTS (SELECT FROM sop_adapters WHERE adapter = s.adapter)
                  OR s.definition_version IS DISTINCT FROM coalesce(s.wanted_definition, (
                      SELECT max(d.version) FROM sop_definitions AS d
                      WHERE d.tenant_id = s.tenant_id AND d.task_id = s.task_id AND d.retired_at IS NULL))))
    FOR UPDATE OF s SKIP LOCKED)
RETURNING score_id, tenant_id, window_start
"""
"""Only what can be made anew at once is stale: embeddings come first. Without a champion the adapter of a finished
score is one fitted to its task's golds, and stays; that of a champion that is none any more does not."""
GIVEN_UP: Final = """
UPDATE sop_scores
SET state = 'failed', reason_code = 'given_up', updated_at = %(now)s,
    reason = 'Every run that was to make this score died before it was done; see their logs, then retry the score.'
WHERE score_id IN (
    SELECT s.score_id FROM sop_scores AS s
    WHERE s.state IN ('queued', 'started') AND NOT EXISTS (
        SELECT FROM ledger_items AS i
        WHERE i.lane = %(lane)s AND i.state IN ('queued', 'started') AND i.window_start = s.window_start
              AND i.subject = s.score_id::text)
    FOR UPDATE SKIP LOCKED)
"""
"""A score is queued together with its item, and done before that: one without an open item is one whose item the
ledger gave up on after so many deaths."""
UNUSABLE: Final = """
UPDATE sop_scores AS s
SET state = 'failed', reason_code = 'video_unusable', updated_at = %(now)s,
    reason = 'One of the two videos was refused or deleted; see what is said of it, or ask for a score of others.'
WHERE s.score_id IN (
    SELECT w.score_id FROM sop_scores AS w
    JOIN sop_videos AS v ON v.video_id IN (w.trainee_id, w.wanted_gold_id) AND v.state IN ('deleted', 'quarantined')
    WHERE w.state = 'waiting'
    FOR UPDATE OF w SKIP LOCKED)
"""


def queue_ready(connection: psycopg.Connection, now: datetime) -> int:
    """Queue the waiting scores whose two videos the current maker embedded; fail what nobody can or will make."""
    connection.execute(IN_TURN)
    connection.execute(GIVEN_UP, {"lane": SCORE, "now": now})
    connection.execute(UNUSABLE, {"now": now})
    maker = Embeddings(connection).current_maker()
    return _enter(connection, _moved(connection, READY, {"maker": maker, "now": now}), now)


def queue_stale(connection: psycopg.Connection, hours: Hours, code: str, now: datetime) -> int:
    """Queue the finished scores of windows that stand on something that is another now."""
    connection.execute(IN_TURN)
    maker = Embeddings(connection).current_maker()
    values: dict[str, object] = {
        "first": hours.first,
        "last": hours.last,
        "maker": maker,
        "code": code,
        "now": now,
    }
    return _enter(connection, _moved(connection, STALE, values), now)


def _moved(connection: psycopg.Connection, statement: LiteralString, values: dict[str, object]) -> list[Ready]:
    return [(row[0], row[1], row[2]) for row in connection.execute(statement, values).fetchall()]


def _enter(connection: psycopg.Connection, moved: Iterable[Ready], now: datetime) -> int:
    by_window: dict[datetime, list[tuple[UUID, Arrival]]] = defaultdict(list)
    for score_id, tenant_id, window in moved:
        item_id = uuid4()
        by_window[window].append((item_id, Arrival(tenant_id, str(score_id), f"{score_id}@{item_id}")))
    session = Session(connection)
    return sum(len(session.register(SCORE, entries, now, window)) for window, entries in sorted(by_window.items()))
