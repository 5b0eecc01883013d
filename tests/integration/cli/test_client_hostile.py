# SPDX-License-Identifier: Apache-2.0
"""The command before servers that lie, break off, send elsewhere, or are not there: real sockets, no query API."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_ports
from tests.integration.cli.calling import Caller, called
from tests.integration.collector.conftest import until

KEY = "ovpo_sk_abcd2345_thisisnosecretatall"
EVIL = "x\x1b]0;owned\x07\x1b[31m\u202e\x9b2J\ry\nz"
ID = "5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"
ROW: dict[str, Any] = {
    "trace_id": ID,
    "status": "COMPLETED",
    "failure_kind": None,
    "model": "wan",
    "project": "demo",
    "tags": None,
    "span_kinds": ["SPAN_KIND_LOAD"],
    "spans": 1,
    "span_errors": 0,
    "frames": 1,
    "violations": 0,
    "total_ms": 1.0,
    "compute_units": 1.0,
    "peak_vram_mb": None,
    "created_at": "2026-11-21T12:00:00Z",
    "started_at": None,
    "completed_at": None,
    "updated_at": "2026-11-21T12:00:00Z",
}

AT = "2026-11-21T12:00:00Z"
DELTA = {"one": 1.0, "other": 2.0, "difference": 1.0}
DETAIL: dict[str, Any] = {
    "trace": {
        "trace_id": EVIL,
        "status": EVIL,
        "reported_status": EVIL + EVIL,
        "parent_trace_id": EVIL,
        "output_manifest": {
            "primary_output": {"url": EVIL, "format": EVIL, "checksum": EVIL, "codec": EVIL},
            "intermediate_artifacts": [{"type": EVIL, "url": EVIL, "checksum": EVIL}],
        },
        "cost_attribution": {"project": EVIL},
        "failure": {"kind": EVIL, "message": EVIL, "retryable": False, "stage": EVIL, "error_code": EVIL},
        "retry_count": 1,
        "tags": {EVIL: EVIL},
        "legal_hold": True,
        "created_at": AT,
        "seen_at": AT,
    },
    "spans": [
        {
            "span_id": EVIL,
            "parent_span_id": EVIL,
            "span_kind": EVIL,
            "name": EVIL,
            "status": "ERROR",
            "start_time": AT,
            "end_time": None,
            "duration_ms": None,
            "attributes": {EVIL: EVIL},
        }
    ],
    "spans_cut": True,
    "events": [
        {
            "event_id": EVIL,
            "span_id": EVIL,
            "event_type": EVIL,
            "observed_at": AT,
            "frame_index": 2**63 - 1,
            "media_time_ms": 1e300,
            "quality_metrics": {EVIL: 1e300},
            "artifact_refs": [{"kind": EVIL, "uri": EVIL}],
        }
    ],
    "events_cut": True,
    "summary": {
        "model": EVIL,
        "total_ms": 1e300,
        "compute_units": 1e300,
        "factors_version": EVIL,
        "unknown_hardware": 1,
        "frames_observed": 1,
        "frame_events": 1,
        "frame_errors": 1,
        "observed_sampling_rate": 1e300,
        "media_ms": 1e300,
        "peak_vram_mb": 1e300,
        "mean_gpu_pct": 1e300,
    },
    "completeness": {
        "completeness": 1.0,
        "record_part": 1.0,
        "spans_part": None,
        "frames_part": 1.0,
        "order_part": 1.0,
        "expected_frames": 10**18,
        "seen_frames": 1,
        "missing_frames": 10**18,
        "gaps": [{"first": 0, "last": 10**18}],
        "dropped_events": 1,
        "orphan": True,
        "unknown_spans": 1,
        "violations": 2,
        "finding_sample": [{"rule": EVIL, "frame_index": 0}],
        "refused": [{"item_type": EVIL, "item_id": EVIL, "code": EVIL, "reason": EVIL}],
    },
}
TIMELINE: dict[str, Any] = {
    "resolution": EVIL,
    "matched": 1,
    "points": 1,
    "frame_index": [0],
    "media_time_ms": [0.0],
    "observed_at": [AT],
    "event_type": [EVIL],
    "frames": [1],
    "errors": [1],
    "metrics": {EVIL: {"mean": [1e300], "min": [-1e300], "max": [1e300]}},
}
ONLY = {"span_count": 1, "frame_ranges": [[0, 10**18]], "frame_count": 1}
COMPARISON: dict[str, Any] = {
    "one": EVIL,
    "other": EVIL,
    "total_ms": DELTA,
    "units": DELTA,
    "peak_vram_mb": DELTA,
    "quality": {EVIL: DELTA},
    "kinds": [{"kind": EVIL, "spans": DELTA, "duration_ms": DELTA, "units": DELTA}],
    "spans": [{"kind": EVIL, "name": EVIL, "attributes": {EVIL: [EVIL, None]}}],
    "frame_pairs": 1,
    "only_one": ONLY,
    "only_other": ONLY,
}


@dataclass
class Reply:
    """What a server says to a request."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    said_length: int | None = None
    close: bool = False


