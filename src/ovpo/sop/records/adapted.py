# SPDX-License-Identifier: Apache-2.0
"""The statements about adapted embeddings: of each video and maker one, through the adapter that is named."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row, scalar_row

ENTER: Final = """
INSERT INTO sop_adapted (video_id, tenant_id, maker, adapter, key, created_at, run_id)
VALUES (%(video_id)s, %(tenant_id)s, %(maker)s, %(adapter)s, %(key)s, %(created_at)s, %(run_id)s)
ON CONFLICT (video_id, maker) DO UPDATE
SET adapter = EXCLUDED.adapter, key = EXCLUDED.key, created_at = EXCLUDED.created_at, run_id = EXCLUDED.run_id
"""
FORMER: Final = "SELECT key FROM sop_adapted WHERE video_id = %s AND maker = %s"
STALE: Final = """
SELECT e.video_id, e.tenant_id, e.maker, e.key AS raw_key, c.adapter, c.key AS adapter_key
FROM sop_videos AS v
     JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
     JOIN sop_adapters AS c ON c.tenant_id = e.tenant_id AND c.maker = e.maker AND c.state = 'champion'
     LEFT JOIN sop_adapted AS a ON a.video_id = e.video_id AND a.maker = e.maker
WHERE v.window_start BETWEEN %(first)s AND %(last)s AND v.state = 'probed'
      AND (a.adapter IS DISTINCT FROM c.adapter OR a.created_at < e.created_at)
ORDER BY c.adapter, e.video_id
"""
UNADAPTED: Final = """
SELECT count(*)
FROM sop_videos AS v
     JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
     LEFT JOIN sop_adapters AS c ON c.tenant_id = e.tenant_id AND c.maker = e.maker AND c.state = 'champion'
WHERE v.window_start BETWEEN %(first)s AND %(last)s AND v.state = 'probed' AND c.adapter IS NULL
"""
FORGET: Final = "DELETE FROM sop_adapted WHERE video_id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAdapted:
    """An adapted embedding on record."""

    video_id: UUID
    tenant_id: str
    maker: str
    adapter: str
    key: str
    created_at: datetime
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A raw embedding that has not gone through its tenant's champion, or was made anew since it did."""

    video_id: UUID
    tenant_id: str
    maker: str
    raw_key: str
    adapter: str
    adapter_key: str


@dataclass(frozen=True, slots=True)
class AdaptedEmbeddings:
    """One look at the adapted embeddings on record, or one change of them, inside a transaction of the caller's."""

    connection: psycopg.Connection

    def enter(self, adapted: StoredAdapted) -> str | None:
        """Enter one whose files are there, in place of the former; give the key of that if it was another."""
        values = {name: getattr(adapted, name) for name in StoredAdapted.__slots__}
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            former: str | None = cursor.execute(FORMER, (adapted.video_id, adapted.maker)).fetchone()
        self.connection.execute(ENTER, values)
        return None if former == adapted.key else former

    def stale(self, first: datetime, last: datetime, maker: str) -> list[Stale]:
        """List what is to be adapted in the windows, by adapter."""
        with self.connection.cursor(row_factory=class_row(Stale)) as cursor:
            return cursor.execute(STALE, {"first": first, "last": last, "maker": maker}).fetchall()

    def waiting(self, first: datetime, last: datetime, maker: str) -> int:
        """Count the embeddings of the windows whose tenant has no champion."""
        values = {"first": first, "last": last, "maker": maker}
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return int(cursor.execute(UNADAPTED, values).fetchone() or 0)

    def forget(self, video_id: UUID) -> None:
        """Remove every row of a video."""
        self.connection.execute(FORGET, (video_id,))
