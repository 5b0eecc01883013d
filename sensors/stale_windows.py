# SPDX-License-Identifier: Apache-2.0
"""What is done anew after a change of adapter, embedder, gold or definition: the windows that are stale, a day a run.

`to_rebuild` decides and touches nothing; the sensor reads, asks it, and requests.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import dagster as dg

from ovpo.foundation.settings.tree import Settings
from ovpo.sop.records.definitions import Definitions
from ovpo.sop.training.staleness import StaleRange, StaleWindow, ranges, stale_windows
from ovpo_assets import automation, lanes
from ovpo_assets.partitions import hours, range_tags
from ovpo_assets.scores import definitions
from resources import runs
from resources.sop import Sop
from sensors.occupied import occupied

DATA_VERSION = "dagster/data_version"
NAME, REBUILD = "stale_procedures", "ovpo/rebuild"
MOST_RUNS = 4
# A month of hours: more than a tick asks for, so that windows that must wait do not hide the ones behind them.
MOST_WINDOWS = 744


def to_rebuild(stale: Iterable[StaleRange], spent: Mapping[str, int], most_attempts: int) -> list[dg.RunRequest]:
    """Ask for one run per range, but for ranges that run after run left as they were."""
    chosen = []
    for found in stale:
        tries = spent.get(found.name, 0)
        if tries < most_attempts:
            run_key = f"{found.name}.{tries}" if tries else found.name
            tags = {**range_tags(hours, found.first, found.last), REBUILD: found.name, **lanes.REPEATED_BY_LEDGER}
            chosen.append(dg.RunRequest(run_key=run_key, tags=tags))
    return chosen[:MOST_RUNS]


def free(stale: Iterable[StaleWindow], busy: Collection[datetime]) -> list[StaleRange]:
    """Put together the stale windows that no run is about to do or doing."""
    return ranges(window for window in stale if window.window_start not in busy)


@dg.sensor(
    name=NAME,
    job_name="score_procedures",
    minimum_interval_seconds=30,
    default_status=automation.SENSORS,
)
def stale_procedures(
    context: dg.SensorEvaluationContext, sop: Sop, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult:
    """Rebuild adapted embeddings, scores and reports that stand on what is another now, and no others."""
    with sop.workplace(NAME).transaction() as connection:
        defined = Definitions(connection).fingerprint()
    events = [] if defined == context.cursor else [observed(defined)]
    seen = {window.window_start for window in _stale(sop)}
    busy = occupied(context.instance, seen)
    # Read once more, since a run may have done its windows and ended between the two looks.
    stale = [window for window in _stale(sop) if window.window_start in seen] if seen - busy else []
    waiting = free(stale, busy)
    requests = to_rebuild(waiting, _spent(context.instance, waiting), settings.platform.most_attempts)
    if requests:
        return dg.SensorResult(run_requests=requests, asset_events=events, cursor=defined)
    found = f"{len(seen)} windows are stale; runs have them, or left them as they were" if seen else "nothing is stale"
    return dg.SensorResult(skip_reason=found, asset_events=events, cursor=defined)


def observed(fingerprint: str) -> dg.AssetObservation:
    """Tell Dagster that definitions changed, so that its page says of scores what is out of date."""
    return dg.AssetObservation(definitions.key, tags={DATA_VERSION: fingerprint})


def _stale(sop: Sop) -> list[StaleWindow]:
    with sop.workplace(NAME).transaction() as connection:
        return stale_windows(connection, MOST_WINDOWS)


def _spent(instance: dg.DagsterInstance, stale: Iterable[StaleRange]) -> Counter[str]:
    """Count the runs that are over for what is stale still."""
    names = [found.name for found in stale]
    return Counter(run.tags[REBUILD] for run in runs.tagged(instance, REBUILD, names, runs.OVER))
