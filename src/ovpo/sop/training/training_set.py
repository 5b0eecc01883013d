# SPDX-License-Identifier: Apache-2.0
"""What adapters are learnt from: the gold videos that the present maker embedded, tenant by tenant; no other videos.

A gold is new until a training that was decided on has taken it in, whether its candidate won or not: one that lost is
not made again each night from the same golds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import polars as pl
import psycopg
from psycopg.rows import class_row

from ovpo.foundation.quality import Column, Suite
from ovpo.sop.catalogue.makers import maker_of
from ovpo.sop.working import Workplace

DAY: Final = timedelta(days=1)
GOLDS: Final = """
SELECT v.tenant_id, v.video_id, v.sha256, v.task_id, v.role, e.maker, e.clips, e.key,
       NOT EXISTS (SELECT FROM sop_adapters AS a
                   WHERE a.tenant_id = v.tenant_id AND a.maker = e.maker AND a.evaluation IS NOT NULL
                         AND v.sha256 = ANY(a.trained_on)) AS new
FROM sop_videos AS v
     JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
     JOIN tenants AS t ON t.tenant_id = v.tenant_id AND t.deleted_at IS NULL
WHERE v.role = 'gold' AND v.state = 'probed' AND e.created_at < %(before)s
      AND (%(tenant)s::text IS NULL OR v.tenant_id = %(tenant)s)
ORDER BY v.tenant_id, v.task_id, v.sha256
"""
MOMENT: Final = pl.Datetime("us", "UTC")
COLUMNS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "day": MOMENT,
    "tenant_id": pl.String,
    "video_id": pl.String,
    "sha256": pl.String,
    "task_id": pl.String,
    "role": pl.String,
    "maker": pl.String,
    "clips": pl.Int64,
    "new": pl.Boolean,
}
TRAINING_SET: Final = Suite(
    "training_set",
    (
        Column("day", MOMENT),
        Column("tenant_id", pl.String),
        Column("video_id", pl.String),
        Column("sha256", pl.String),
        Column("task_id", pl.String),
        Column("role", pl.String, among=("gold",)),
        Column("maker", pl.String),
        Column("clips", pl.Int64, least=1),
        Column("new", pl.Boolean),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """A gold video that an adapter may be learnt from."""

    tenant_id: str
    video_id: UUID
    sha256: str
    task_id: str
    role: str
    maker: str
    clips: int
    key: str
    """Where its raw embedding lies."""
    new: bool
    """Whether no training has taken it in yet."""


def golds(connection: psycopg.Connection, before: datetime, tenant_id: str | None = None) -> list[Gold]:
    """List what there is to learn from, of every tenant or of one, embedded before a moment."""
    values = {"maker": maker_of(connection), "before": before, "tenant": tenant_id}
    with connection.cursor(row_factory=class_row(Gold)) as cursor:
        return cursor.execute(GOLDS, values).fetchall()


def new_by_tenant(of_all: Sequence[Gold]) -> dict[str, int]:
    """Count each tenant's new golds; those that have none are there with 0."""
    counted = dict.fromkeys((gold.tenant_id for gold in of_all), 0)
    for gold in of_all:
        counted[gold.tenant_id] += gold.new
    return counted


def training_set(place: Workplace, day: datetime) -> pl.DataFrame:
    """Give the golds that a training of a day learns from: what was embedded before that day ended."""
    with place.transaction() as connection:
        found = golds(connection, day + DAY)
    rows = [
        (day, one.tenant_id, str(one.video_id), one.sha256, one.task_id, one.role, one.maker, one.clips, one.new)
        for one in found
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")
