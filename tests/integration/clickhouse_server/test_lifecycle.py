# SPDX-License-Identifier: Apache-2.0
"""Start, stop, crash and start again; what keeps a server from starting; what survives."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.exceptions import Error

CREATE = "CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a"


def test_data_outlives_an_ordinary_stop(new_server: Any) -> None:
    server = new_server().start()
    with server.client() as client:
        client.command("CREATE DATABASE d")
        client.command(CREATE)
        client.command("CREATE TABLE d.u AS t")
        client.insert("t", [[1, "one"]], ["a", "b"])
        client.insert("d.u", [[2, "two"]], ["a", "b"])
    assert server.stop(signal.SIGINT) == 0
    server.start()
    with server.client() as client:
        assert client.query("SELECT * FROM t").result_rows == [(1, "one")]
        assert client.query("SELECT * FROM d.u").result_rows == [(2, "two")]
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_never_held_a_table_starts_again_and_again(new_server: Any, number: int) -> None:
    server = new_server()
    for _ in range(3):
        server.start()
        assert server.post(b"SELECT engine FROM system.databases WHERE name = 'default'").text == "Atomic\n"
        server.stop(number)
    server.start()
    server.post(b"CREATE DATABASE elsewhere")
    server.post(b"CREATE TABLE elsewhere.t (a Int8) ENGINE = MergeTree ORDER BY a")
    server.stop(number)
    server.start()
    assert server.post(b"EXISTS TABLE elsewhere.t").text == "1\n"
    assert server.stop() == 0


def test_after_a_kill_every_acknowledged_insert_is_there_and_no_half_of_another(new_server: Any, until: Any) -> None:
    server = new_server().start()
    rows = 20_000
    acknowledged: list[int] = []

    def write() -> None:
        with server.client() as client:
            try:
                for batch in range(10_000):
                    client.insert("t", [[batch, f"{number}"] for number in range(rows)], ["a", "b"])
                    acknowledged.append(batch)
            except Error:
                return

    with server.client() as client:
        client.command(CREATE)
    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: len(acknowledged) >= 5, 60)
    (server.folder / "spool" / "left.result").write_bytes(b"stale")
    server.stop(signal.SIGKILL)
    writer.join(30)
    server.start()
    with server.client() as client:
        found = client.query("SELECT a, count() FROM t GROUP BY a ORDER BY a").result_rows
    assert all(count == rows for _, count in found)
    assert {batch for batch, _ in found} >= set(acknowledged)
    assert list((server.folder / "spool").iterdir()) == []
    assert server.stop() == 0


def test_sigterm_lets_a_short_query_end_and_cancels_a_long_one(new_server: Any, until: Any) -> None:
    server = new_server().start()
    answers: dict[str, httpx.Response] = {}

    def ask(name: str, sql: str) -> None:
        answers[name] = server.post(sql.encode(), wait_end_of_query="1")

    asked = [
        threading.Thread(target=ask, args=("short", "SELECT sleep(2)")),
        threading.Thread(
            target=ask, args=("long", "SELECT count() FROM numbers(9000000000000) WHERE sipHash64(number) = 1")
        ),
    ]
    for thread in asked:
        thread.start()
    until(lambda: "ovpo_clickhouse_queries_running 2.0" in httpx.get(server.url + "metrics").text, 10)
    assert server.stop() == 0
    for thread in asked:
        thread.join(10)
    assert answers["short"].text == "0\n"
    assert answers["long"].headers["X-ClickHouse-Exception-Code"] == "394"
    assert json.loads(server.log.read_text().splitlines()[-1])["event"] == "stopped"


def test_an_upload_that_never_ends_does_not_keep_the_server_from_stopping(new_server: Any) -> None:
    server = new_server().start()
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        credentials = b"X-ClickHouse-User: ovpo\r\nX-ClickHouse-Key: a s\xc3\xa9cret\r\n"
        half.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n" + credentials + b"\r\nSELECT")
        assert server.stop() == 0


def fault(server: Any, port: int) -> str:
    told = subprocess.run(server.command(port), env={"PYTHONPATH": "src"}, capture_output=True, timeout=30, check=False)
    assert told.returncode == 1
    lines = told.stderr.decode().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_second_server_on_one_folder_is_told_who_holds_it(new_server: Any) -> None:
    server = new_server().start()
    told = fault(server, server.port + 1)
    assert told.startswith(f"--path {server.folder}: another server (pid {server.process.pid}) holds this data folder.")
    assert server.ready()
    assert server.stop() == 0


def test_a_busy_port_is_told(new_server: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        told = fault(new_server(), busy.getsockname()[1])
    assert "the port is in use" in told
    assert "--port" in told


def test_a_folder_the_engine_cannot_read_is_told(new_server: Any) -> None:
    server = new_server()
    (server.folder / "engine").mkdir(parents=True)
    (server.folder / "engine" / "metadata").write_text("not a folder")
    told = fault(server, server.port)
    assert told.startswith(f"--path {server.folder}: the engine cannot open")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", folder], check=False).returncode:
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_an_error_never_a_lost_row_or_a_cut_result(new_server: Any, small_disk: Path) -> None:
    server = new_server(name="small/data").start()
    server.post(b"CREATE TABLE t (b String) ENGINE = MergeTree ORDER BY tuple()")
    row = b"\xff\xff\x3f" + os.urandom((1 << 20) - 1)
    insert = "INSERT INTO t FORMAT RowBinary"
    for rows in (120, 60):
        refused = server.post(row * rows, query=insert)
        assert refused.headers["X-ClickHouse-Exception-Code"] == "243", refused.text
    assert server.post(row * 10, query=insert).status_code == 200
    assert server.post(b"SELECT count() FROM t").text == "10\n"
    for asked in ({"default_format": "JSON"}, {"wait_end_of_query": "1"}):
        cut = server.post(b"SELECT randomString(1000000) FROM numbers(150)", **asked)
        assert cut.headers["X-ClickHouse-Exception-Code"] == "243"
    assert list((server.folder / "spool").iterdir()) == []
    assert server.stop() == 0
    with (small_disk / "fill").open("wb", buffering=0) as fill, suppress(OSError):
        while fill.write(bytes(1 << 20)) == 1 << 20:
            pass
    assert "the disk is full" in fault(server, server.port)


def test_help_teaches(new_server: Any) -> None:
    command = [*new_server().command(1)[:3], "--help"]
    shown = subprocess.run(
        command, env={"PYTHONPATH": "src", "COLUMNS": "200"}, capture_output=True, text=True, timeout=30, check=True
    )
    for word in ("--path", "--password-file", "127.0.0.1", "clickhouse_connect.get_client", "SIGTERM"):
        assert word in shown.stdout


@pytest.mark.parametrize("kind", ["view", "dictionary"])
def test_what_is_built_on_the_default_database_survives_a_restart(new_server: Any, kind: str) -> None:
    server = new_server().start()
    made = {
        "view": "CREATE MATERIALIZED VIEW m ENGINE = MergeTree ORDER BY b AS SELECT b, 1 AS c FROM t",
        "dictionary": "CREATE DICTIONARY m (a UInt64, b String) PRIMARY KEY a "
        "SOURCE(CLICKHOUSE(TABLE 't')) LAYOUT(FLAT()) LIFETIME(0)",
    }[kind]
    asked = {"view": "SELECT sum(c) FROM m", "dictionary": "SELECT count() FROM system.dictionaries WHERE name = 'm'"}[
        kind
    ]
    with server.client() as client:
        client.command(CREATE)
        client.command(made)
        client.insert("t", [[1, "one"]], ["a", "b"])
        assert client.command(asked) == 1
    assert server.stop() == 0
    server.start()
    with server.client() as client:
        assert client.command(asked) == 1
    assert server.stop() == 0
