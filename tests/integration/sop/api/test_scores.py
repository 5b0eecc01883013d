# SPDX-License-Identifier: Apache-2.0
"""Scores asked for, listed, shown, canceled, asked for again and reviewed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ovpo.foundation.auth import Role
from tests.integration.sop.api.conftest import NewOffice, Office, error

NOBODYS = "1243f7dc-6290-4b1d-bf6f-d5231213dfe7"


def ask(office: Office, key: str | None = None, **wanted: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return office.ask("POST", "/scores", Role.DEVELOPER, json=wanted, headers=headers)


def ids(office: Office, question: str = "") -> list[str]:
    return [one["score_id"] for one in office.get(f"/scores?{question}")["scores"]]


def test_a_score_waits_until_both_videos_are_embedded(office: Office) -> None:
    gold, trainee = office.pair()
    answer = ask(office, trainee_id=trainee, gold_id=gold)
    shown = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/sop/scores/{shown['score_id']}"
    assert (shown["state"], shown["task_id"], shown["gold_id"]) == ("waiting", "coffee", gold)
    assert office.work("sop_score") == []
    [(who, what, more)] = office.audited("SCORE_REQUESTED")
    assert (who, what, more["trainee_id"]) == (shown["asked_by"], shown["score_id"], trainee)


def test_a_score_of_embedded_videos_is_queued_at_once(office: Office) -> None:
    gold, trainee = office.pair()
    office.embed(gold, 1)
    office.embed(trainee, 2)
    shown = ask(office, trainee_id=trainee, gold_id=gold).json()
    assert shown["state"] == "queued"
    assert office.work("sop_score") == [(shown["score_id"], "queued")]


def test_what_cannot_be_scored_is_refused_at_once_with_the_reason(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    gold, trainee = ours.pair()
    tea = ours.video(role="gold", task_id="tea")
    lonely = ours.video(task_id="lonely")
    broken = ours.video()
    ours.sql(
        "UPDATE sop_videos SET state = 'quarantined', reason = 'it is too dark', reason_code = 'too_dark'"
        " WHERE video_id = %s",
        (broken,),
    )
    gone = ours.video()
    ours.ask("DELETE", f"/videos/{gone}")
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"trainee_id": NOBODYS}, "trainee_id", "your tenant has no video"),
        ({"trainee_id": theirs.video()}, "trainee_id", "your tenant has no video"),
        ({"trainee_id": gone}, "trainee_id", "your tenant has no video"),
        ({"trainee_id": gold}, "trainee_id", "is a gold's; name a trainee video"),
        ({"trainee_id": broken}, "trainee_id", "it is too dark"),
        ({"trainee_id": lonely}, "trainee_id", "has no gold video; upload one first"),
        ({"trainee_id": trainee, "gold_id": trainee}, "gold_id", "is a trainee's; name a gold video"),
        ({"trainee_id": trainee, "gold_id": tea}, "gold_id", "is of the task tea; name one of coffee"),
        ({"trainee_id": trainee, "gold_id": NOBODYS}, "gold_id", "your tenant has no video"),
        ({"trainee_id": trainee, "definition_version": 3}, "definition_version", "has no definition 3"),
    ]
    for wanted, field, reason in cases:
        said = error(ask(ours, **wanted))
        assert (said["status"], said["code"], said["field"]) == (422, "UNPROCESSABLE", field), wanted
        assert reason in said["message"]
    assert ids(ours) == []
    assert ours.audited("SCORE_REQUESTED") == []


def test_a_video_that_is_still_to_be_looked_at_may_be_asked_about(office: Office) -> None:
    office.video(role="gold", probed=False)
    trainee = office.video(probed=False)
    assert ask(office, trainee_id=trainee).status_code == 202


def test_the_same_key_gives_the_same_score(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    _, trainee = ours.pair()
    with ThreadPoolExecutor(4) as threads:
        ours.key(Role.DEVELOPER)
        answers = list(threads.map(lambda _: ask(ours, "monday-1", trainee_id=trainee), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 202]
    assert len({answer.json()["score_id"] for answer in answers}) == len(ids(ours)) == 1
    assert ask(ours, "monday-1", trainee_id=ours.video()).status_code == 409
    assert ask(ours, "monday-2", trainee_id=trainee).status_code == 202
    _, other = theirs.pair()
    assert ask(theirs, "monday-1", trainee_id=other).status_code == 202


def test_a_finished_score_shows_its_whole_result_as_it_is_stored(office: Office) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    before = office.get(f"/scores/{score}")
    assert (before["state"], before["result"], before["queue_position"]) == ("waiting", None, 1)
    office.finish(score, gold, points=87.5, verdict="fail", deviations=[{"type": "step_missing", "names": ["rinse"]}])
    shown = office.get(f"/scores/{score}")
    assert shown["result"] == {"schema_version": "1.0", "task_id": "coffee", "score": 87.5}
    assert (shown["verdict"], shown["points"], shown["deviations"], shown["gold_id"]) == ("fail", 87.5, 1, gold)
    assert (shown["has_report"], shown["queue_position"], shown["review"]) == (True, None, None)


def test_a_score_that_did_not_change_is_not_sent_again(office: Office) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    tag = office.ask("GET", f"/scores/{score}").headers["etag"]
    assert office.ask("GET", f"/scores/{score}", headers={"If-None-Match": tag}).status_code == 304
    office.finish(score, gold)
    assert office.ask("GET", f"/scores/{score}", headers={"If-None-Match": tag}).status_code == 200


def test_the_place_in_the_queue_counts_ones_own_scores_asked_for_before(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    _, other = theirs.pair()
    theirs.score(other)
    _, trainee = ours.pair()
    first, second, third = (ours.score(trainee) for _ in range(3))
    assert ours.get(f"/scores/{third}")["queue_position"] == 3
    ours.ask("POST", f"/scores/{first}/cancel")
    assert ours.get(f"/scores/{third}")["queue_position"] == 2
    assert ours.get(f"/scores/{second}")["queue_position"] == 1


def test_scores_are_listed_newest_first_and_filtered(office: Office) -> None:
    gold, trainee = office.pair()
    another = office.video(operator_id="anna")
    first, second, third = office.score(trainee), office.score(another), office.score(trainee)
    office.finish(first, gold, verdict="fail")
    office.ask("PUT", f"/scores/{first}/review", json={"verdict": "pass"})
    assert ids(office) == [third, second, first]
    assert ids(office, f"trainee_id={trainee}") == [third, first]
    assert ids(office, f"gold_id={gold}") == [first]
    assert ids(office, "state=waiting") == [third, second]
    assert ids(office, "verdict=fail") == ids(office, "reviewed=true") == [first]
    assert ids(office, "task_id=tea") == []
    hashed = office.get(f"/videos/{another}")["operator_id_hash"]
    assert ids(office, f"operator_id_hash={hashed}") == [second]
    page = office.get("/scores?limit=2")
    assert [one["score_id"] for one in page["scores"]] == [third, second]
    assert ids(office, f"limit=2&cursor={page['next_cursor']}") == [first]


def test_a_canceled_score_may_be_asked_for_again_and_is_queued_anew(office: Office) -> None:
    gold, trainee = office.pair()
    office.embed(gold, 1)
    office.embed(trainee, 2)
    score = office.score(trainee, gold_id=gold)
    assert office.ask("POST", f"/scores/{score}/cancel", Role.DEVELOPER).json()["state"] == "canceled"
    assert office.ask("POST", f"/scores/{score}/cancel").status_code == 409
    again = office.ask("POST", f"/scores/{score}/retry", Role.DEVELOPER)
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert office.ask("POST", f"/scores/{score}/retry").status_code == 409
    assert [subject for subject, _ in office.work("sop_score")] == [score, score]
    assert [what for _, what, _ in office.audited("SCORE_CANCELED")] == [score]
    assert [what for _, what, _ in office.audited("SCORE_RETRIED")] == [score]


def test_a_failed_score_may_be_asked_for_again_and_a_finished_one_not(office: Office) -> None:
    gold, trainee = office.pair()
    failed, finished = office.score(trainee), office.score(trainee)
    office.sql("UPDATE sop_scores SET state = 'failed', reason = 'x', reason_code = 'y' WHERE score_id = %s", (failed,))
    office.finish(finished, gold)
    assert office.ask("POST", f"/scores/{failed}/retry").json()["reason"] is None
    said = error(office.ask("POST", f"/scores/{finished}/retry"))
    assert (said["status"], said["message"]) == (
        409,
        "the score is finished; retry takes one that is failed or canceled",
    )
    assert office.ask("POST", f"/scores/{finished}/cancel").status_code == 409


def test_a_review_stands_beside_the_verdict_and_the_last_word_holds(office: Office) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    assert office.ask("PUT", f"/scores/{score}/review", json={"verdict": "pass"}).status_code == 409
    office.finish(score, gold, verdict="fail")
    office.ask("PUT", f"/scores/{score}/review", json={"verdict": "pass", "note": "The lid was closed.\nI saw it."})
    said = office.ask("PUT", f"/scores/{score}/review", Role.DEVELOPER, json={"verdict": "fail", "note": "No: ☕"})
    assert said.status_code == 200
    shown = office.get(f"/scores/{score}")
    assert (shown["verdict"], shown["review"]["verdict"], shown["review"]["note"]) == ("fail", "fail", "No: ☕")
    assert shown["review"]["by"] == f"key:{office.key(Role.DEVELOPER).split('_')[2]}"
    audited = office.audited("SCORE_REVIEWED")
    assert [(more["verdict"], more["before"]) for _, _, more in audited] == [("pass", None), ("fail", "pass")]
    assert "☕" not in str(audited)


@pytest.mark.parametrize(
    "wanted",
    [{}, {"verdict": "maybe"}, {"verdict": "pass", "note": "a\0b"}, {"verdict": "pass", "note": "x" * 4001}, []],
)
def test_a_review_that_is_none_is_refused(office: Office, wanted: Any) -> None:
    assert office.ask("PUT", f"/scores/{NOBODYS}/review", json=wanted).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("PUT", "/review"),
        ("GET", "/report.pdf"),
        ("GET", "/evidence"),
        ("GET", "/evidence/evidence-01.png"),
    ],
)
def test_another_tenants_score_is_not_there(new_office: NewOffice, method: str, path: str) -> None:
    ours, theirs = new_office(), new_office()
    gold, trainee = theirs.pair()
    score = theirs.score(trainee)
    theirs.finish(score, gold)
    more: dict[str, Any] = {"json": {"verdict": "pass"}} if method == "PUT" else {}
    for named in (score, NOBODYS):
        assert ours.ask(method, f"/scores/{named}{path}", **more).status_code == 404
    assert theirs.get(f"/scores/{score}")["review"] is None


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"trainee_id": "x"},
        {"trainee_id": NOBODYS.upper()},
        {"trainee_id": [NOBODYS]},
        {"trainee_id": NOBODYS, "definition_version": 0},
        {"trainee_id": NOBODYS, "definition_version": "1"},
        {"trainee_id": NOBODYS, "definition_version": 2**40},
        {"trainee_id": NOBODYS, "tenant_id": "demo"},
        "x",
    ],
)
def test_a_request_that_is_none_is_refused(office: Office, wanted: Any) -> None:
    assert error(office.ask("POST", "/scores", json=wanted))["status"] == 400


def test_the_report_and_the_evidence_are_given_as_files(office: Office) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    assert office.ask("GET", f"/scores/{score}/report.pdf").status_code == 404
    assert office.get(f"/scores/{score}/evidence")["files"] == []
    office.finish(score, gold)
    report = office.ask("GET", f"/scores/{score}/report.pdf", Role.VIEWER)
    assert (report.content, report.headers["content-type"]) == (b"%PDF-1.7 a report", "application/pdf")
    assert office.ask("GET", f"/scores/{score}/report.pdf", headers={"Range": "bytes=0-3"}).content == b"%PDF"
    listed = office.get(f"/scores/{score}/evidence")["files"]
    assert [(one["name"], one["media_type"], one["bytes"]) for one in listed] == [
        ("evidence-01.png", "image/png", 13),
        ("evidence.json", "application/json", 3),
    ]
    picture = office.ask("GET", f"/scores/{score}/evidence/evidence-01.png", Role.VIEWER)
    assert (picture.content, picture.headers["content-type"]) == (b"\x89PNG evidence", "image/png")
    assert [more["kind"] for _, _, more in office.audited("SCORE_ACCESS")] == [
        "evidence", "report", "report", "evidence", "evidence",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["evidence-99.png", "matrix.npz", "result.json", "..%2fresult.json", "%2e%2e", "report.pdf", "x%00.png"]
)
def test_nothing_else_beside_a_result_is_evidence(office: Office, name: str) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    office.finish(score, gold)
    assert office.ask("GET", f"/scores/{score}/evidence/{name}").status_code in {400, 404}


def test_a_viewer_asks_for_nothing_and_reviews_nothing(office: Office) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    office.finish(score, gold)
    for method, path, body in (
        ("POST", "/scores", {"trainee_id": trainee}),
        ("POST", f"/scores/{score}/cancel", None),
        ("POST", f"/scores/{score}/retry", None),
        ("PUT", f"/scores/{score}/review", {"verdict": "fail"}),
    ):
        assert office.ask(method, path, Role.VIEWER, json=body).status_code == 403
    assert office.get(f"/scores/{score}")["review"] is None
