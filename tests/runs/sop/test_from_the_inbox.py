# SPDX-License-Identifier: Apache-2.0
"""From the inbox to reports with no other hand, over the real stores: what arrives, and what does not."""

import json

import dagster as dg

from examples.procedures.coffee import FILL, FILTER, GRIND, POUR, STIR
from ovpo.sop.accounting.faults import unaccounted
from tests.runs.conftest import checks
from tests.runs.sop.conftest import SERVING, TASK, Flow


def test_a_gold_and_its_trainees_become_verdicts_and_reports_and_leave_the_inbox(flow: Flow) -> None:
    flow.define(critical=FILTER.name)
    flow.drop("gold", "demonstration")
    flow.drop("trainee", "anna", light=1.1)
    flow.drop("trainee", "ben", steps=(GRIND, FILL, POUR, STIR))
    assert flow.look().startswith("3 new")
    results = [result for job in ("take_in_videos", "embed_clips", "score_procedures") for result in flow.serve(job)]
    assert [result.success for result in results] == [True, True, True]
    failed = [name for result in results for name, check in checks(result).items() if not check.passed]
    assert failed == []
    scored = flow.rows(
        "SELECT v.name, s.verdict, s.report_key IS NOT NULL, s.deviations FROM sop_scores AS s "
        "JOIN sop_videos AS v ON v.video_id = s.trainee_id ORDER BY v.name"
    )
    assert [row[:3] for row in scored] == [("anna.mp4", "pass", True), ("ben.mp4", "fail", True)]
    ben = scored[1][3]
    assert isinstance(ben, list)
    assert [(one["type"], one["steps"]) for one in ben] == [("step_missing", [2])]
    left = {path.relative_to(flow.inbox).as_posix() for path in flow.inbox.rglob("*.mp4")}
    assert left == {f"processed/{TASK}/{name}.mp4" for name in ("gold/demonstration", "trainee/anna", "trainee/ben")}
    receipt = json.loads((flow.inbox / f"processed/{TASK}/trainee/ben.mp4.json").read_text())
    assert (receipt["task_id"], receipt["role"], receipt["state"]) == (TASK, "trainee", "probed")
    assert unaccounted(flow.resources["sop"].workplace("test")).rows() == []


def test_when_all_is_done_nobody_asks_for_another_run(flow: Flow) -> None:
    flow.drop("gold", "demonstration")
    flow.drop("trainee", "anna")
    flow.to_the_end()
    before = len(flow.instance.get_run_records())
    flow.to_the_end()
    assert len(flow.instance.get_run_records()) == before


def test_a_trainee_who_comes_before_any_gold_waits_for_it(flow: Flow) -> None:
    flow.drop("trainee", "early")
    flow.to_the_end()
    assert flow.rows("SELECT state FROM sop_scores") == [("waiting",)]
    flow.drop("gold", "demonstration", light=1.05)
    flow.to_the_end()
    assert flow.rows("SELECT state, verdict FROM sop_scores") == [("finished", "pass")]


def test_a_file_that_is_no_video_goes_to_failed_with_its_reason_and_fails_nothing(flow: Flow) -> None:
    flow.drop("gold", "demonstration")
    broken = flow.inbox / TASK / "trainee" / "notes.mp4"
    broken.parent.mkdir(parents=True)
    broken.write_text("not a video at all")
    flow.to_the_end()
    assert flow.rows("SELECT role, state FROM sop_videos") == [("gold", "probed")]
    receipt = json.loads((flow.inbox / f"failed/{TASK}/trainee/notes.mp4.json").read_text())
    assert receipt["reason"]
    states = {record.dagster_run.status for record in flow.instance.get_run_records()}
    assert states == {dg.DagsterRunStatus.SUCCESS}


def test_every_lane_has_its_sensor() -> None:
    assert {sensor.job_name for sensor in SERVING.values()} == set(SERVING)