@dataclass
class Liar:
    """A server that says what a test wants, and notes what it was asked."""

    reply: Callable[[str, int], Reply]
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def caller(self) -> Caller:
        return Caller(self.url, KEY)


@contextmanager
def serving(reply: Callable[[str, int], Reply]) -> Iterator[Liar]:
    liar = Liar(reply)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            liar.asked.append((self.path, self.headers["Authorization"]))
            said = liar.reply(self.path, len(liar.asked))
            self.send_response(said.status)
            self.send_header("Content-Length", str(len(said.body) if said.said_length is None else said.said_length))
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(said.body)
                self.wfile.flush()
            except OSError:
                self.close_connection = True
            if said.close or said.said_length is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    liar.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page(*rows: dict[str, Any], cursor: str | None = None) -> Reply:
    told = {"traces": list(rows), "has_more": cursor is not None, "next_cursor": cursor}
    return Reply(json.dumps(told, ensure_ascii=False).encode())


def raw_signs(text: str) -> set[str]:
    return {sign for sign in text if not sign.isprintable() and sign != "\n"}


@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("every", [(), ("--all",)])
def test_what_a_sender_wrote_never_moves_the_cursor(form: str, every: tuple[str, ...]) -> None:
    row = ROW | {"model": EVIL, "tags": {"shot": EVIL}, "project": EVIL, "status": EVIL, "span_kinds": [EVIL]}
    with serving(lambda *_: page(row)) as liar:
        done = liar.caller("traces", "list", "-o", form, *every)
    assert done.code == 0, done.err
    assert raw_signs(done.out) == set()
    assert "owned" in done.out
    if form == "json":
        read = json.loads(done.out)
        assert (read if every else read["traces"][0]) == row


def by_path(path: str, _: int) -> Reply:
    if "/compare/" in path:
        return Reply(json.dumps(COMPARISON).encode())
    return Reply(json.dumps(TIMELINE if "/frames" in path else DETAIL).encode())


@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("asked", ["get {0}", "get {0} --events 1", "frames {0}", "compare {0} {0}"])
def test_nothing_of_a_trace_moves_the_cursor(form: str, asked: str) -> None:
    if form == "csv" and "--events" in asked:
        asked = "get {0}"
    with serving(by_path) as liar:
        done = liar.caller("traces", *asked.format(ID).split(), "-o", form)
    assert done.code == 0, done.err
    assert raw_signs(done.out) == set()
    assert "owned" in done.out


def test_columns_of_different_length_come_from_no_query_api() -> None:
    with serving(lambda *_: Reply(json.dumps(TIMELINE | {"errors": []}).encode())) as liar:
        done = liar.caller("traces", "frames", ID)
    assert done.code == 1
    assert "columns of different length" in done.line


def test_on_a_terminal_only_our_own_colours_are_sent() -> None:
    with serving(lambda *_: page(ROW | {"model": EVIL, "tags": {"shot": "[bold]" + EVIL}})) as liar:
        said = on_a_terminal("traces", "list", OVPO_SERVER=liar.url, OVPO_KEY=KEY)
    assert b"\x1b[32m" in said
    for sent in (b"\x1b]0;", b"\x1b[31m", b"\x07", "\x9b".encode(), "\u202e".encode()):
        assert sent not in said
    assert b"[bold]" in said


