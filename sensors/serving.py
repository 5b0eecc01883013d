# SPDX-License-Identifier: Apache-2.0
"""How queued work in the ledger becomes runs: one run per window that gained work, and back again when a run is gone.

`to_request` and `to_release` decide and touch nothing; the sensor that `serving` makes reads, asks them, and acts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from ovpo.foundation.ledger.items import PendingWindow
from ovpo.foundation.settings.tree import Settings
from ovpo_assets import automation, lanes
from ovpo_assets.partitions import hours, key_of
from resources import runs
from resources.ledger import Ledger
from resources.runs import Run
from sensors.occupied import PARTITION, occupied

REQUEST = "ovpo/request"
MOST_REQUESTS = 24
# More windows are read than are requested, so that windows that must wait do not hide the ones behind them.
MOST_WINDOWS = 240
# `sensors.run_failures` releases a failed run at once and says why; only what it misses is left to these sensors.
LEFT_TO_FAILURE_SENSOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Gained:
    """A window of a job that has queued work; the name changes whenever it gains more, in whichever lane."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Release:
    """A run that is given up, and why."""

    run_id: str
    reason: str


def gained(pending: Sequence[Sequence[PendingWindow]], windows: dg.TimeWindowPartitionsDefinition) -> list[Gained]:
    """Put the pending hours of a job's lanes together by its own windows, the oldest first.

    A run key is remembered for ever, so the revisions are part of the name: of each lane, and of each hour of a day.
    """
    marks: dict[str, list[str]] = {}
    found = [(window.window_start, lane, window.revision) for lane, of in enumerate(pending) for window in of]
    for start, lane, revision in sorted(found):
        part = "" if windows is hours else f"{start:%H}:"
        marks.setdefault(key_of(windows, start), []).append(f"{part}{'' if lane == 0 else f'lane{lane}:'}{revision}")
    return [Gained(key, f"{key}@{'+'.join(of)}") for key, of in marks.items()]


def to_request(
    pending: Iterable[Gained], busy: Collection[str], spent: Mapping[str, int], most_attempts: int
) -> list[dg.RunRequest]:
    """Ask for one run per window, but for windows that a run has already or that run after run left untouched.

    A run that ends before it claims anything does not raise the revision, so such tries are numbered and bounded.
    """
    chosen = []
    for window in pending:
        tries = spent.get(window.name, 0)
        if window.key not in busy and tries < most_attempts:
            run_key = f"{window.name}.{tries}" if tries else window.name
            tags = {REQUEST: window.name, **lanes.REPEATED_BY_LEDGER}
            chosen.append(dg.RunRequest(run_key=run_key, partition_key=window.key, tags=tags))
    return chosen[:MOST_REQUESTS]


def to_release(holders: Iterable[str], known: Mapping[str, Run], now: datetime) -> list[Release]:
    """Choose the runs that hold work and will never finish it."""
    given_up = []
    for run_id in holders:
        run = known.get(run_id)
        if run is None:
            given_up.append(Release(run_id, "its run is unknown to the orchestrator"))
        elif run.status in runs.OVER and not _is_left_to_failure_sensor(run, now):
            given_up.append(Release(run_id, f"its run ended as {run.status.value.lower()} without settling it"))
    return given_up


def serving(
    name: str,
    job: str,
    served: Sequence[str],
    description: str,
    windows: dg.TimeWindowPartitionsDefinition = hours,
) -> dg.SensorDefinition:
    """Make the sensor that starts a job, given by its name, for the windows in which one of its lanes has work."""

    @dg.sensor(
        name=name,
        job_name=job,
        description=description,
        minimum_interval_seconds=5,
        default_status=automation.SENSORS,
    )
    def requests(
        context: dg.SensorEvaluationContext, ledger: Ledger, settings: dg.ResourceParam[Settings]
    ) -> dg.SensorResult:
        now, most_attempts = datetime.now(UTC), settings.platform.most_attempts
        with ledger.session() as session:
            holders = sorted({run for lane in served for run in session.started_runs(lane)})
            for gone in to_release(holders, runs.known(context.instance, holders), now):
                session.release(gone.run_id, gone.reason, most_attempts, now)
            pending = gained([session.pending(lane, MOST_WINDOWS) for lane in served], windows)
        busy, spent = _busy(context.instance, job, pending, windows), _spent(context.instance, pending)
        wanted = to_request(pending, busy, spent, most_attempts)
        waiting = f"{len(pending)} windows hold work and wait for their runs" if pending else "there is nothing to do"
        return dg.SensorResult(run_requests=wanted) if wanted else dg.SensorResult(skip_reason=waiting)

    return requests


def _busy(
    instance: dg.DagsterInstance, job: str, pending: Iterable[Gained], windows: dg.TimeWindowPartitionsDefinition
) -> set[str]:
    """Name the windows that a run of the job has already, waiting or working, by itself or in a range of hours."""
    keys = [window.key for window in pending]
    if windows is hours:
        starts = {hours.time_window_for_partition_key(key).start for key in keys}
        return {key_of(hours, start) for start in occupied(instance, starts, job)}
    found = runs.tagged(instance, PARTITION, keys, runs.UNFINISHED)
    return {run.tags[PARTITION] for run in found if run.job == job}


def _spent(instance: dg.DagsterInstance, pending: Iterable[Gained]) -> Counter[str]:
    """Count the runs that are over for the work that still waits."""
    names = [window.name for window in pending]
    return Counter(run.tags[REQUEST] for run in runs.tagged(instance, REQUEST, names, runs.OVER))


def _is_left_to_failure_sensor(run: Run, now: datetime) -> bool:
    failed = run.status is dg.DagsterRunStatus.FAILURE
    return failed and run.ended_at is not None and now - run.ended_at < LEFT_TO_FAILURE_SENSOR
