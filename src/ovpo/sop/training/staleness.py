# SPDX-License-Identifier: Apache-2.0
"""Which windows hold what was made with something that is another now, and can be made anew at once.

That is an embedding that went through another adapter than the champion, or through none, and a score that stands on
another gold, embedder, adapter or definition than it would now. A score whose run died before its report was written
counts too: its item is settled, so that the ledger asks for no run. Where a video still waits for its embedding nothing
is stale yet: the score follows the embedding. Code that changed makes nothing stale here, or each upgrade would do all
of history again; a backfill does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import psycopg
from psycopg.rows import class_row

from ovpo.sop.catalogue.makers import maker_of
from ovpo.sop.working import EMBED, SCORE

HOUR: Final = timedelta(hours=1)
MOST_HOURS: Final = 24
"""What one run does: a day of hours, as in a backfill."""
STALE: Final = """
WITH found AS (
    SELECT v.window_start, concat_ws(' ', v.video_id, c.adapter, e.created_at, a.created_at) AS aim
    FROM sop_embeddings AS e
         JOIN sop_videos AS v ON v.video_id = e.video_id AND v.state = 'probed'
         JOIN sop_adapters AS c ON c.tenant_id = e.tenant_id AND c.maker = e.maker AND c.state = 'champion'
         LEFT JOIN sop_adapted AS a ON a.video_id = e.video_id AND a.maker = e.maker
    WHERE e.maker = %(maker)s
          AND (a.adapter <> c.adapter
               OR (a.adapter IS NULL OR a.created_at < e.created_at) AND NOT EXISTS (
                   SELECT FROM ledger_items AS i
                   WHERE i.lane = ANY(%(lanes)s) AND i.window_start = v.window_start
                         AND i.state IN ('queued', 'started')))
    UNION ALL
    SELECT s.window_start,
           concat_ws(' ', s.score_id, g.video_id, e.maker, c.adapter, n.version, s.finished_at) AS aim
    FROM sop_scores AS s
         LEFT JOIN sop_tasks AS t ON t.tenant_id = s.tenant_id AND t.task_id = s.task_id
         JOIN sop_videos AS v ON v.video_id = s.trainee_id AND v.state = 'probed'
         JOIN sop_videos AS g ON g.video_id = coalesce(s.wanted_gold_id, t.gold_id) AND g.state = 'probed'
         JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
         JOIN sop_embeddings AS f ON f.video_id = g.video_id AND f.maker = %(maker)s
         LEFT JOIN sop_adapters AS c ON c.tenant_id = s.tenant_id AND c.maker = %(maker)s AND c.state = 'champion'
         LEFT JOIN (SELECT tenant_id, task_id, max(version) AS version FROM sop_definitions
                    WHERE retired_at IS NULL GROUP BY tenant_id, task_id) AS d
                ON d.tenant_id = s.tenant_id AND d.task_id = s.task_id
         CROSS JOIN LATERAL (SELECT coalesce(s.wanted_definition, d.version) AS version) AS n
    WHERE s.state = 'failed' AND s.reason_code = 'not_embedded'
          OR s.state = 'finished'
             AND (s.gold_id IS DISTINCT FROM g.video_id
                  OR s.maker IS DISTINCT FROM e.maker
                  OR s.adapter <> c.adapter
                  OR c.adapter IS NULL AND EXISTS (SELECT FROM sop_adapters WHERE adapter = s.adapter)
                  OR s.definition_version IS DISTINCT FROM n.version)
    UNION ALL
    SELECT s.window_start, concat_ws(' ', s.score_id, 'report of', s.result_key) AS aim
    FROM sop_scores AS s JOIN sop_videos AS v ON v.video_id = s.trainee_id AND v.state = 'probed'
    WHERE s.state = 'finished' AND s.report_key IS NULL
          AND NOT EXISTS (
              SELECT FROM ledger_items AS i
              WHERE i.lane = ANY(%(lanes)s) AND i.window_start = s.window_start AND i.state IN ('queued', 'started')))
SELECT window_start, md5(string_agg(aim, ',' ORDER BY aim)) AS aim FROM found
GROUP BY window_start ORDER BY window_start LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class StaleWindow:
    """A window that holds something stale."""

    window_start: datetime
    aim: str
    """A digest of what is there and of what that would become: it stays the same only where a rebuild did nothing."""


@dataclass(frozen=True, slots=True)
class StaleRange:
    """Stale windows that follow one another, for one run; none between them is not stale."""

    first: datetime
    last: datetime
    name: str
    """A digest of the hours and their aims."""


def stale_windows(connection: psycopg.Connection, limit: int) -> list[StaleWindow]:
    """List the oldest windows that hold something stale, those and no others."""
    values = {"maker": maker_of(connection), "lanes": [EMBED, SCORE], "limit": limit}
    with connection.cursor(row_factory=class_row(StaleWindow)) as cursor:
        return cursor.execute(STALE, values).fetchall()


def ranges(windows: Iterable[StaleWindow]) -> list[StaleRange]:
    """Put windows that follow one another together, at most a day of them; the windows come in their order."""
    together: list[list[StaleWindow]] = []
    for window in windows:
        last = together[-1] if together else []
        if last and len(last) < MOST_HOURS and window.window_start - last[-1].window_start == HOUR:
            last.append(window)
        else:
            together.append([window])
    return [StaleRange(of[0].window_start, of[-1].window_start, _name_of(of)) for of in together]


def _name_of(windows: list[StaleWindow]) -> str:
    aims = "\n".join(f"{window.window_start.isoformat()} {window.aim}" for window in windows)
    return sha256(aims.encode()).hexdigest()[:24]