def test_an_error_of_the_server_is_one_line_without_signs_or_the_key() -> None:
    told = {"error": {"code": "INTERNAL_ERROR", "message": f"{EVIL} {KEY}", "request_id": EVIL}}
    with serving(lambda *_: Reply(json.dumps(told).encode(), 500)) as liar:
        done = liar.caller("traces", "list")
    assert done.code == 1
    assert raw_signs(done.line) == set()
    assert "ovpo_sk_abcd2345_***" in done.line


def test_a_redirect_is_not_followed_and_the_key_stays_here() -> None:
    with serving(lambda *_: page(ROW)) as other:
        moved = Reply(b"", 307, {"Location": f"{other.url}/v1/traces"})
        with serving(lambda *_: moved) as liar:
            done = liar.caller("traces", "list")
    assert done.code == 2
    assert f"sends on to {other.url}/v1/traces" in done.line
    assert other.asked == []


@pytest.mark.parametrize(
    ("reply", "code", "said"),
    [
        (Reply(b"<html>hello</html>"), 1, "is none that this version of ovpo knows"),
        (Reply(b'{"traces":[{"trace_id":7}],"next_cursor":null}'), 1, "is none that this version of ovpo knows"),
        (Reply(b'{"traces":' + b"[" * 100_000), 1, "is none that this version of ovpo knows"),
        (Reply(b"\xff\xfe"), 1, "is none that this version of ovpo knows"),
        (Reply(b"no", 404), 3, "answered 404, and not as OVPO does"),
        (Reply(b"<html>", 502), 5, "answered 502, and not as OVPO does"),
        (Reply(b"", 503, {"Retry-After": "7"}), 5, "try again in 7 s"),
        (Reply(b"", 418), 2, "answered 418"),
        (Reply(b"", 599), 1, "answered 599"),
        (Reply(b'{"traces":', said_length=5_000), 5, "broke off; ask again"),
    ],
)
def test_what_is_no_answer_of_the_api_is_one_line(reply: Reply, code: int, said: str) -> None:
    with serving(lambda *_: reply) as liar:
        done = liar.caller("traces", "list")
    assert (done.code, done.out) == (code, "")
    assert said in done.line


def test_a_server_that_is_away_is_said_with_the_way_out() -> None:
    [port] = free_ports(1)
    done = Caller(f"http://127.0.0.1:{port}", KEY)("traces", "list")
    assert done.code == 5
    assert f"http://127.0.0.1:{port} does not answer (connection refused)" in done.line
    assert "ovpo up" in done.line


def test_a_server_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ovpo.cli.client.ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = Caller(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY)("traces", "list")
    assert done.code == 5
    assert "no answer in time" in done.line


def test_what_listens_and_speaks_no_http_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            talk, _ = other.accept()
            with talk:
                talk.sendall(b"220 mail.example ESMTP\r\n")
                talk.recv(65_536)

        thread = threading.Thread(target=greet)
        thread.start()
        done = Caller(f"http://127.0.0.1:{other.getsockname()[1]}", KEY)("traces", "list")
        thread.join()
    assert done.code == 5
    assert "does not speak HTTP" in done.line


def test_an_answer_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ovpo.cli.client.MOST_BYTES", 1_000)
    with serving(lambda *_: Reply(b" " * 2_000)) as liar:
        done = liar.caller("traces", "list")
    assert done.code == 1
    assert "answers with more than" in done.line


