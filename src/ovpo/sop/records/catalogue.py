# SPDX-License-Identifier: Apache-2.0
"""The statements about all pairs of files that the catalogue stands for, raw and adapted alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row, scalar_row

OF_WINDOWS: Final = """
SELECT e.video_id, e.tenant_id, e.maker, NULL AS adapter, e.key, e.dims, e.clips
FROM sop_embeddings AS e JOIN sop_videos AS v USING (video_id)
WHERE v.window_start BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT a.video_id, a.tenant_id, a.maker, a.adapter, a.key, e.dims, e.clips
FROM sop_adapted AS a JOIN sop_videos AS v USING (video_id) LEFT JOIN sop_embeddings AS e USING (video_id, maker)
WHERE v.window_start BETWEEN %(first)s AND %(last)s
ORDER BY key
"""
OF_VIDEO: Final = """
SELECT video_id, tenant_id, maker, NULL AS adapter, key, dims, clips FROM sop_embeddings WHERE video_id = %(video)s
UNION ALL
SELECT a.video_id, a.tenant_id, a.maker, a.adapter, a.key, e.dims, e.clips
FROM sop_adapted AS a LEFT JOIN sop_embeddings AS e USING (video_id, maker) WHERE a.video_id = %(video)s
ORDER BY key
"""
VIDEOS: Final = "SELECT tenant_id, video_id FROM sop_videos WHERE window_start BETWEEN %s AND %s ORDER BY video_id"
TENANTS: Final = "SELECT tenant_id FROM tenants ORDER BY tenant_id"
DROP_RAW: Final = "DELETE FROM sop_embeddings WHERE video_id = %s AND key = %s"
DROP_ADAPTED: Final = "DELETE FROM sop_adapted WHERE video_id = %s AND key = %s"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row says of its pair of files; of an adapted one whose raw rows are gone, no size is known."""

    video_id: UUID
    tenant_id: str
    maker: str
    adapter: str | None
    key: str
    dims: int | None
    clips: int | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One look at the catalogue, or one change of it, inside a transaction that the caller opened."""

    connection: psycopg.Connection

    def of_windows(self, first: datetime, last: datetime) -> list[Entry]:
        """List every entry of the windows by key."""
        return self._entries(OF_WINDOWS, {"first": first, "last": last})

    def of_video(self, video_id: UUID) -> dict[str, Entry]:
        """Give every entry of a video by its key."""
        return {entry.key: entry for entry in self._entries(OF_VIDEO, {"video": video_id})}

    def videos(self, first: datetime, last: datetime) -> Sequence[tuple[str, UUID]]:
        """List the videos of the windows, deleted ones too, each with its tenant."""
        return self.connection.execute(VIDEOS, (first, last)).fetchall()

    def tenants(self) -> list[str]:
        """List the tenants."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(TENANTS).fetchall()

    def drop(self, entry: Entry) -> None:
        """Remove an entry whose files are of no use."""
        statement = DROP_RAW if entry.adapter is None else DROP_ADAPTED
        self.connection.execute(statement, (entry.video_id, entry.key))

    def _entries(self, statement: LiteralString, values: Any) -> list[Entry]:
        with self.connection.cursor(row_factory=class_row(Entry)) as cursor:
            return cursor.execute(statement, values).fetchall()
