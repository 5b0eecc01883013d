# SPDX-License-Identifier: Apache-2.0
"""Signed links to a folder's objects over HTTP: whole, in part, by many at once, and whatever else is tried on them."""

import os
import random
import signal
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import psutil
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from ovpo.foundation.http.app import create_app
from ovpo.foundation.objects.api import Served, router
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.store import ObjectInfo, ObjectStore
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.settings import tree
from tests.conftest import free_ports

MEGABYTE = 1024 * 1024
SECRET = "a secret of the test's"
SERVICE = Path(__file__).with_name("serving.py")
DATA = bytes(range(256)) * 40


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return open_objects(tree.Objects(signing_key=SecretStr(SECRET)), tree.Query(), tmp_path)


@pytest.fixture
def api(objects: ObjectStore) -> TestClient:
    return over(objects)


def over(objects: Served, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> TestClient:
    app = create_app(
        title="t",
        version="1",
        service="t",
        probes={},
        probe_deadline_seconds=1,
        registry=new_registry("t", "1"),
        routers=[router(objects, now)],
    )
    return TestClient(app, raise_server_exceptions=False)


def local(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def signed(objects: ObjectStore, key: str, data: bytes = DATA) -> str:
    objects.put(key, data)
    return local(objects.sign(key, timedelta(minutes=5)))


def test_the_whole_object_comes_with_what_is_known_of_it(api: TestClient, objects: ObjectStore) -> None:
    answer = api.get(signed(objects, "a/film.mp4"))
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(DATA))


@pytest.mark.parametrize(
    ("name", "kind", "disposition"),
    [
        ("a.png", "image/png", "inline"),
        ("a.JPG", "image/jpeg", "inline"),
        ("a.webp", "image/webp", "inline"),
        ("a.gif", "image/gif", "attachment"),
        ("a.svg", "application/octet-stream", "attachment"),
        ("a.html", "application/octet-stream", "attachment"),
        ("a.png.html", "application/octet-stream", "attachment"),
        ("png", "application/octet-stream", "attachment"),
        ("a.png/b", "application/octet-stream", "attachment"),
    ],
)
def test_a_browser_shows_pictures_and_nothing_else(
    api: TestClient, objects: ObjectStore, name: str, kind: str, disposition: str
) -> None:
    answer = api.get(signed(objects, name))
    assert (answer.headers["content-type"], answer.headers["content-disposition"]) == (kind, disposition)


def test_a_head_tells_the_same_without_the_bytes(api: TestClient, objects: ObjectStore) -> None:
    link = signed(objects, "a.png")
    whole, head = api.get(link), api.head(link)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "last-modified", "accept-ranges", "content-disposition"):
        assert head.headers[name] == whole.headers[name]


def test_a_part_says_where_it_lies(api: TestClient, objects: ObjectStore) -> None:
    link, size = signed(objects, "a"), len(DATA)
    for wanted, start, stop in (("0-9", 0, 10), ("100-", 100, size), ("-7", size - 7, size), ("5-99999999", 5, size)):
        answer = api.get(link, headers={"Range": f"bytes={wanted}"})
        assert (answer.status_code, answer.content) == (206, DATA[start:stop])
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.headers["content-length"] == str(stop - start)