@pytest.mark.parametrize(
    "server",
    ["127.0.0.1:8000", "ftp://x", "http://", "http://user:hunter2@x", "http://x:99999", "http://x/?a=1", "http://[x"],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(server: str) -> None:
    done = Caller(server, KEY)("traces", "list")
    assert done.code == 2
    assert "--server (OVPO_SERVER) takes an address such as" in done.line
    assert "hunter2" not in done.line


@pytest.mark.parametrize("key", ["with space", "new\nline", "ümlaut", "x" * 600])
def test_what_cannot_be_a_key_is_refused_before_it_is_sent(key: str) -> None:
    with serving(lambda *_: page(ROW)) as liar:
        done = Caller(liar.url, key)("traces", "list")
    assert done.code == 4
    assert "ovpo keys create --console" in done.line
    assert liar.asked == []


def test_a_key_from_a_file_may_end_with_its_line() -> None:
    with serving(lambda *_: page(ROW)) as liar:
        assert called("traces", "list", OVPO_SERVER=liar.url, OVPO_KEY=f"{KEY}\n").code == 0
    assert liar.asked[0][1] == f"Bearer {KEY}"


def test_a_base_path_of_the_server_is_kept_and_an_id_cannot_leave_it() -> None:
    with serving(lambda *_: Reply(b"{}", 404)) as liar:
        caller = Caller(f"{liar.url}/ovpo/", KEY)
        caller("traces", "list")
        assert caller("tenants", "show", "../../admin?x=1").code == 3
        assert caller("traces", "get", "../keys").code == 2
    assert [path.partition("?")[0] for path, _ in liar.asked] == [
        "/ovpo/v1/traces",
        "/ovpo/v1/tenants/..%2F..%2Fadmin%3Fx%3D1",
    ]


def test_a_connection_that_was_closed_between_pages_is_opened_again() -> None:
    def reply(_: str, number: int) -> Reply:
        said = page(ROW, cursor="next" if number < 3 else None)
        said.close = True
        return said

    with serving(reply) as liar:
        done = liar.caller("traces", "list", "--all", "-o", "json")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 3


def test_a_walk_waits_where_it_is_told_to_and_goes_on() -> None:
    limited = {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "Too many", "request_id": "r", "retry_after": 0}}

    def reply(_: str, number: int) -> Reply:
        if number == 2:
            return Reply(json.dumps(limited).encode(), 429, {"Retry-After": "0"})
        return page(ROW, cursor="next" if number < 3 else None)

    with serving(reply) as liar:
        done = liar.caller("traces", "list", "--all", "-o", "csv")
    assert done.code == 0
    assert len(done.out.splitlines()) == 3
    assert "too many requests for now; going on in 0 s" in done.line


def test_a_reader_that_goes_away_ends_the_walk_quietly() -> None:
    with serving(lambda *_: page(*[ROW] * 200, cursor="next")) as liar:
        running = started("traces", "list", "--all", "-o", "csv", OVPO_SERVER=liar.url, OVPO_KEY=KEY)
        assert running.stdout is not None
        assert running.stdout.readline().startswith(b"trace_id,status")
        running.stdout.close()
        running.wait(60)
        assert running.stderr is not None
        assert running.stderr.read() == b""
        running.stderr.close()


def test_ctrl_c_ends_a_walk_with_130_and_no_trace_of_calls() -> None:
    with serving(lambda *_: page(ROW, cursor="next")) as liar:
        running = started("traces", "list", "--all", "-o", "json", OVPO_SERVER=liar.url, OVPO_KEY=KEY)
        until(lambda: len(liar.asked) > 3 or None, "the walk")
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err == b""


def test_a_terminal_that_knows_ascii_only_is_served() -> None:
    with serving(lambda *_: page(ROW)) as liar:
        running = started("traces", "list", OVPO_SERVER=liar.url, OVPO_KEY=KEY, PYTHONIOENCODING="ascii")
        out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, b"")
    assert b"\\u2713 COMPLETED" in out


def test_without_an_address_the_stack_of_the_settings_is_asked(tmp_path: Path) -> None:
    with serving(lambda *_: page(ROW)) as liar:
        port = {"OVPO_QUERY__PORT": str(liar.port)}
        running = started("traces", "list", OVPO_KEY=KEY, cwd=tmp_path, **port)
        assert (running.communicate(timeout=60)[1], running.returncode) == (b"", 0)


def started(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.Popen[bytes]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
    return subprocess.Popen(
        [sys.executable, "-m", "ovpo.cli.main", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=others | variables,
        cwd=cwd,
    )


def on_a_terminal(*arguments: str, **variables: str) -> bytes:
    others = {name: value for name, value in os.environ.items() if not name.startswith(("OVPO_", "NO_COLOR"))}
    ours, theirs = pty.openpty()
    environment = others | {"TERM": "xterm-256color", "COLUMNS": "160"} | variables
    command = [sys.executable, "-m", "ovpo.cli.main", *arguments]
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65_536):
            said += chunk
    except OSError:
        pass
    finally:
        os.close(ours)
        running.wait(60)
    return said
