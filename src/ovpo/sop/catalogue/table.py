# SPDX-License-Identifier: Apache-2.0
"""The embeddings of windows as tables, a row a video, measured on the files themselves; and what must hold for them.

They hold ids, tasks and numbers, and nothing of a person.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

import polars as pl
from psycopg.rows import class_row

from ovpo.foundation.quality import Column, Suite
from ovpo.sop.catalogue.makers import maker_of
from ovpo.sop.catalogue.measuring import measured
from ovpo.sop.embedding_files import UNIT_TOLERANCE
from ovpo.sop.records.catalogue import Entry
from ovpo.sop.records.rows import VideoRole
from ovpo.sop.working import Hours, Workplace

Columns = Mapping[str, pl.DataType | type[pl.DataType]]
MOMENT: Final = pl.Datetime("us", "UTC")
_OF_A_PAIR: Final = (
    Column("window", MOMENT),
    Column("tenant_id", pl.String),
    Column("task_id", pl.String),
    Column("role", pl.String, among=tuple(VideoRole)),
    Column("video_id", pl.String),
    Column("maker", pl.String),
    Column("clips", pl.Int64, least=1),
    Column("dims", pl.Int64, least=1),
    Column("fault", pl.String, may_be_null=True),
    Column("finite", pl.Boolean),
    Column("unit_error", pl.Float64, may_be_null=True, least=0),
    Column("nothing_seen", pl.Int64, least=0),
    Column("sidecar_agrees", pl.Boolean),
    Column("created_at", MOMENT),
)
CLIPS_SUITE: Final = Suite(
    "sop_clips",
    (
        *_OF_A_PAIR,
        Column("embedder", pl.String),
        Column("version", pl.String),
        Column("seconds", pl.Float64, may_be_null=True, least=0),
        Column("last_clip_start", pl.Float64, may_be_null=True, least=0),
        Column("rising", pl.Boolean),
    ),
)
ADAPTED_SUITE: Final = Suite("sop_adapted", (*_OF_A_PAIR, Column("adapter", pl.String), Column("champion", pl.Boolean)))
CLIPS: Final[Columns] = {column.name: column.type for column in CLIPS_SUITE.columns}
ADAPTED: Final[Columns] = {column.name: column.type for column in ADAPTED_SUITE.columns}
OF_CLIPS: Final = """
SELECT v.window_start AS window, e.tenant_id, v.task_id, v.role, e.video_id, e.maker, e.clips, e.dims, e.created_at,
       e.key, e.embedder, e.version, NULL AS adapter, false AS champion
FROM sop_videos AS v JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
WHERE v.window_start BETWEEN %(first)s AND %(last)s AND v.state = 'probed'
ORDER BY v.window_start, e.video_id
"""
OF_ADAPTED: Final = """
SELECT v.window_start AS window, a.tenant_id, v.task_id, v.role, a.video_id, a.maker, e.clips, e.dims, a.created_at,
       a.key, e.embedder, e.version, a.adapter, c.state = 'champion' AS champion
FROM sop_videos AS v
     JOIN sop_adapted AS a ON a.video_id = v.video_id AND a.maker = %(maker)s
     JOIN sop_embeddings AS e ON e.video_id = a.video_id AND e.maker = a.maker
     JOIN sop_adapters AS c ON c.adapter = a.adapter
WHERE v.window_start BETWEEN %(first)s AND %(last)s AND v.state = 'probed'
ORDER BY v.window_start, a.video_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    window: datetime
    tenant_id: str
    task_id: str
    role: str
    video_id: UUID
    maker: str
    clips: int
    dims: int
    created_at: datetime
    key: str
    embedder: str
    version: str
    adapter: str | None
    champion: bool

    @property
    def entry(self) -> Entry:
        return Entry(self.video_id, self.tenant_id, self.maker, self.adapter, self.key, self.dims, self.clips)


def clips_table(place: Workplace, hours: Hours) -> pl.DataFrame:
    """Give the raw embeddings of the windows by the maker that is worked with, each measured on its files."""
    return _table(place, hours, OF_CLIPS, CLIPS)


def adapted_table(place: Workplace, hours: Hours) -> pl.DataFrame:
    """Give the adapted embeddings of the windows by that maker, each measured on its files."""
    return _table(place, hours, OF_ADAPTED, ADAPTED)


def not_unit(table: pl.DataFrame) -> pl.DataFrame:
    """List the embeddings with a row that is not finite, or neither of unit length nor zero."""
    return table.filter(~pl.col("finite") | (pl.col("unit_error").fill_null(float("inf")) > UNIT_TOLERANCE))


def not_as_described(table: pl.DataFrame) -> pl.DataFrame:
    """List the embeddings whose files are missing or broken, or say another maker, size or digest than is on record."""
    return table.filter(~pl.col("sidecar_agrees"))


def outside_of_video(table: pl.DataFrame) -> pl.DataFrame:
    """List the raw embeddings whose clips do not follow one another in time, or begin after their video's end."""
    inside = (pl.col("last_clip_start") < pl.col("seconds")).fill_null(value=False)
    return table.filter(~pl.col("rising") | ~inside)


def not_by_champion(table: pl.DataFrame) -> pl.DataFrame:
    """List the embeddings that went through an adapter that is not their tenant's champion."""
    return table.filter(~pl.col("champion"))


def _table(place: Workplace, hours: Hours, statement: LiteralString, columns: Columns) -> pl.DataFrame:
    with place.transaction() as connection, connection.cursor(row_factory=class_row(_Pair)) as cursor:
        values = {"first": hours.first, "last": hours.last, "maker": maker_of(connection)}
        pairs = cursor.execute(statement, values).fetchall()
    rows = [
        {**asdict(pair), **asdict(measured(place.copies, pair.entry)), "video_id": str(pair.video_id)} for pair in pairs
    ]
    return pl.DataFrame([{name: row[name] for name in columns} for row in rows], schema=columns)
