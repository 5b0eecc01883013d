# SPDX-License-Identifier: Apache-2.0
"""The trainings of days as tables: what was learnt, how it was measured, what was decided; and which are not sound."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl
import psycopg
from psycopg.rows import dict_row

from ovpo.foundation.quality import Column, Suite
from ovpo.sop.errors import AdapterError
from ovpo.sop.records.adapters import Adapters
from ovpo.sop.records.rows import AdapterState, StoredAdapter
from ovpo.sop.training import adapter_objects
from ovpo.sop.training.training_set import MOMENT
from ovpo.sop.working import Hours, Workplace

STRANGERS: Final = """
SELECT a.adapter, count(*) AS strangers
FROM sop_adapters AS a, unnest(a.trained_on) AS video (sha256)
WHERE a.day BETWEEN %(first)s AND %(last)s
      AND NOT EXISTS (SELECT FROM sop_videos AS v
                      WHERE v.tenant_id = a.tenant_id AND v.sha256 = video.sha256 AND v.role = 'gold')
GROUP BY a.adapter
"""
_WHICH: Final = (Column("day", MOMENT), Column("tenant_id", pl.String), Column("adapter", pl.String))
_STATES: Final = tuple(state.value for state in AdapterState)
CANDIDATES: Final = Suite(
    "candidates",
    (
        *_WHICH,
        Column("maker", pl.String),
        Column("videos", pl.Int64, least=1),
        Column("rows", pl.Int64, may_be_null=True, least=1),
        Column("least_std", pl.Float64, may_be_null=True, least=0),
        Column("eps", pl.Float64, may_be_null=True, least=0),
        Column("created_at", MOMENT),
    ),
)
EVALUATIONS: Final = Suite(
    "evaluations",
    (
        *_WHICH,
        Column("champion", pl.String, may_be_null=True),
        Column("auc", pl.Float64, may_be_null=True, least=0, most=1),
        Column("champion_auc", pl.Float64, may_be_null=True, least=0, most=1),
        Column("raw_auc", pl.Float64, may_be_null=True, least=0, most=1),
        Column("d_prime", pl.Float64, may_be_null=True),
        Column("champion_d_prime", pl.Float64, may_be_null=True),
        Column("raw_d_prime", pl.Float64, may_be_null=True),
        Column("same_pairs", pl.Int64, may_be_null=True, least=1),
        Column("different_pairs", pl.Int64, may_be_null=True, least=1),
    ),
)
DECISIONS: Final = Suite(
    "decisions",
    (
        *_WHICH,
        Column("maker", pl.String),
        Column("state", pl.String, among=_STATES),
        Column("reason", pl.String, may_be_null=True),
        Column("decided_at", MOMENT, may_be_null=True),
    ),
)
_FAULTS: Final[Mapping[str, Any]] = {
    "day": MOMENT,
    "tenant_id": pl.String,
    "adapter": pl.String,
    "fault": pl.String,
}


def candidates_table(place: Workplace, hours: Hours) -> pl.DataFrame:
    """List what the trainings of the days learnt, and from how much."""
    return _table(CANDIDATES, (_candidate(one) for one in _of_days(place, hours)))


def evaluations_table(place: Workplace, hours: Hours) -> pl.DataFrame:
    """List how the candidates of the days separated the golds, beside the champion and beside raw rows."""
    return _table(EVALUATIONS, (_evaluation(one) for one in _of_days(place, hours) if one.evaluation is not None))


def decisions_table(place: Workplace, hours: Hours) -> pl.DataFrame:
    """List what became of the candidates of the days, up to now."""
    return _table(DECISIONS, (_decision(one) for one in _of_days(place, hours)))


def unsound(place: Workplace, hours: Hours) -> pl.DataFrame:
    """List what is wrong with the adapters of the days that are champion or were: their files and their videos.

    A file that loads has finite statistics and a standard deviation above 0 everywhere.
    """
    with place.transaction() as connection:
        strangers = _strangers(connection, hours)
    rows = []
    for one in _of_days(place, hours):
        if one.state in {AdapterState.CHAMPION, AdapterState.RETIRED}:
            rows += [(one.day, one.tenant_id, one.adapter, fault) for fault in _faults(place, one, strangers)]
    return pl.DataFrame(rows, schema=_FAULTS, orient="row")


def _faults(place: Workplace, adapter: StoredAdapter, strangers: Mapping[str, int]) -> Iterable[str]:
    try:
        loaded = adapter_objects.load(place.objects, adapter.key)
    except AdapterError as error:
        yield error.code
    else:
        if {video.sha256 for video in loaded.record.trained_on} != set(adapter.trained_on):
            yield "its file names other videos than its record"
    if adapter.adapter in strangers:
        yield f"{strangers[adapter.adapter]} of its {len(adapter.trained_on)} videos are no gold on record"


def _strangers(connection: psycopg.Connection, hours: Hours) -> dict[str, int]:
    values = {"first": hours.first.replace(hour=0), "last": hours.last}
    with connection.cursor(row_factory=dict_row) as cursor:
        return {row["adapter"]: row["strangers"] for row in cursor.execute(STRANGERS, values)}


def _of_days(place: Workplace, hours: Hours) -> list[StoredAdapter]:
    with place.transaction() as connection:
        return Adapters(connection).of_days(hours.first.replace(hour=0), hours.last)


def _candidate(one: StoredAdapter) -> Mapping[str, Any]:
    measured = one.evaluation or {}
    return {
        **_which(one),
        "maker": one.maker,
        "videos": len(one.trained_on),
        **{name: measured.get(name) for name in ("rows", "least_std", "eps")},
        "created_at": one.created_at,
    }


def _evaluation(one: StoredAdapter) -> Mapping[str, Any]:
    measured = one.evaluation or {}
    ours, theirs, raw = (measured.get(name) or {} for name in ("candidate", "champion", "raw"))
    return {
        **_which(one),
        "champion": measured.get("champion_adapter"),
        "auc": ours.get("auc"),
        "champion_auc": theirs.get("auc"),
        "raw_auc": raw.get("auc"),
        "d_prime": ours.get("d_prime"),
        "champion_d_prime": theirs.get("d_prime"),
        "raw_d_prime": raw.get("d_prime"),
        "same_pairs": ours.get("same_pairs"),
        "different_pairs": ours.get("different_pairs"),
    }


def _decision(one: StoredAdapter) -> Mapping[str, Any]:
    return {
        **_which(one),
        "maker": one.maker,
        "state": one.state.value,
        "reason": one.reason,
        "decided_at": one.decided_at,
    }


def _which(one: StoredAdapter) -> Mapping[str, Any]:
    return {"day": one.day, "tenant_id": one.tenant_id, "adapter": one.adapter}


def _table(suite: Suite, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema={column.name: column.type for column in suite.columns}, orient="row")
