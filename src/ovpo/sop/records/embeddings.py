# SPDX-License-Identifier: Apache-2.0
"""The statements about raw embeddings, which are the catalogue of clips, and about which maker is worked with.

A row stands for a pair of files and is entered after them. Whoever writes files of a video, or removes them, holds the
lock of the video's row until the rows are entered or gone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row, scalar_row

from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import StoredEmbedding, Video, VideoRole

CURRENT: Final = "SELECT maker FROM sop_makers ORDER BY since DESC, maker LIMIT 1"
MAKE_CURRENT: Final = """
INSERT INTO sop_makers (maker, since)
VALUES (%(maker)s, greatest(%(now)s, (SELECT max(since) + interval '1 microsecond' FROM sop_makers)))
ON CONFLICT (maker) DO UPDATE SET since = EXCLUDED.since
    WHERE sop_makers.maker <> (SELECT maker FROM sop_makers ORDER BY since DESC, maker LIMIT 1)
"""
KNOW: Final = "INSERT INTO sop_makers (maker, since) VALUES (%s, %s) ON CONFLICT (maker) DO NOTHING"
LOCK_VIDEO: Final = "SELECT * FROM sop_videos WHERE video_id = %s FOR NO KEY UPDATE"
QUARANTINE_VIDEO: Final = """
UPDATE sop_videos SET state = 'quarantined', reason_code = %(code)s, reason = %(reason)s, updated_at = %(now)s
WHERE video_id = %(video)s AND state = 'probed'
"""
ENTER: Final = """
INSERT INTO sop_embeddings (video_id, tenant_id, maker, embedder, version, dims, clips, key, created_at, run_id)
VALUES (%(video_id)s, %(tenant_id)s, %(maker)s, %(embedder)s, %(version)s, %(dims)s, %(clips)s, %(key)s, %(created_at)s,
        %(run_id)s)
ON CONFLICT (video_id, maker) DO UPDATE
SET dims = EXCLUDED.dims, clips = EXCLUDED.clips, embedder = EXCLUDED.embedder, version = EXCLUDED.version,
    key = EXCLUDED.key, created_at = EXCLUDED.created_at, run_id = EXCLUDED.run_id
WHERE (sop_embeddings.key, sop_embeddings.version) IS DISTINCT FROM (EXCLUDED.key, EXCLUDED.version)
"""
FIND: Final = "SELECT * FROM sop_embeddings WHERE video_id = %s AND maker = %s"
LACKING: Final = """
SELECT v.video_id, v.tenant_id, v.window_start
FROM sop_videos AS v LEFT JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
WHERE v.window_start BETWEEN %(first)s AND %(last)s AND v.state = 'probed' AND e.video_id IS NULL
      AND NOT EXISTS (
          SELECT FROM ledger_items AS i
          WHERE i.lane = %(lane)s AND i.tenant_id = v.tenant_id AND i.subject = v.video_id::text
                AND i.window_start BETWEEN %(first)s AND %(last)s AND i.state IN ('queued', 'started'))
ORDER BY v.window_start, v.video_id
"""
SEARCHED: Final = """
SELECT e.* FROM sop_embeddings AS e JOIN sop_videos AS v USING (video_id)
WHERE e.tenant_id = %(tenant_id)s AND e.maker = %(maker)s AND v.state = 'probed'
      AND (%(task_id)s::text IS NULL OR v.task_id = %(task_id)s)
      AND (%(role)s::text IS NULL OR v.role = %(role)s)
      AND (%(video_id)s::uuid IS NULL OR e.video_id = %(video_id)s)
      AND (%(but_video_id)s::uuid IS NULL OR e.video_id <> %(but_video_id)s)
ORDER BY e.video_id
"""
FORGET: Final = "DELETE FROM sop_embeddings WHERE video_id = %s"


@dataclass(frozen=True, slots=True)
class Lacking:
    """A video that has no embedding by a maker and that nobody is about to embed."""

    video_id: UUID
    tenant_id: str
    window_start: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """Which clips are looked through: those of a tenant, by one maker, of all its videos or of some."""

    tenant_id: str
    maker: str
    task_id: str | None = None
    role: VideoRole | None = None
    video_id: UUID | None = None
    but_video_id: UUID | None = None
    """A video that is left out."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One look at the embeddings on record, or one change of them, inside a transaction that the caller opened."""

    connection: psycopg.Connection

    def current_maker(self) -> str | None:
        """Name the maker that is worked with: the one that embedded last. None before anything was embedded."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            found: str | None = cursor.execute(CURRENT).fetchone()
        return found

    def make_current(self, maker: str, now: datetime) -> None:
        """Work with this maker from now on."""
        self.connection.execute(MAKE_CURRENT, {"maker": maker, "now": now})

    def lock_video(self, video_id: UUID) -> Video | None:
        """Read a video and keep others from writing or removing its files until the transaction ends."""
        with self.connection.cursor(row_factory=row_of(Video)) as cursor:
            return cursor.execute(LOCK_VIDEO, (video_id,)).fetchone()

    def quarantine_video(self, video_id: UUID, code: str, reason: str, now: datetime) -> None:
        """Keep a probed video, which cannot be embedded, from being asked for again."""
        values = {"video": video_id, "code": code, "reason": reason, "now": now}
        self.connection.execute(QUARANTINE_VIDEO, values)

    def enter(self, embedding: StoredEmbedding) -> bool:
        """Enter an embedding whose files are there; tell whether that changed anything."""
        self.connection.execute(KNOW, (embedding.maker, embedding.created_at))
        values = {name: getattr(embedding, name) for name in StoredEmbedding.__slots__}
        return self.connection.execute(ENTER, values).rowcount > 0

    def find(self, video_id: UUID, maker: str) -> StoredEmbedding | None:
        """Look one embedding up."""
        found = self._rows(FIND, (video_id, maker))
        return found[0] if found else None

    def lacking(self, first: datetime, last: datetime, maker: str, lane: str) -> list[Lacking]:
        """List the probed videos of the windows that have none, and that no open item of the lane asks for."""
        values = {"first": first, "last": last, "maker": maker, "lane": lane}
        with self.connection.cursor(row_factory=class_row(Lacking)) as cursor:
            return cursor.execute(LACKING, values).fetchall()

    def searched(self, which: Searched) -> list[StoredEmbedding]:
        """List what is to be looked through, by the ids of the videos."""
        return self._rows(SEARCHED, {name: getattr(which, name) for name in Searched.__slots__})

    def forget(self, video_id: UUID) -> None:
        """Remove every row of a video."""
        self.connection.execute(FORGET, (video_id,))

    def _rows(self, statement: LiteralString, values: Any) -> list[StoredEmbedding]:
        with self.connection.cursor(row_factory=row_of(StoredEmbedding)) as cursor:
            return cursor.execute(statement, values).fetchall()
