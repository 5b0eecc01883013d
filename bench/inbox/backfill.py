# SPDX-License-Identifier: Apache-2.0
"""A backfill of many windows as a person starts it on Dagster's page: launched over GraphQL, done by the daemon."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter, sleep
from typing import Any, Final
from urllib.request import Request, urlopen

import psycopg

from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo_assets.partitions import HOUR, hours, key_of

ASSETS: Final = (["embeddings", "adapted"], ["scores", "procedures"], ["scores", "reports"])
SPREAD: Final = """
WITH numbered AS (SELECT video_id, (row_number() OVER (ORDER BY video_id) - 1) %% %(windows)s AS back FROM sop_videos),
     moved AS (UPDATE sop_videos AS v SET window_start = %(last)s::timestamptz - back * interval '1 hour'
               FROM numbered AS n WHERE n.video_id = v.video_id RETURNING v.video_id, v.window_start)
UPDATE sop_scores AS s SET window_start = m.window_start FROM moved AS m WHERE m.video_id = s.trainee_id
"""
STALE: Final = "UPDATE sop_scores SET code_version = 'of another code'"
LEFT: Final = """
SELECT count(*) FILTER (WHERE code_version = 'of another code' OR state <> 'finished' OR report_key IS NULL),
       count(DISTINCT window_start) FROM sop_scores
"""
LAUNCH: Final = """
mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
STATUS: Final = """
query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status runs: unfinishedRuns(limit: 1) { id } } } }
"""
RUNS: Final = """
query($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results { runId status } count } } }
"""
OVER: Final = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}
LONGEST: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill did."""

    windows: int
    with_scores: int
    runs: int
    failed: int
    seconds: float
    status: str
    left: int
    """Scores that are not as they should be."""


def backfill(settings: Settings, windows: int) -> Backfilled:
    """Spread what there is over so many windows, make its scores stale, and have every window done again."""
    last = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(SPREAD, {"windows": windows, "last": last})
        connection.execute(STALE)
    begun = perf_counter()
    names = [key_of(hours, last - back * HOUR) for back in reversed(range(windows))]
    params = {"assetSelection": [{"path": path} for path in ASSETS], "partitionNames": names}
    launched = _ask(settings, LAUNCH, params=params)["launchPartitionBackfill"]
    if "backfillId" not in launched:
        raise SystemExit(f"the backfill was not launched: {launched}")
    status = _wait(settings, launched["backfillId"])
    took = perf_counter() - begun
    runs = _ask(settings, RUNS, filter={"tags": [{"key": "dagster/backfill", "value": launched["backfillId"]}]})
    results = runs["runsOrError"]["results"]
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        left, with_scores = connection.execute(LEFT).fetchone() or (-1, 0)
    failed = sum(run["status"] != "SUCCESS" for run in results)
    return Backfilled(windows, with_scores, len(results), failed, took, status, left)


def _wait(settings: Settings, backfill_id: str) -> str:
    deadline = perf_counter() + LONGEST.total_seconds()
    while perf_counter() < deadline:
        status: str = _ask(settings, STATUS, id=backfill_id)["partitionBackfillOrError"]["status"]
        if status in OVER:
            return status
        sleep(2)
    raise SystemExit(f"backfill {backfill_id} is not over after {LONGEST}")


def _ask(settings: Settings, query: str, **variables: Any) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    url = f"http://{LOOPBACK}:{settings.dagster.port}/graphql"
    request = Request(url, data=body, headers={"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
    if "errors" in answer:
        raise SystemExit(f"Dagster does not take the query: {answer['errors']}")
    data: dict[str, Any] = answer["data"]
    return data
