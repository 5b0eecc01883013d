# SPDX-License-Identifier: Apache-2.0
"""Which hours unfinished runs cover, each by itself or in a range of up to a day."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

import dagster as dg

from ovpo_assets.partitions import HOUR, RANGE_END, RANGE_START, hours, key_of
from resources import runs
from resources.runs import Run

PARTITION, BACKFILL = "dagster/partition", "dagster/backfill"
# As many windows as a backfill gives one run, see `lanes.BACKFILL`; a wider range is seen from its last day on.
MOST_HOURS = 24


def occupied(instance: dg.DagsterInstance, windows: Collection[datetime], job: str | None = None) -> set[datetime]:
    """Choose those of the hours that a run covers, waiting or working: of the job or of a backfill, or any run."""
    single = _of(job, runs.tagged(instance, PARTITION, _keys(windows), runs.UNFINISHED))
    before = {window - back * HOUR for window in windows for back in range(MOST_HOURS)}
    several = _of(job, runs.tagged(instance, RANGE_START, _keys(before), runs.UNFINISHED))
    held = {_start_of(run.tags[PARTITION]) for run in single}.union(*(_covered(run) for run in several))
    return held.intersection(windows)


def _of(job: str | None, found: Iterable[Run]) -> list[Run]:
    """Keep the runs of a job; a backfill that a person launched has no job's name and may be doing the same."""
    return [run for run in found if job in {None, run.job} or BACKFILL in run.tags]


def _keys(windows: Iterable[datetime]) -> list[str]:
    return sorted(key_of(hours, window) for window in windows)


def _covered(run: Run) -> Iterable[datetime]:
    first, last = _start_of(run.tags[RANGE_START]), _start_of(run.tags[RANGE_END])
    return (first + hour * HOUR for hour in range((last - first) // HOUR + 1))


def _start_of(key: str) -> datetime:
    return datetime.strptime(key, hours.fmt).replace(tzinfo=UTC)
