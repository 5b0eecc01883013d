# SPDX-License-Identifier: Apache-2.0
"""How operators and steps do over time, counted by the database over finished scores, by week (Monday, UTC)."""

from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row

MOST_ROWS: Final = 10_000
OPERATORS: Final = """
SELECT v.operator_id_hash, date_trunc('week', s.finished_at, 'UTC') AS week, s.task_id, count(*) AS scores,
       avg(s.points) AS mean_points,
       count(*) FILTER (WHERE coalesce(s.reviewed_verdict, s.verdict) = 'pass')::float8
           / nullif(count(*) FILTER (WHERE coalesce(s.reviewed_verdict, s.verdict) <> 'cannot_judge'), 0) AS pass_share
FROM sop_scores AS s JOIN sop_videos AS v ON v.video_id = s.trainee_id
WHERE s.state = 'finished' AND v.operator_id_hash <> ''
  AND (%(task_id)s::text IS NULL OR s.task_id = %(task_id)s)
  AND (%(operator_id_hash)s::text IS NULL OR v.operator_id_hash = %(operator_id_hash)s)
  AND (%(start_date)s::timestamptz IS NULL OR s.finished_at >= %(start_date)s)
  AND (%(end_date)s::timestamptz IS NULL OR s.finished_at < %(end_date)s)
GROUP BY 1, 2, 3 ORDER BY 2 DESC, 1, 3 LIMIT %(rows)s
"""
STEPS: Final = """
WITH chosen AS (
    SELECT score_id, task_id, deviations FROM sop_scores
    WHERE state = 'finished' AND verdict <> 'cannot_judge'
      AND (%(task_id)s::text IS NULL OR task_id = %(task_id)s)
      AND (%(start_date)s::timestamptz IS NULL OR finished_at >= %(start_date)s)
      AND (%(end_date)s::timestamptz IS NULL OR finished_at < %(end_date)s)
), judged AS (
    SELECT task_id, count(*) AS scores FROM chosen GROUP BY task_id
), found AS (
    SELECT DISTINCT c.task_id, c.score_id, named.step, d ->> 'type' AS type
    FROM chosen AS c
         CROSS JOIN jsonb_array_elements(coalesce(c.deviations, '[]')) AS d
         CROSS JOIN jsonb_array_elements_text(coalesce(d -> 'names', '[]')) AS named (step)
)
SELECT f.task_id, f.step, j.scores, count(DISTINCT f.score_id) AS affected,
       count(*) FILTER (WHERE f.type = 'step_missing') AS missing,
       count(*) FILTER (WHERE f.type = 'order_swap') AS swapped,
       count(*) FILTER (WHERE f.type = 'repeated_step') AS repeated,
       count(*) FILTER (WHERE f.type = 'over_time') AS over_time,
       count(*) FILTER (WHERE f.type = 'under_time') AS under_time,
       count(*) FILTER (WHERE f.type IN ('execution_deviation', 'temporal_warp')) AS deviating
FROM found AS f JOIN judged AS j USING (task_id)
GROUP BY f.task_id, f.step, j.scores ORDER BY affected DESC, f.task_id, f.step LIMIT %(rows)s
"""


def read(connection: psycopg.Connection, statement: LiteralString, given: dict[str, object]) -> list[dict[str, Any]]:
    """Count."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, {**given, "rows": MOST_ROWS}).fetchall()
