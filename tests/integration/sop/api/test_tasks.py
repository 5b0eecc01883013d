# SPDX-License-Identifier: Apache-2.0
"""Tasks listed, and the gold that each is held against."""

from ovpo.foundation.auth import Role
from tests.integration.sop.api.conftest import NewOffice, Office, error


def test_tasks_are_listed_with_what_there_is_of_each(office: Office) -> None:
    gold, trainee = office.pair()
    office.video(task_id="tea", role="gold")
    office.ask("PUT", "/tasks/coffee/gold", json={"video_id": gold})
    office.finish(office.score(trainee), gold)
    office.ask("PUT", "/definitions/wash", content="task: wash\nsteps:\n  - name: rinse\n",
               headers={"content-type": "application/yaml"})  # fmt: skip
    assert office.get("/tasks")["tasks"] == [
        {"task_id": "coffee", "gold_id": gold, "golds": 1, "trainees": 1, "definition_version": None, "scores": 1},
        {"task_id": "tea", "gold_id": None, "golds": 1, "trainees": 0, "definition_version": None, "scores": 0},
        {"task_id": "wash", "gold_id": None, "golds": 0, "trainees": 0, "definition_version": 1, "scores": 0},
    ]


def test_a_chosen_gold_is_what_the_task_is_held_against(office: Office) -> None:
    assert office.ask("GET", "/tasks/coffee/gold").status_code == 404
    first, second = office.video(role="gold"), office.video(role="gold")
    for gold in (first, second):
        answer = office.ask("PUT", "/tasks/coffee/gold", Role.DEVELOPER, json={"video_id": gold})
        assert (answer.status_code, answer.json()["gold_id"]) == (200, gold)
    assert office.get("/tasks/coffee/gold")["gold_id"] == second
    assert [(what, more["video_id"]) for _, what, more in office.audited("GOLD_CHOSEN")] == [
        ("coffee", first),
        ("coffee", second),
    ]


def test_what_cannot_be_the_gold_is_refused_with_the_reason(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    named = {
        "is a trainee's": ours.video(),
        "is of the task tea": ours.video(role="gold", task_id="tea"),
        "was not looked at yet": ours.video(role="gold", probed=False),
        "your tenant has no video": theirs.video(role="gold"),
    }
    for reason, video in named.items():
        answer = ours.ask("PUT", "/tasks/coffee/gold", json={"video_id": video})
        assert (error(answer)["status"], error(answer)["field"]) == (422, "video_id")
        assert reason in error(answer)["message"]
    assert ours.ask("GET", "/tasks/coffee/gold").status_code == 404


def test_a_viewer_chooses_no_gold(office: Office) -> None:
    gold = office.video(role="gold")
    assert office.ask("PUT", "/tasks/coffee/gold", Role.VIEWER, json={"video_id": gold}).status_code == 403


def test_a_score_that_waited_for_its_gold_goes_on_when_one_is_chosen(office: Office) -> None:
    gold, trainee = office.pair()
    office.embed(gold, 1)
    office.embed(trainee, 2)
    score = office.score(trainee)
    assert office.get(f"/scores/{score}")["state"] == "waiting"
    office.ask("PUT", "/tasks/coffee/gold", json={"video_id": gold})
    assert office.get(f"/scores/{score}")["state"] == "queued"
    assert office.work("sop_score") == [(score, "queued")]
