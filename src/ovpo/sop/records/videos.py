# SPDX-License-Identifier: Apache-2.0
"""Statements about videos, one method each: entered once per content, then probed or quarantined, then receipted."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from ovpo.foundation.ledger.items import hour_of
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import Video, VideoRole

ENTER = """
INSERT INTO sop_videos (video_id, tenant_id, sha256, task_id, role, site_id, camera_id, operator_id_hash, name, bytes,
                        inbox_path, source_key, window_start, registered_at, updated_at)
VALUES (%(video_id)s, %(tenant_id)s, %(sha256)s, %(task_id)s, %(role)s, %(site_id)s, %(camera_id)s,
        %(operator_id_hash)s, %(name)s, %(bytes)s, %(inbox_path)s, %(source_key)s, %(window_start)s, %(now)s, %(now)s)
ON CONFLICT DO NOTHING
RETURNING *
"""
SAME = """
SELECT * FROM sop_videos
WHERE tenant_id = %(tenant_id)s AND (video_id = %(video_id)s OR (sha256 = %(sha256)s AND state <> 'deleted'))
ORDER BY state = 'deleted' LIMIT 1
"""
FIND = "SELECT * FROM sop_videos WHERE tenant_id = %s AND video_id = %s"
OF_WINDOWS = """
SELECT * FROM sop_videos
WHERE window_start BETWEEN %(first)s AND %(last)s AND state <> 'deleted' ORDER BY window_start, video_id
"""
TO_PROBE = """
SELECT * FROM sop_videos AS v
WHERE v.window_start BETWEEN %(first)s AND %(last)s
  AND (v.state = 'registered' OR (v.state <> 'deleted' AND v.inbox_path IS NOT NULL)
       OR (v.state IN ('probed', 'quarantined') AND v.probed_by <> %(probed_by)s AND v.source_key IS NOT NULL))
  AND NOT EXISTS (SELECT FROM ledger_items AS i
                  WHERE i.lane = %(lane)s AND i.window_start = v.window_start AND i.state IN ('queued', 'started')
                    AND i.tenant_id = v.tenant_id AND i.subject = v.video_id::text)
ORDER BY v.window_start, v.video_id
"""
SETTLE_PROBED = """
UPDATE sop_videos
SET state = 'probed', probe = %(probe)s, probed_by = %(probed_by)s, source_key = %(source_key)s,
    masked_key = %(masked_key)s, thumbnail_key = %(thumbnail_key)s, reason_code = NULL, reason = NULL,
    updated_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND video_id = %(video_id)s AND state <> 'deleted'
RETURNING *
"""
QUARANTINE = """
UPDATE sop_videos
SET state = 'quarantined', reason_code = %(code)s, reason = %(reason)s, probed_by = %(probed_by)s,
    source_key = %(source_key)s, masked_key = NULL, thumbnail_key = NULL, updated_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND video_id = %(video_id)s AND state <> 'deleted'
RETURNING *
"""
MOVED = "UPDATE sop_videos SET inbox_path = NULL, updated_at = %s WHERE tenant_id = %s AND video_id = %s"
HOLD_AGAINST = """
INSERT INTO sop_tasks AS t (tenant_id, task_id, gold_id, updated_at)
VALUES (%(tenant_id)s, %(task_id)s, %(gold_id)s, %(now)s)
ON CONFLICT (tenant_id, task_id) DO UPDATE SET gold_id = EXCLUDED.gold_id, updated_at = EXCLUDED.updated_at
WHERE t.gold_id IS NULL
"""
NEXT_GOLD = """
UPDATE sop_tasks AS t SET updated_at = %(now)s, gold_id = (
    SELECT v.video_id FROM sop_videos AS v
    WHERE v.tenant_id = t.tenant_id AND v.task_id = t.task_id AND v.role = 'gold' AND v.state = 'probed'
    ORDER BY v.registered_at, v.video_id LIMIT 1)
