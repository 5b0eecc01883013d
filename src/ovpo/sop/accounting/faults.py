# SPDX-License-Identifier: Apache-2.0
"""Rows without their objects, objects without a row, and work that nobody is going to do."""

from datetime import datetime, timedelta
from typing import Final

import polars as pl
import psycopg

from ovpo.sop.accounting.expected import Expected, expected
from ovpo.sop.records.keys import ROOT
from ovpo.sop.working import LANES, Workplace

GRACE: Final = timedelta(hours=1)
"""How long an object may lie there before its row is entered: files come first, and a run that died is repeated."""
FAULTS: Final = {"fault": pl.String, "tenant_id": pl.String, "what": pl.String}
FORGOTTEN: Final = """
SELECT tenant_id, 'videos/' || video_id FROM sop_videos AS v
WHERE state = 'registered' AND updated_at < %(before)s AND NOT EXISTS (
    SELECT FROM ledger_items AS i WHERE i.lane = ANY(%(lanes)s) AND i.subject = v.video_id::text
           AND i.state IN ('queued', 'started'))
UNION ALL
SELECT tenant_id, 'embeddings/' || video_id FROM sop_videos AS v
WHERE state = 'probed' AND updated_at < %(before)s
      AND NOT EXISTS (SELECT FROM sop_embeddings AS e WHERE e.video_id = v.video_id)
      AND NOT EXISTS (
          SELECT FROM ledger_items AS i WHERE i.lane = ANY(%(lanes)s) AND i.subject = v.video_id::text
                 AND i.state IN ('queued', 'started'))
UNION ALL
SELECT tenant_id, 'scores/' || score_id FROM sop_scores AS s
WHERE state IN ('queued', 'started') AND updated_at < %(before)s AND NOT EXISTS (
    SELECT FROM ledger_items AS i WHERE i.lane = ANY(%(lanes)s) AND i.subject = s.score_id::text
           AND i.state IN ('queued', 'started'))
"""


def unaccounted(place: Workplace) -> pl.DataFrame:
    """List what is missing, what is nobody's, and what was forgotten; a row each, none where all is as it should be.

    The store is listed before the rows are read, so that what appears meanwhile is not taken for nobody's.
    """
    now = place.now()
    lying = {info.key: info.modified for info in place.objects.list(f"{ROOT}/")}
    with place.transaction() as connection:
        wanted = expected(connection)
        forgotten = _forgotten(connection, now - GRACE)
    faults = [*_missing(place, wanted, lying), *_strays(wanted, lying, now - GRACE), *forgotten]
    return pl.DataFrame(sorted(faults), schema=FAULTS, orient="row")


def _missing(place: Workplace, wanted: Expected, lying: dict[str, datetime]) -> list[tuple[str, str, str]]:
    absent = [key for key in wanted.objects if key not in lying]
    return [("its object is missing", wanted.objects[key], key) for key in absent if not place.objects.exists(key)]


def _strays(wanted: Expected, lying: dict[str, datetime], before: datetime) -> list[tuple[str, str, str]]:
    return [
        ("it is no row's object", key.split("/")[1], key)
        for key, modified in lying.items()
        if modified < before and not wanted.knows(key)
    ]


def _forgotten(connection: psycopg.Connection, before: datetime) -> list[tuple[str, str, str]]:
    rows = connection.execute(FORGOTTEN, {"lanes": list(LANES), "before": before}).fetchall()
    return [("no run is going to do it", tenant_id, what) for tenant_id, what in rows]
