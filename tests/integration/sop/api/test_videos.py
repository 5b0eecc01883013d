# SPDX-License-Identifier: Apache-2.0
"""Videos listed, shown, given in parts, masked, and deleted with all that was made of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.sop.records.scores import REPORTED
from tests.integration.sop.api.conftest import NewOffice, Office, error, hash_of, until, waiting

NOBODYS = "1243f7dc-6290-4b1d-bf6f-d5231213dfe7"


def ids(office: Office, question: str = "") -> list[str]:
    return [one["video_id"] for one in office.get(f"/videos?{question}")["videos"]]


def left(office: Office, score: str) -> list[str]:
    """Name what is left of a score."""
    return sorted(key.rpartition("/")[2] for key in office.stored() if key.startswith(f"scores/{score}/"))


def test_the_list_is_newest_first_and_filtered_by_what_is_asked(office: Office) -> None:
    gold = office.video(role="gold")
    trainee = office.video(operator_id="anna", probed=False)
    tea = office.video(task_id="tea")
    assert ids(office) == [tea, trainee, gold]
    assert ids(office, "role=gold") == [gold]
    assert ids(office, "task_id=coffee") == [trainee, gold]
    assert ids(office, "state=registered") == [trainee]
    assert ids(office, f"operator_id_hash={hash_of('anna')}") == [trainee]
    assert ids(office, "start_date=2031-01-01") == []
    assert ids(office, "end_date=2031-01-01&task_id=tea") == [tea]


def test_pages_follow_one_another_without_a_gap_though_videos_come_in_between(office: Office) -> None:
    known = [office.video() for _ in range(5)][::-1]
    first = office.get("/videos?limit=2&task_id=coffee")
    office.video()
    second = office.get(f"/videos?limit=2&task_id=coffee&cursor={first['next_cursor']}")
    third = office.get(f"/videos?limit=2&task_id=coffee&cursor={second['next_cursor']}")
    shown = [one["video_id"] for page in (first, second, third) for one in page["videos"]]
    assert shown == known
    assert (first["has_more"], third["has_more"], third["next_cursor"]) == (True, False, None)


def test_a_cursor_is_good_for_its_own_list_only(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    for _ in range(2):
        ours.video()
    cursor = ours.get("/videos?limit=1")["next_cursor"]
    for office, question in ((ours, "role=gold"), (theirs, "limit=1")):
        answer = office.ask("GET", f"/videos?{question}&cursor={cursor}")
        assert (error(answer)["status"], error(answer)["field"]) == (400, "cursor")
    assert ours.ask("GET", f"/videos?cursor={cursor[:-4]}AAAA").status_code == 400


def test_looking_is_on_the_chain(office: Office) -> None:
    video = office.video()
    office.get("/videos?role=gold")
    office.get(f"/videos/{video}")
    office.ask("GET", f"/videos/{video}/file", Role.VIEWER)
    assert [(what, more.get("filters")) for _, what, more in office.audited("VIDEO_QUERY")] == [
        ("list", ["role"]),
        (video, None),
    ]
    [(_, what, more)] = office.audited("VIDEO_ACCESS")
    assert (what, more["kind"], more["masked"], more["part"]) == (video, "file", False, False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/file"),
        ("HEAD", "/file"),
        ("GET", "/thumbnail"),
    ],
)
def test_another_tenants_video_is_not_there(new_office: NewOffice, method: str, path: str) -> None:
    ours, theirs = new_office(), new_office()
    video = theirs.video()
    for named in (video, NOBODYS):
        assert ours.ask(method, f"/videos/{named}{path}").status_code == 404
    assert theirs.ask("GET", f"/videos/{video}").status_code == 200


def test_a_part_of_a_video_is_given_as_players_ask_for_it(office: Office) -> None:
    film = office.bytes_of_a_film()
    video = office.upload(film).json()["video_id"]
    office.probe(video)
    path = f"/videos/{video}/file"
    whole = office.ask("GET", path, Role.VIEWER)
    tag = whole.headers["etag"]
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, film, "video/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    part = office.ask("GET", path, Role.VIEWER, headers={"Range": "bytes=10-19", "If-Range": tag})
    assert (part.status_code, part.content) == (206, film[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(film)}"
    assert office.ask("GET", path, headers={"Range": "bytes=-5"}).content == film[-5:]
    stale = office.ask("GET", path, headers={"Range": "bytes=10-19", "If-Range": '"another"'})
    assert (stale.status_code, stale.content) == (200, film)
    beyond = office.ask("GET", path, headers={"Range": f"bytes={len(film)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(film)}")
    assert office.ask("GET", path, headers={"If-None-Match": tag}).status_code == 304
    head = office.ask("HEAD", path, Role.VIEWER)
    assert (head.status_code, head.content) == (200, b"")
    assert (head.headers["content-length"], head.headers["etag"]) == (str(len(film)), tag)


def test_only_who_may_sees_the_original_of_a_masked_video(office: Office) -> None:
    film = office.bytes_of_a_film()
    video = office.upload(film).json()["video_id"]
    office.probe(video, masked=True)
    path = f"/videos/{video}/file"
    assert office.ask("GET", path, Role.VIEWER).content == b"the masked film"
    assert office.ask("GET", path, Role.DEVELOPER).content == b"the masked film"
    assert office.ask("GET", path, Role.ADMIN).content == film
    assert office.ask("GET", f"{path}?masked=true", Role.ADMIN).content == b"the masked film"
    assert [more["masked"] for _, _, more in office.audited("VIDEO_ACCESS")] == [True, True, False, True]
    assert office.get(f"/videos/{video}")["is_masked"] is True


@pytest.mark.parametrize("path", ["file", "thumbnail"])
def test_no_browser_shows_what_it_kept_without_asking_whether_it_may_still(office: Office, path: str) -> None:
    video = office.video(masked=True)
    answer = office.ask("GET", f"/videos/{video}/{path}")
    again = office.ask("GET", f"/videos/{video}/{path}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert {one.headers["cache-control"] for one in (answer, again)} == {"private, no-cache"}


def test_before_masks_could_be_applied_a_video_is_shown_to_nobody_who_may_not_see_the_original(office: Office) -> None:
    film = office.bytes_of_a_film()
    video = office.upload(film).json()["video_id"]
    for method in ("GET", "HEAD"):
        assert office.ask(method, f"/videos/{video}/file", Role.DEVELOPER).status_code == 409
    assert office.ask("GET", f"/videos/{video}/file", Role.ADMIN).content == film
    assert office.ask("GET", f"/videos/{video}/thumbnail", Role.ADMIN).status_code == 404


def test_a_thumbnail_is_shown_in_place(office: Office) -> None:
    video = office.video()
    shown = office.ask("GET", f"/videos/{video}/thumbnail", Role.VIEWER)
    assert (shown.content, shown.headers["content-type"]) == (b"a picture", "image/jpeg")
    assert shown.headers["content-disposition"] == "inline"


def test_a_deleted_video_takes_with_it_all_that_was_made_of_it(office: Office) -> None:
    gold, trainee = office.pair()
    office.embed(trainee)
    score = office.score(trainee)
    waiting = office.score(trainee)
    office.finish(score, gold)
    assert office.ask("DELETE", f"/videos/{trainee}", Role.ADMIN).status_code == 204
    assert left(office, score) == ["matrix.npz", "result.json"]
    assert all(key.startswith((f"videos/{gold}/", f"scores/{score}/")) for key in office.stored())
    [(state, name, operator, source)] = office.sql(
        "SELECT state, name, operator_id_hash, source_key FROM sop_videos WHERE video_id = %s", (trainee,)
    )
    assert (state, name, operator, source) == ("deleted", "deleted", "", None)
    assert office.sql("SELECT 1 FROM sop_embeddings WHERE video_id = %s", (trainee,)) == []
    assert office.ask("GET", f"/videos/{trainee}").status_code == 404
    assert ids(office) == [gold]
    kept = office.get(f"/scores/{score}")
    assert (kept["points"], kept["has_report"]) == (90.0, False)
    assert office.get(f"/scores/{waiting}")["reason_code"] == "video_deleted"
    assert office.ask("GET", f"/scores/{score}/report.pdf").status_code == 404
    [(_, what, more)] = office.audited("VIDEO_DELETED")
    assert (what, more["scores"]) == (trainee, 2)


def test_what_was_deleted_may_come_again_as_another_video(office: Office) -> None:
    film = office.bytes_of_a_film()
    first = office.upload(film).json()["video_id"]
    office.ask("DELETE", f"/videos/{first}")
    again = office.upload(film)
    assert again.status_code == 202
    assert again.json()["video_id"] != first
    assert office.ask("DELETE", f"/videos/{first}").status_code == 404


def test_a_gold_that_scores_rest_on_stays_and_the_refusal_counts_them(office: Office) -> None:
    gold, trainee = office.pair()
    office.finish(office.score(trainee), gold)
    other = office.score(trainee, gold_id=gold)
    refused = office.ask("DELETE", f"/videos/{gold}")
    assert (error(refused)["status"], error(refused)["details"]["scores"]) == (409, 2)
    office.ask("POST", f"/scores/{other}/cancel")
    assert error(office.ask("DELETE", f"/videos/{gold}"))["details"]["scores"] == 1
    assert office.ask("GET", f"/videos/{gold}/file").status_code == 200


def test_a_gold_that_only_a_canceled_score_showed_takes_its_pictures_with_it(office: Office) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    office.finish(score, gold)
    office.sql("UPDATE sop_scores SET state = 'queued' WHERE score_id = %s", (score,))
    assert office.ask("POST", f"/scores/{score}/cancel").status_code == 200
    assert office.ask("DELETE", f"/videos/{gold}").status_code == 204
    assert office.ask("GET", f"/scores/{score}/evidence/evidence-01.png").status_code == 404
    assert office.ask("GET", f"/scores/{score}/report.pdf").status_code == 404
    assert left(office, score) == ["matrix.npz", "result.json"]


def test_a_report_that_was_being_drawn_when_a_video_was_deleted_is_nobodys(office: Office) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    prefix = office.finish(score, gold)
    office.ask("DELETE", f"/videos/{trainee}")
    office.objects.put(f"{prefix}/evidence-01.png", b"the deleted video")
    late = {"tenant": office.name, "score": score, "result": f"{prefix}/result.json", "report": f"{prefix}/report.pdf"}
    assert office.sql(REPORTED, late | {"now": datetime.now(UTC)}) == []
    assert office.ask("GET", f"/scores/{score}/evidence/evidence-01.png").status_code == 404
    assert office.get(f"/scores/{score}")["has_report"] is False


def test_a_result_forgets_the_name_of_a_video_that_was_deleted(office: Office) -> None:
    gold, trainee = office.pair()
    score = office.score(trainee)
    key = f"{office.finish(score, gold)}/result.json"
    office.objects.put(key, b'{"gold": {"name": "how.mp4"}, "trainee": {"name": "anna.mp4", "clips": 4}, "score": 9.0}')
    office.ask("DELETE", f"/videos/{trainee}")
    assert office.get(f"/scores/{score}")["result"] == {
        "gold": {"name": "how.mp4"},
        "trainee": {"name": "deleted", "clips": 4},
        "score": 9.0,
    }


def test_a_task_goes_on_with_its_next_gold_when_the_chosen_one_is_deleted(office: Office) -> None:
    first, second = office.video(role="gold"), office.video(role="gold")
    office.ask("PUT", "/tasks/coffee/gold", json={"video_id": second})
    office.ask("DELETE", f"/videos/{second}")
    assert office.get("/tasks/coffee/gold")["gold_id"] == first
    office.ask("DELETE", f"/videos/{first}")
    assert office.ask("GET", "/tasks/coffee/gold").status_code == 404


def test_two_golds_deleted_at_once_leave_a_task_without_one(office: Office) -> None:
    golds = [office.video(role="gold") for _ in range(2)]
    office.ask("PUT", "/tasks/coffee/gold", json={"video_id": golds[1]})
    database = admin_conninfo(office.settings.postgres, office.settings.postgres.database)
    with ThreadPoolExecutor(2) as threads, psycopg.connect(database) as holder:
        # Each has done all but commit, or waits for the other, before either may.
        holder.execute("SELECT lock_audit_head(%s)", (office.name,))
        asked = []
        for gold in golds:
            asked.append(threads.submit(office.ask, "DELETE", f"/videos/{gold}"))
            until(lambda: waiting(holder) >= len(asked))
        holder.rollback()
        assert [answer.result().status_code for answer in asked] == [204, 204]
    assert office.ask("GET", "/tasks/coffee/gold").status_code == 404


def test_only_an_admin_deletes(office: Office) -> None:
    video = office.video()
    assert office.ask("DELETE", f"/videos/{video}", Role.DEVELOPER).status_code == 403
    assert ids(office) == [video]


@pytest.mark.parametrize("name", ["x", "..", "%00", "A243F7DC-6290-4B1D-BF6F-D5231213DFE7", "0" * 36, "'; --"])
def test_an_id_that_is_none_is_refused(office: Office, name: str) -> None:
    assert office.ask("GET", f"/videos/{name}").status_code in {400, 404}


def test_an_id_as_the_watched_folder_makes_them_is_one(office: Office) -> None:
    assert office.ask("GET", "/videos/886313e1-3b8a-5372-9b90-0c9aee199e5d").status_code == 404
