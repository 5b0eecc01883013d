# SPDX-License-Identifier: Apache-2.0
"""Dagster's own run storage, asked through the public methods of the instance that every context carries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNFINISHED = tuple(status for status in dg.DagsterRunStatus if status not in OVER)
BATCH, MOST_BATCHES = 100, 50
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Run:
    """What OVPO needs to know of a run."""

    run_id: str
    job: str
    status: dg.DagsterRunStatus
    created_at: datetime
    ended_at: datetime | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning did: runs deleted, old ones left for the next time, and when the oldest kept one was made."""

    deleted: int
    left_over: int
    oldest_kept: datetime | None


def known(instance: dg.DagsterInstance, run_ids: Collection[str]) -> dict[str, Run]:
    """Look runs up by id; those that the instance does not know are missing from the answer."""
    if not run_ids:
        return {}
    return {run.run_id: run for run in _find(instance, dg.RunsFilter(run_ids=list(run_ids)))}


def tagged(
    instance: dg.DagsterInstance, tag: str, values: Sequence[str], statuses: Collection[dg.DagsterRunStatus]
) -> list[Run]:
    """List the runs in one of the states whose tag has one of the values."""
    if not values:
        return []
    return _find(instance, dg.RunsFilter(tags={tag: list(values)}, statuses=list(statuses)))


def finished_before(instance: dg.DagsterInstance, moment: datetime, limit: int = MOST_COUNTED) -> list[Run]:
    """List the oldest finished runs that were created before a moment."""
    return _find(instance, dg.RunsFilter(statuses=list(OVER), created_before=moment), limit)


def prune(instance: dg.DagsterInstance, before: datetime) -> Pruned:
    """Delete the finished runs created before a moment, the oldest first, at most a bounded number of them.

    With a run go its events, so a window that only a deleted run filled shows as missing again; its table stays.
    """
    deleted = 0
    for _ in range(MOST_BATCHES):
        batch = finished_before(instance, before, BATCH)
        for run in batch:
            instance.delete_run(run.run_id)
        deleted += len(batch)
        if len(batch) < BATCH:
            break
    oldest = _find(instance, None, 1)
    return Pruned(deleted, len(finished_before(instance, before)), oldest[0].created_at if oldest else None)


def _find(instance: dg.DagsterInstance, wanted: dg.RunsFilter | None, limit: int | None = None) -> list[Run]:
    return [_run(record) for record in instance.get_run_records(wanted, limit=limit, ascending=True)]


def _run(record: dg.RunRecord) -> Run:
    ended = record.end_time
    return Run(
        run_id=record.dagster_run.run_id,
        job=record.dagster_run.job_name,
        status=record.dagster_run.status,
        created_at=record.create_timestamp,
        ended_at=None if ended is None else datetime.fromtimestamp(ended, UTC),
        tags=record.dagster_run.tags,
    )
