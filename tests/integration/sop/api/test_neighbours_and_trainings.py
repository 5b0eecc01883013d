# SPDX-License-Identifier: Apache-2.0
"""Clips that look alike are found, trainings asked for, adapters listed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from ovpo.foundation.auth import Role
from tests.integration.sop.api.conftest import NewOffice, Office, error

NOBODYS = "1243f7dc-6290-4b1d-bf6f-d5231213dfe7"
ADAPTER = """
INSERT INTO sop_adapters (adapter, tenant_id, maker, key, state, trained_on, day, created_at, decided_at)
VALUES (%s, %s, 'aaaaaaaaaaaaaaaa', 'k', %s, '{a,b}', '2026-11-20Z', %s, %s)
"""


def near(office: Office, **wanted: Any) -> Any:
    return office.ask("POST", "/neighbours", Role.VIEWER, json=wanted)


def test_the_nearest_clips_of_the_own_tenant_come_first(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    asked, same, other = ours.video(), ours.video(role="gold"), ours.video(task_id="tea")
    foreign = theirs.video()
    for office, video, number in ((ours, asked, 1), (ours, same, 1), (ours, other, 2), (theirs, foreign, 1)):
        office.embed(video, number)
    answer = near(ours, video_id=asked, row=3, k=5)
    found = answer.json()["neighbours"]
    assert answer.status_code == 200, answer.text
    assert len(found) == 5
    assert (found[0]["video_id"], found[0]["row"], round(found[0]["cosine"], 4)) == (same, 3, 1.0)
    assert {one["video_id"] for one in found} <= {same, other}
    assert near(ours, video_id=asked, seconds=found[0]["start"] + 0.01, k=5).json()["neighbours"] == found
    gold_only = near(ours, video_id=asked, row=0, role="gold").json()["neighbours"]
    assert {one["video_id"] for one in gold_only} == {same}
    tea_only = near(ours, video_id=asked, row=0, task_id="tea").json()["neighbours"]
    assert {one["video_id"] for one in tea_only} == {other}
    stretch = near(ours, video_id=asked, seconds=0, until_seconds=found[0]["end"], among_video_id=same, k=1)
    assert stretch.json()["neighbours"][0]["video_id"] == same
    assert ours.audited("VIDEO_QUERY")[0][1] == asked


def test_what_cannot_be_asked_about_is_refused_with_the_reason(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    video, bare, foreign = ours.video(), ours.video(), theirs.video()
    ours.embed(video)
    theirs.embed(foreign)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"video_id": NOBODYS, "row": 0}, "video_id"),
        ({"video_id": foreign, "row": 0}, "video_id"),
        ({"video_id": bare, "row": 0}, "video_id"),
        ({"video_id": video, "row": 0, "among_video_id": foreign}, "among_video_id"),
        ({"video_id": video, "row": 8}, "row"),
        ({"video_id": video, "seconds": 5000}, "seconds"),
    ]
    for wanted, field in cases:
        said = error(near(ours, **wanted))
        assert (said["status"], said["field"]) == (422, field), wanted


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"row": 0, "seconds": 0},
        {"row": -1},
        {"row": True},
        {"seconds": -1},
        {"seconds": 2, "until_seconds": 1},
        {"row": 0, "until_seconds": 1},
        {"row": 0, "k": 0},
        {"row": 0, "k": 501},
        {"row": 0, "role": "star"},
        {"row": 10**30},
    ],
)
def test_a_question_that_is_none_is_refused(office: Office, wanted: dict[str, Any]) -> None:
    assert near(office, video_id=NOBODYS, **wanted).status_code == 400


def test_a_training_is_asked_for_once_however_many_ask(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    first = ours.ask("POST", "/trainings", Role.DEVELOPER)
    again = ours.ask("POST", "/trainings", Role.ADMIN)
    training = first.json()["training_id"]
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["training_id"] == training
    assert first.headers["location"] == f"/v1/sop/trainings/{training}"
    assert ours.get(f"/trainings/{training}")["state"] == "queued"
    assert len(ours.work("sop_train")) == 1
    assert [what for _, what, _ in ours.audited("TRAINING_REQUESTED")] == [training, training]
    assert theirs.ask("GET", f"/trainings/{training}").status_code == 404
    assert theirs.ask("POST", "/trainings", Role.DEVELOPER).json()["training_id"] != training
    assert ours.ask("POST", "/trainings", Role.VIEWER).status_code == 403


def test_what_became_of_a_training_is_shown_with_its_adapter(office: Office) -> None:
    training = office.ask("POST", "/trainings").json()["training_id"]
    [name] = adapters(office, 1)
    office.sql(
        "UPDATE ledger_items SET state = 'finished', result = %s, reason = 'no worse', run_id = 'r' WHERE item_id = %s",
        (name, training),
    )
    shown = office.get(f"/trainings/{training}")
    assert (shown["state"], shown["reason"]) == ("finished", "no worse")
    assert (shown["adapter"]["adapter"], shown["adapter"]["trained_on"]) == (name, 2)


def test_adapters_are_listed_newest_first_page_by_page(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    adapters(theirs, 2)
    made = adapters(ours, 5)
    shown: list[str] = []
    question = "limit=2"
    while True:
        page = ours.get(f"/adapters?{question}")
        shown += [one["adapter"] for one in page["adapters"]]
        if not page["has_more"]:
            break
        question = f"limit=2&cursor={page['next_cursor']}"
    assert shown == made[::-1]
    stolen = ours.get("/adapters?limit=1")["next_cursor"]
    assert theirs.ask("GET", f"/adapters?cursor={stolen}").status_code == 400


def adapters(office: Office, count: int) -> list[str]:
    """Put adapters on record, the oldest first."""
    names = []
    for number in range(count):
        name = f"feature_adapter_20261120T02000{number}Z_{uuid4().hex[:8]}"
        made = datetime(2026, 11, 20, 2, tzinfo=UTC) + timedelta(seconds=number)
        office.sql(ADAPTER, (name, office.name, "champion" if number == count - 1 else "retired", made, made))
        names.append(name)
    return names