def test_a_part_that_is_not_there_is_refused_with_the_size(api: TestClient, objects: ObjectStore) -> None:
    answer = api.get(signed(objects, "a", b"0123456789"), headers={"Range": "bytes=10-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10"
    assert answer.json()["error"]["code"] == "INVALID_FORMAT"


def test_a_download_goes_on_only_while_the_object_is_the_same(api: TestClient, objects: ObjectStore) -> None:
    link = signed(objects, "a", b"first, of twenty-one.")
    etag = api.head(link).headers["etag"]
    onward = {"Range": "bytes=5-", "If-Range": etag}
    assert api.get(link, headers=onward).status_code == 206
    assert api.get(link, headers={"If-None-Match": etag}).status_code == 304
    objects.put("a", b"other, of twenty-one.")
    answer = api.get(link, headers=onward)
    assert (answer.status_code, answer.content) == (200, b"other, of twenty-one.")
    assert api.get(link, headers={"If-None-Match": etag}).status_code == 200


class Replacing:
    """A store whose object is replaced right after each of so many looks at it."""

    def __init__(self, objects: ObjectStore, times: int) -> None:
        self._objects = objects
        self._left = times
        self.verify, self.read = objects.verify, objects.read

    def head(self, key: str) -> ObjectInfo:
        known = self._objects.head(key)
        if self._left > 0:
            self._left -= 1
            self._objects.put(key, b"x" * (known.size + 1))
        return known


def test_an_object_that_is_replaced_while_it_is_looked_at_comes_as_one_of_the_two(objects: ObjectStore) -> None:
    link = signed(objects, "a", b"old")
    answer = over(Replacing(objects, 1)).get(link, headers={"Range": "bytes=1-"})
    assert (answer.status_code, answer.content, answer.headers["content-range"]) == (206, b"xxx", "bytes 1-3/4")
    answer = over(Replacing(objects, 99)).get(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")


def test_whatever_the_range_header_says_no_byte_is_wrong_and_nothing_breaks(
    api: TestClient, objects: ObjectStore
) -> None:
    link, chance = signed(objects, "a", b"0123456789"), random.Random(4)
    headers = ["bytes=--1", "bytes=0-0,1-1", "bytes=" + "9" * 4000 + "-", "x" * 5000, "bytes=0-" * 400, "bytes=\x7f"]
    headers += ["".join(chance.choices("bytes=-0123456789, ;", k=chance.randrange(1, 24))) for _ in range(300)]
    for header in headers:
        answer = api.get(link, headers={"Range": header, "If-Range": chance.choice(['"x"', header, "*"])})
        assert answer.status_code in {200, 206, 400, 416}, header
        if answer.status_code == 200:
            assert answer.content == b"0123456789"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_opens_nothing_that_was_not_signed(api: TestClient, objects: ObjectStore, method: str) -> None:
    link = signed(objects, "tenants/a/x.png")
    objects.put("tenants/b/x.png", b"of another")
    query = parse_qs(urlsplit(link).query)
    expires, signature = query["expires"][0], query["signature"][0]
    changed = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    forged = [
        link.replace("tenants/a", "tenants/b"),
        link.replace(f"expires={expires}", f"expires={int(expires) + 1}"),
        link.replace(signature, changed),
        link.replace(signature, ""),
        link.replace(signature, signature.upper() if signature != signature.upper() else "f" * 64),
        link.replace(signature, quote("ü" * 60)),
        link.replace("tenants/a/x.png", "tenants/b/..%2Fa%2Fx.png"),
        link.replace("tenants/a/x.png", "tenants/b/../a/x.png%00"),
        link.replace("tenants/a/x.png", "tenants//a/x.png"),
        link.replace("tenants/a/x.png", "%2Fetc/passwd"),
        link.replace("tenants/a/x.png", "%ff%fe"),
    ]
    for one in forged:
        assert api.request(method, one).status_code == 403, one
    assert api.request(method, link).status_code == 200


def test_a_link_ends_when_it_says_so(objects: ObjectStore) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=61)
    api = over(objects, lambda: moment)
    objects.put("a", b"x")
    assert api.get(local(objects.sign("a", timedelta(seconds=90)))).status_code == 200
    assert api.get(local(objects.sign("a", timedelta(seconds=60)))).status_code == 403


def test_hostile_links_break_nothing(api: TestClient, objects: ObjectStore) -> None:
    objects.put("a", b"x")
    chance, alphabet = random.Random(7), string.printable + "%/.\\ü\x00#?&=" * 5
    for _ in range(400):
        key = quote(
            "".join(chance.choices(alphabet, k=chance.randrange(1, 60))), safe=chance.choice(["/", "/%", "/.%"])
        )
        expires = chance.choice(["1", "-1", "9" * 30, "1e9", "nan", "", "٣", "0x10", str(2**53), "true"])
        signature = chance.choice(["", "0" * 64, "z" * 129, quote("\x00"), quote("ü")])
        answer = api.get(f"/v1/objects/{key}?expires={expires}&signature={signature}")
        assert answer.status_code in {400, 403, 404}, key


def test_many_at_once_each_get_their_own_part(api: TestClient, objects: ObjectStore) -> None:
    data = random.Random(1).randbytes(3 * MEGABYTE)
    link, chance = signed(objects, "a", data), random.Random(2)
    parts = [sorted(chance.sample(range(len(data)), 2)) for _ in range(60)]

    def fetch(part: list[int]) -> bool:
        answer = api.get(link, headers={"Range": f"bytes={part[0]}-{part[1] - 1}"})
        return answer.status_code == 206 and answer.content == data[part[0] : part[1]]

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(fetch, parts))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], tuple[int, psutil.Process]]]:
    """Give a starter of a real server of the folder's objects: its port and process."""
    begun: list[subprocess.Popen[bytes]] = []

    def start() -> tuple[int, psutil.Process]:
        [port] = free_ports(1)
        with (tmp_path / "log").open("wb") as log:
            others = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
            command = [sys.executable, str(SERVICE), str(port), str(tmp_path), SECRET]
            begun.append(subprocess.Popen(command, stdout=log, stderr=log, env=others))
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                return port, psutil.Process(begun[-1].pid)
            except httpx.TransportError:
                assert begun[-1].poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.05)

    yield start
    for process in begun:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_a_large_object_is_served_to_several_in_little_memory(
    objects: ObjectStore, serve: Callable[[], tuple[int, psutil.Process]]
) -> None:
    size = 50 * MEGABYTE
    objects.put("film", (bytes([number]) * MEGABYTE for number in range(50)))
    expected = sha256(b"".join(bytes([number]) * MEGABYTE for number in range(50))).hexdigest()
    port, process = serve()
    link = f"http://127.0.0.1:{port}{local(objects.sign('film', timedelta(minutes=5)))}"
    assert httpx.get(link, headers={"Range": "bytes=0-99"}).status_code == 206
    before = process.memory_info().rss
    most = before

    def fetch(_: int) -> str:
        nonlocal most
        digest, got = sha256(), 0
        with httpx.stream("GET", link) as answer:
            for piece in answer.iter_bytes(MEGABYTE):
                digest.update(piece)
                got += len(piece)
                most = max(most, process.memory_info().rss)
        assert got == size
        return digest.hexdigest()

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(fetch, range(3))) == {expected}
    assert most - before < size
