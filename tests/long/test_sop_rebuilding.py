# SPDX-License-Identifier: Apache-2.0
"""What is done anew when something changes: the stale windows and none else; and what a person asks for."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg

from examples.procedures.coffee import FILTER
from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.sop.working import TRAIN
from ovpo_assets.partitions import RANGE_END, RANGE_START, hours, key_of
from sensors.stale_windows import stale_procedures
from tests.runs.conftest import instance, storage
from tests.runs.sop.conftest import ALL_STEPS, Flow, flow

__all__ = ["flow", "instance", "storage"]

MOVE = """
WITH moved AS (UPDATE sop_videos SET window_start = window_start - %s * interval '1 hour' WHERE name = %s
               RETURNING video_id)
UPDATE sop_scores SET window_start = window_start - %s * interval '1 hour'
WHERE trainee_id IN (SELECT video_id FROM moved) RETURNING window_start
"""


def came_earlier(flow: Flow, name: str, hours_ago: int) -> str:
    """Let a video have come some hours before, and name its window."""
    ((window,),) = flow.rows(MOVE, hours_ago, f"{name}.mp4", hours_ago)
    assert isinstance(window, datetime)
    return key_of(hours, window)


def covered(request: dg.RunRequest) -> tuple[str, str]:
    return request.tags[RANGE_START], request.tags[RANGE_END]


def test_a_new_definition_makes_exactly_the_windows_with_scores_anew_and_then_nothing_is_stale(flow: Flow) -> None:
    flow.define()
    flow.drop("gold", "demonstration")
    for name in ("anna", "ben"):
        flow.drop("trainee", name, light=1.0 + len(name) / 50)
    flow.to_the_end()
    here, earlier = came_earlier(flow, "anna", 0), came_earlier(flow, "ben", 5)
    assert flow.requests(stale_procedures) == []
    flow.define(critical=FILTER.name)
    requests = flow.requests(stale_procedures)
    assert sorted(map(covered, requests)) == sorted([(here, here), (earlier, earlier)])
    for request in requests:
        assert flow.run("score_procedures", request).success
    assert flow.rows("SELECT DISTINCT state, definition_version, report_key IS NOT NULL FROM sop_scores") == [
        ("finished", 2, True)
    ]
    assert flow.requests(stale_procedures) == []


def test_a_look_at_what_is_stale_tells_dagster_of_changed_definitions_once(flow: Flow) -> None:
    flow.define()
    first = flow.evaluate(stale_procedures)
    again = flow.evaluate(stale_procedures, cursor=first.cursor)
    assert [event.asset_key.to_user_string() for event in first.asset_events] == ["sources/definitions"]
    assert again.asset_events == []
    flow.define(critical=FILTER.name)
    assert len(flow.evaluate(stale_procedures, cursor=first.cursor).asset_events) == 1


def test_a_training_that_is_asked_for_makes_a_champion_and_what_it_makes_stale_is_done_again(flow: Flow) -> None:
    flow.drop("gold", "demonstration", steps=ALL_STEPS)
    flow.drop("trainee", "anna", light=1.05)
    flow.to_the_end()
    before = flow.rows("SELECT adapter FROM sop_scores")
    now = datetime.now(UTC)
    with flow.resources["sop"].workplace("test").transaction() as connection:
        Session(connection).register(TRAIN, [(uuid4(), Arrival("demo", "test", uuid4().hex))], now)
    (trained,) = flow.serve("train_adapters")
    assert trained.success
    ((champion,),) = flow.rows("SELECT adapter FROM sop_adapters WHERE state = 'champion'")
    (request,) = flow.requests(stale_procedures)
    assert flow.run("score_procedures", request).success
    assert flow.rows("SELECT adapter FROM sop_scores") == [(champion,)] != before
    assert flow.rows("SELECT DISTINCT adapter FROM sop_adapted") == [(champion,)]
    assert flow.requests(stale_procedures) == []


def test_a_backfill_over_hours_in_which_nothing_came_leaves_empty_windows_and_no_fault(flow: Flow) -> None:
    last = datetime.now(UTC)
    tags = {RANGE_START: key_of(hours, last - timedelta(hours=3)), RANGE_END: key_of(hours, last)}
    assert flow.run("score_procedures", dg.RunRequest(tags=tags)).success
    assert flow.run("embed_clips", dg.RunRequest(tags=tags)).success
