# SPDX-License-Identifier: Apache-2.0
"""Videos handed in: stored and on record once, refused with the reason, and nothing left behind."""

import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from ovpo.foundation.auth import Role
from ovpo.foundation.postgres.connect import admin_conninfo
from tests.integration.sop.api.conftest import MOST_BYTES, NewOffice, Office, error, hash_of, until, waiting

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 5000
SAID: dict[str, Any] = {"task_id": "coffee", "role": "trainee", "name": "monday.mp4"}


def test_an_uploaded_video_is_stored_on_record_and_will_be_looked_at(office: Office) -> None:
    film = office.bytes_of_a_film()
    answer = office.upload(film, by=Role.DEVELOPER, site_id="plant-3", camera_id="bench-2", operator_id="anna")
    shown = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/sop/videos/{shown['video_id']}"
    assert (shown["sha256"], shown["bytes"], shown["state"]) == (hash_of(film), len(film), "registered")
    assert (shown["task_id"], shown["role"], shown["name"]) == ("coffee", "trainee", "monday.mp4")
    assert (shown["site_id"], shown["camera_id"], shown["operator_id_hash"]) == ("plant-3", "bench-2", hash_of("anna"))
    assert office.objects.get(f"sop/{office.name}/videos/{shown['video_id']}/source.mp4") == film
    assert office.work("sop_probe") == [(shown["video_id"], "queued")]
    [(who, what, more)] = office.audited("VIDEO_UPLOADED")
    assert who.startswith("key:")
    assert (what, more["task_id"], more["is_new"]) == (shown["video_id"], "coffee", True)
    assert "anna" not in str(more)
    assert office.spooled() == []


def test_a_form_says_the_same_as_an_address(office: Office) -> None:
    film = office.bytes_of_a_film()
    fields = {"task_id": "coffee", "role": "gold", "operator_id": "Jürgen"}
    answer = office.ask("POST", "/videos", data=fields, files={"file": ("C:\\films\\gold é.mp4", film, "video/mp4")})
    shown = answer.json()
    assert answer.status_code == 202, answer.text
    assert (shown["name"], shown["role"], shown["sha256"]) == ("gold é.mp4", "gold", hash_of(film))
    assert shown["operator_id_hash"] == hash_of("Jürgen")


@pytest.mark.parametrize("last", [True, False])
def test_a_name_that_a_form_gives_takes_the_place_of_its_files(office: Office, last: bool) -> None:
    file = ("file", ("x.mp4", office.bytes_of_a_film(), "video/mp4"))
    name = ("name", (None, b"monday"))
    rest = [("task_id", (None, b"coffee")), ("role", (None, b"gold"))]
    answer = office.ask("POST", "/videos", files=[file, *rest, name] if last else [name, file, *rest])
    assert answer.status_code == 202, answer.text
    assert answer.json()["name"] == "monday"


def test_the_same_bytes_again_are_the_same_video(office: Office) -> None:
    film = office.bytes_of_a_film()
    first = office.upload(film)
    again = office.upload(film, name="another-name.mp4")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["video_id"] == first.json()["video_id"]
    assert again.headers["location"] == first.headers["location"]
    elsewhere = office.upload(film, task_id="tea")
    assert error(elsewhere)["status"] == 409
    assert error(elsewhere)["details"]["video_id"] == first.json()["video_id"]
    assert len(office.stored()) == 1
    assert len(office.work("sop_probe")) == 1


def test_two_uploads_of_one_video_at_once_make_one(office: Office) -> None:
    film = office.bytes_of_a_film()
    office.key(Role.ADMIN)
    database = admin_conninfo(office.settings.postgres, office.settings.postgres.database)
    with ThreadPoolExecutor(2) as threads, psycopg.connect(database) as holder:
        # Both have looked and found nothing before either may enter.
        holder.execute("LOCK TABLE sop_videos IN SHARE ROW EXCLUSIVE MODE")
        asked = [threads.submit(office.upload, film) for _ in range(2)]
        until(lambda: waiting(holder) >= 2)
        holder.rollback()
        answers = [one.result() for one in asked]
    assert sorted(answer.status_code for answer in answers) == [200, 202]
    assert len({answer.json()["video_id"] for answer in answers}) == 1
    assert len(office.stored()) == 1
    assert len(office.work("sop_probe")) == 1


def test_another_tenant_has_a_video_of_its_own_of_the_same_bytes(new_office: NewOffice) -> None:
    ours, theirs = new_office(), new_office()
    film = ours.bytes_of_a_film()
    first, second = ours.upload(film), theirs.upload(film)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["video_id"] != second.json()["video_id"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (PNG, 415, "image"),
        (b"%PDF-1.7 and so on", 415, "document"),
        (b"just text\n" * 900, 415, "text"),
        (b"<html><body>sign in</body></html>", 415, "web_page"),
        (b"", 422, "empty"),
        (b"\0" * 9000, 422, "blank"),
    ],
)
def test_what_is_no_video_is_refused_by_what_it_is(office: Office, content: bytes, status: int, code: str) -> None:
    answer = office.upload(content)
    assert (answer.status_code, answer.json()["error"]["details"]["reason_code"]) == (status, code)
    assert (office.stored(), office.spooled()) == (set(), [])


def test_a_video_that_breaks_off_is_refused_with_the_reason(office: Office) -> None:
    answer = office.upload(office.bytes_of_a_film()[:-5])
    assert error(answer)["status"] == 422
    assert "copy it again" in error(answer)["message"]
    assert (office.stored(), office.spooled()) == (set(), [])