WHERE t.gold_id = %(gold_id)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVideo:
    """A video whose file lies in the store and that is to go on record."""

    video_id: UUID
    tenant_id: str
    sha256: str
    task_id: str
    role: VideoRole
    name: str
    bytes: int
    source_key: str
    window_start: datetime
    site_id: str = ""
    camera_id: str = ""
    operator_id_hash: str = ""
    inbox_path: str | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The content, or the id, is on record already; only one with this very id may be deleted."""

    original: Video


@dataclass(frozen=True, slots=True)
class Probed:
    """What looking a video over gave: its facts, and where the bytes lie now."""

    probe: Mapping[str, Any]
    source_key: str | None
    masked_key: str | None
    thumbnail_key: str


@dataclass(frozen=True, slots=True)
class Videos:
    """The videos on record, seen within one transaction."""

    connection: psycopg.Connection

    def enter(self, new: NewVideo, now: datetime) -> Video | Duplicate:
        """Put a video on record unless its content is there; of two at once one is entered."""
        values = asdict(new) | {"window_start": hour_of(new.window_start), "now": now}
        while True:
            if entered := self._one(ENTER, values):
                return entered
            # Whoever had it may have been deleted in between; then this one is entered after all.
            if original := self._one(SAME, values):
                return Duplicate(original)

    def find(self, tenant_id: str, video_id: UUID) -> Video | None:
        """Look one video up, deleted ones too."""
        return self._one(FIND, (tenant_id, video_id))

    def of_windows(self, first: datetime, last: datetime) -> list[Video]:
        """List the videos of the windows from first to last, without deleted ones."""
        return self._all(OF_WINDOWS, {"first": first, "last": last})

    def to_probe(self, first: datetime, last: datetime, lane: str, probed_by: str) -> list[Video]:
        """List those that wait for a look, for their receipt, or for a look by newer code, and that nobody works on."""
        return self._all(TO_PROBE, {"first": first, "last": last, "lane": lane, "probed_by": probed_by})

    def settle_probed(self, video: Video, probed: Probed, probed_by: str, now: datetime) -> Video | None:
        """Record that a video can be used; None if it was deleted meanwhile."""
        values = {
            "probe": Jsonb(probed.probe),
            "probed_by": probed_by,
            "source_key": probed.source_key,
            "masked_key": probed.masked_key,
            "thumbnail_key": probed.thumbnail_key,
            "now": now,
            "tenant_id": video.tenant_id,
            "video_id": video.video_id,
        }
        return self._one(SETTLE_PROBED, values)

    def quarantine(
        self, video: Video, code: str, reason: str, probed_by: str, now: datetime, *, source_key: str | None
    ) -> Video | None:
        """Record why a video cannot be used, and where its file still lies; None if it was deleted meanwhile."""
        values = {
            "code": code,
            "reason": reason,
            "probed_by": probed_by,
            "source_key": source_key,
            "now": now,
            "tenant_id": video.tenant_id,
            "video_id": video.video_id,
        }
        refused = self._one(QUARANTINE, values)
        if refused is not None:
            self.pass_on(refused, now)
        return refused

    def moved(self, video: Video, now: datetime) -> None:
        """Record that nothing of a video lies in the inbox any more."""
        self.connection.execute(MOVED, (now, video.tenant_id, video.video_id))

    def hold_against(self, gold: Video, now: datetime) -> None:
        """Make a gold the one that its task is held against, unless there is one."""
        values = {"tenant_id": gold.tenant_id, "task_id": gold.task_id, "gold_id": gold.video_id, "now": now}
        self.connection.execute(HOLD_AGAINST, values)

    def pass_on(self, refused: Video, now: datetime) -> None:
        """Hold the task of a refused gold against its next one; where there is none, against the next that comes."""
        self.connection.execute(NEXT_GOLD, {"gold_id": refused.video_id, "now": now})

    def _one(self, statement: LiteralString, values: Any) -> Video | None:
        with self.connection.cursor(row_factory=row_of(Video)) as cursor:
            return cursor.execute(statement, values).fetchone()

    def _all(self, statement: LiteralString, values: Any) -> list[Video]:
        with self.connection.cursor(row_factory=row_of(Video)) as cursor:
            return cursor.execute(statement, values).fetchall()
