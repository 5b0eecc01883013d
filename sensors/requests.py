# SPDX-License-Identifier: Apache-2.0
"""How requests in the ledger become runs: one run per window that gained work, and back again when a run is gone.

`to_request` and `to_release` decide and touch nothing; the sensor reads, asks them, and acts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from ovpo.foundation.inspection.requests import LANE
from ovpo.foundation.ledger.items import PendingWindow
from ovpo.foundation.settings.tree import Settings
from ovpo_assets import automation, lanes
from ovpo_assets.partitions import hours, key_of
from ovpo_assets.platform import observe_stores
from resources import runs
from resources.ledger import Ledger
from resources.runs import Run

PARTITION, REQUEST = "dagster/partition", "ovpo/request"
MOST_REQUESTS = 24
# More windows are read than are requested, so that windows that must wait do not hide the ones behind them.
MOST_WINDOWS = 240
# `sensors.run_failures` releases a failed run at once and says why; only what it misses is left to this sensor.
LEFT_TO_FAILURE_SENSOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Release:
    """A run that is given up, and why."""

    run_id: str
    reason: str


def name_of(window: PendingWindow) -> str:
    """Name the work of a window: a run key is remembered for ever, so the revision is part of it."""
    return f"{key_of(hours, window.window_start)}@{window.revision}"


def to_request(
    pending: Iterable[PendingWindow], busy: Collection[str], spent: Mapping[str, int], most_attempts: int
) -> list[dg.RunRequest]:
    """Ask for one run per window, but for windows that a run has already or that run after run left untouched.

    A run that ends before it claims anything does not raise the revision, so such tries are numbered and bounded.
    """
    chosen = []
    for window in pending:
        key, name = key_of(hours, window.window_start), name_of(window)
        tries = spent.get(name, 0)
        if key not in busy and tries < most_attempts:
            run_key = f"{name}.{tries}" if tries else name
            tags = {REQUEST: name, **lanes.REPEATED_BY_LEDGER}
            chosen.append(dg.RunRequest(run_key=run_key, partition_key=key, tags=tags))
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


@dg.sensor(job=observe_stores, minimum_interval_seconds=5, default_status=automation.SENSORS)
def inspection_requests(
    context: dg.SensorEvaluationContext, ledger: Ledger, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult:
    """Serve those who asked for a look at the stores, and take back what lost runs hold."""
    now, most_attempts = datetime.now(UTC), settings.platform.most_attempts
    with ledger.session() as session:
        holders = session.started_runs(LANE)
        for gone in to_release(holders, runs.known(context.instance, holders), now):
            session.release(gone.run_id, gone.reason, most_attempts, now)
        pending = session.pending(LANE, MOST_WINDOWS)
    busy, spent = _busy(context.instance, pending), _spent(context.instance, pending)
    requests = to_request(pending, busy, spent, most_attempts)
    waiting = f"{len(pending)} windows hold requests and wait for their runs" if pending else "nobody asked"
    return dg.SensorResult(run_requests=requests) if requests else dg.SensorResult(skip_reason=waiting)


def _busy(instance: dg.DagsterInstance, pending: Iterable[PendingWindow]) -> set[str]:
    """Name the windows that a run has already, waiting or working."""
    keys = [key_of(hours, window.window_start) for window in pending]
    found = runs.tagged(instance, PARTITION, keys, runs.UNFINISHED)
    return {run.tags[PARTITION] for run in found if run.job == observe_stores.name}


def _spent(instance: dg.DagsterInstance, pending: Iterable[PendingWindow]) -> Counter[str]:
    """Count the runs that are over for the work that still waits."""
    names = [name_of(window) for window in pending]
    return Counter(run.tags[REQUEST] for run in runs.tagged(instance, REQUEST, names, runs.OVER))


def _is_left_to_failure_sensor(run: Run, now: datetime) -> bool:
    failed = run.status is dg.DagsterRunStatus.FAILURE
    return failed and run.ended_at is not None and now - run.ended_at < LEFT_TO_FAILURE_SENSOR