def test_a_refusal_of_the_first_bytes_does_not_wait_for_the_last(office: Office, app: FastAPI) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for piece in (PNG, *[b"\0" * 400_000] * 100):
            sent += 1
            yield piece

    answer = stream(app, office, body, **SAID)
    assert answer.status_code == 415
    assert sent < 10
    assert office.spooled() == []


@pytest.mark.parametrize("form", [False, True])
def test_a_video_that_grows_too_large_on_its_way_is_cut_off(office: Office, app: FastAPI, form: bool) -> None:
    film = office.bytes_of_a_film()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.mp4"\r\n\r\n' if form else b""

    async def body() -> AsyncIterator[bytes]:
        yield head + film
        for _ in range(100):
            yield b"\0" * 100_000

    headers = {"content-type": "multipart/form-data; boundary=b"} if form else {}
    answer = stream(app, office, body, headers, **SAID)
    assert answer.status_code == 413
    assert (office.stored(), office.spooled()) == (set(), [])


def test_a_video_that_says_it_is_too_large_is_not_read(office: Office) -> None:
    answer = office.upload(b"\0" * (MOST_BYTES * 2))
    assert error(answer)["code"] == "PAYLOAD_TOO_LARGE"


def test_the_largest_video_is_taken_and_one_byte_more_is_not(office: Office) -> None:
    film = office.bytes_of_a_film()
    rest = MOST_BYTES - len(film)
    largest = film + rest.to_bytes(4, "big") + b"free" + b"\1" * (rest - 8)
    assert office.upload(largest).status_code == 202
    assert office.upload(largest + b"\1").status_code == 413


def test_a_client_that_leaves_midway_leaves_nothing(office: Office, app: FastAPI) -> None:
    film = office.bytes_of_a_film()
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": film[:5000], "more_body": True},
        {"type": "http.disconnect"},
    ]
    begun: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        begun.append(message)

    assert office.api.portal is not None
    office.api.portal.call(app, _scope(office), receive, send)
    assert messages == []
    assert begun == []
    assert (office.stored(), office.spooled(), office.work("sop_probe")) == (set(), [], [])


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"task_id": "Coffee!"}, "query.task_id"),
        ({"task_id": "a" * 65}, "query.task_id"),
        ({"role": "star"}, "query.role"),
        ({"name": "a\u202eb\x1b"}, "query.name"),
        ({"name": ""}, "query.name"),
        ({"operator_id": "a\nb"}, "query.operator_id"),
        ({"site_id": "s" * 129}, "query.site_id"),
        ({"tenant_id": "demo"}, "tenant_id"),
        ({"color": "red"}, "query.color"),
    ],
)
def test_what_is_said_of_a_video_must_be_what_can_be(office: Office, said: dict[str, Any], field: str) -> None:
    answer = office.upload(**said)
    assert (error(answer)["status"], error(answer)["field"]) == (400, field)
    assert office.stored() == set()


@pytest.mark.parametrize("lacking", ["task_id", "role", "name"])
def test_what_is_needed_must_be_said(office: Office, lacking: str) -> None:
    given = {name: value for name, value in SAID.items() if name != lacking}
    answer = office.ask("POST", "/videos", params=given, content=office.bytes_of_a_film())
    assert (error(answer)["code"], error(answer)["field"]) == ("MISSING_FIELD", lacking)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b--\r\n",
        b"--b\r\n\r\nno headers\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="task_id"\r\n\r\ncoffee',
        b'--b\r\nContent-Disposition: form-data; name="task_id"\r\n\r\n\xff\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="role"\r\n\r\n' + b"g" * 5000 + b"\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="task_id"\r\n\r\ntea\r\n' * 25,
        b"--b\r\n" + b"X: y\r\n" * 3000,
        b"--b garbage\r\n",
    ],
)
def test_a_form_that_is_none_is_refused(office: Office, body: bytes) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = office.ask("POST", "/videos", params=SAID, content=body, headers=headers)
    assert (error(answer)["status"], error(answer)["field"]) == (400, "body")
    assert office.spooled() == []


def test_what_the_address_says_the_form_may_not_say_again(office: Office) -> None:
    file = {"file": ("x.mp4", office.bytes_of_a_film(), "video/mp4")}
    answer = office.ask("POST", "/videos", params={"task_id": "tea"}, data={"task_id": "coffee"}, files=file)
    assert error(answer)["message"] == "body: task_id is given twice; give it once"


def test_the_next_upload_removes_what_one_left_whose_process_was_killed(office: Office) -> None:
    left = office.settings.home / "sop-uploads" / "left"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    assert office.upload().status_code == 202
    assert office.spooled() == []


def test_a_viewer_hands_nothing_in(office: Office) -> None:
    assert office.upload(by=Role.VIEWER).status_code == 403
    assert office.stored() == set()


def test_a_compressed_body_is_refused_by_its_header(office: Office) -> None:
    answer = office.ask("POST", "/videos", params=SAID, content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


def stream(
    app: FastAPI,
    office: Office,
    body: Callable[[], AsyncIterator[bytes]],
    headers: dict[str, str] | None = None,
    **said: str,
) -> httpx.Response:
    """Upload a body whose length nobody announces."""

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            keys = {"Authorization": office.key(Role.ADMIN)} | (headers or {})
            return await client.post("/v1/sop/videos", params=said, content=body(), headers=keys)

    assert office.api.portal is not None
    return office.api.portal.call(once)


def _scope(office: Office) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/sop/videos",
        "raw_path": b"/v1/sop/videos",
        "root_path": "",
        "query_string": b"task_id=coffee&role=trainee&name=x.mp4",
        "headers": [(b"host", b"test"), (b"authorization", office.key(Role.ADMIN).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
