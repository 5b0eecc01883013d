# SPDX-License-Identifier: Apache-2.0
"""The HTTP protocol itself: who is admitted, what is refused, what a broken request or a lost client does."""

import base64
import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from ovpo.foundation.clickhouse.server.guard import is_denied

ENGINE_ONLY = frozenset(
    {
        "SQLStandardValues",
        "cluster",
        "clusterAllReplicas",
        "dictionary",
        "eval",
        "format",
        "fuzzJSON",
        "fuzzQuery",
        "generateRandom",
        "generateSeries",
        "generate_series",
        "input",
        "loop",
        "merge",
        "mergeTreeAnalyzeIndexes",
        "mergeTreeAnalyzeIndexesUUID",
        "mergeTreeCodecBlockCounts",
        "mergeTreeIndex",
        "mergeTreeParts",
        "mergeTreeProjection",
        "mergeTreeTextIndex",
        "null",
        "numbers",
        "numbers_mt",
        "primes",
        "prometheusQuery",
        "prometheusQueryRange",
        "timeSeriesData",
        "timeSeriesMetricFamilies",
        "timeSeriesMetrics",
        "timeSeriesSamples",
        "timeSeriesSelector",
        "timeSeriesTags",
        "values",
        "view",
        "viewExplain",
        "viewIfPermitted",
        "zeros",
        "zeros_mt",
    }
)


INSIDE_ENGINES = frozenset(
    {
        "AggregatingMergeTree",
        "Alias",
        "Buffer",
        "CoalescingMergeTree",
        "CollapsingMergeTree",
        "Dictionary",
        "Distributed",
        "FuzzJSON",
        "FuzzQuery",
        "GenerateRandom",
        "GraphiteMergeTree",
        "Join",
        "KeeperMap",
        "Log",
        "Loop",
        "MaterializedView",
        "Memory",
        "Merge",
        "MergeTree",
        "Null",
        "QueryRunner",
        "ReplacingMergeTree",
        "Set",
        "StripeLog",
        "SummingMergeTree",
        "TimeSeries",
        "TinyLog",
        "VersionedCollapsingMergeTree",
        "View",
        "WindowView",
    }
)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def rows_of(server: Any, name: str) -> int:
    return int(server.post(query=f"SELECT count() FROM {name}").text)


@pytest.fixture
def name(client: Client) -> str:
    made = f"w_{uuid4().hex}"
    client.command(f"CREATE TABLE {made} (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    return made


def test_the_three_ways_to_say_who_one_is(server: Any) -> None:
    secret = "a sécret"
    url = server.url
    assert httpx.get(url, params={"query": "SELECT 1"}, headers=basic("ovpo", secret)).text == "1\n"
    for key, status in (("wrong", 403), (secret, 200)):
        keyed = {b"X-ClickHouse-User": b"ovpo", b"X-ClickHouse-Key": key.encode()}
        assert httpx.get(url, params={"query": "SELECT 1"}, headers=keyed).status_code == status
    assert httpx.get(url, params={"query": "SELECT 1", "user": "ovpo", "password": secret}).text == "1\n"


@pytest.mark.parametrize("headers", [{}, basic("ovpo", "wrong"), basic("default", ""), {"Authorization": "Bearer x"}])
def test_a_stranger_is_refused_before_the_body_is_read(server: Any, headers: dict[str, str]) -> None:
    asked: list[int] = []

    def endless() -> Iterator[bytes]:
        for number in range(1000):
            asked.append(number)
            yield bytes(1 << 20)

    try:
        refused = httpx.post(server.url, content=endless(), headers=headers, timeout=30)
    except httpx.WriteError:
        assert len(asked) < 1000
        return
    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    assert "AUTHENTICATION_FAILED" in refused.text


def test_the_headers_of_an_answer(server: Any) -> None:
    answer = server.post(b"SELECT 1 AS a FORMAT JSONEachRow", query_id="my query")
    assert answer.text == '{"a":1}\n'
    assert answer.headers["X-ClickHouse-Query-Id"] == "my query"
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert set(json.loads(answer.headers["X-ClickHouse-Summary"])) >= {"read_rows", "written_rows", "elapsed_ns"}


def test_default_format_and_compressed_answers(server: Any) -> None:
    asked = {"query": "SELECT 1 AS a", "default_format": "CSVWithNames", "enable_http_compression": "1"}
    answer = server.post(headers={"Accept-Encoding": "br, gzip"}, **asked)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.text == '"a"\n1\n'
    plain = server.post(headers={"Accept-Encoding": "gzip"}, query="SELECT 1")
    assert "Content-Encoding" not in plain.headers


@pytest.mark.parametrize("fmt", ["TabSeparated", "CSVWithNames"])
@pytest.mark.parametrize("waits", ["0", "1"])
def test_a_compressed_answer_is_whole(server: Any, fmt: str, waits: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    told = f"/?enable_http_compression=1&default_format={fmt}&wait_end_of_query={waits}"
    headers = {**basic("ovpo", "a sécret"), "Accept-Encoding": "gzip"}
    connection.request("POST", told, "SELECT number FROM numbers(1000000)", headers)
    assert len(gzip.decompress(connection.getresponse().read()).splitlines()) >= 1_000_000
    connection.close()


def test_get_only_reads(server: Any, name: str) -> None:
    told = {"query": f"INSERT INTO {name} VALUES (1, 'x')", "user": "ovpo", "password": "a sécret"}
    refused = httpx.get(server.url, params=told)
    assert refused.headers["X-ClickHouse-Exception-Code"] == "164"
    assert rows_of(server, name) == 0


def test_a_statement_may_stand_in_the_url_the_body_or_both(server: Any, name: str) -> None:
    told = [
        ({"query": f"INSERT INTO {name} FORMAT JSONEachRow"}, b'{"a":1,"b":"x"}\n'),
        ({}, f"INSERT INTO {name} FORMAT CSV\n2,y\n3,z".encode()),
        ({"query": f"insert into {name} (a) values"}, b"(4),(5);"),
        ({}, f"insert into {name} VALUES (6, 'a;b'), (7, concat('x', 'y'));".encode()),
        ({"query": f"INSERT INTO {name}"}, b"FORMAT TSV\n8\tq\n"),
        ({"query": f"INSERT INTO {name} SELECT number + 9, 's' FROM"}, b"numbers(1)"),
        ({"query": f"INSERT INTO {name} (a, b) VALUES (10, 'ten')"}, b""),
    ]
    for params, body in told:
        answer = server.post(body, **params)
        assert answer.status_code == 200, answer.text
    assert rows_of(server, name) == 10


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"garbage, garbage, garbage", {}, "33"),
        (b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\x7f", {}, None),
        (b"not a frame", {"Content-Encoding": "lz4"}, "271"),
        (b"not a frame", {"Content-Encoding": "zstd"}, "271"),
        (b"not a frame", {"Content-Encoding": "gzip"}, "271"),
        (b"x", {"Content-Encoding": "br"}, "48"),
    ],
)
def test_a_broken_insert_is_an_error_and_the_server_lives(
    server: Any, name: str, body: bytes, headers: dict[str, str], code: str | None
) -> None:
    refused = server.post(body, headers, query=f"INSERT INTO {name} FORMAT Native")
    found = refused.headers["X-ClickHouse-Exception-Code"]
    assert refused.status_code >= 400
    assert refused.text.startswith(f"Code: {found}. DB::Exception: ")
    assert code in (None, found)
    assert rows_of(server, name) == 0
    assert server.ready()


def test_an_insert_that_breaks_at_its_end_leaves_nothing(server: Any, name: str) -> None:
    block = server.post(query="SELECT number AS a, toString(number) AS b FROM numbers(200000) FORMAT Native").content
    for body in (block * 3 + b"\x07garbage", block[:-100]):
        refused = server.post(body, query=f"INSERT INTO {name} FORMAT Native")
        assert refused.status_code == 500
    assert rows_of(server, name) == 0


def test_an_oversize_body_is_refused(new_server: Any) -> None:
    server = new_server("--max-body-bytes", "100000").start()
    server.post(b"CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a")
    insert = "INSERT INTO t FORMAT LineAsString"
    told = server.post(bytes(200_000), query=insert)
    untold = server.post(iter([b"x" * 65_536] * 100), query=insert)
    for refused in (told, untold):
        assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (413, "307")
        assert "--max-body-bytes" in refused.text
    assert rows_of(server, "t") == 0
    assert server.post(b"x" * 50_000, query=insert).status_code == 200
    assert rows_of(server, "t") == 1
    assert server.stop() == 0


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM numbers(200000000000) WHERE sipHash64(number) = 1",
        "SELECT number FROM numbers(100000000000)",
    ],
)
def test_a_client_that_leaves_ends_its_query(server: Any, client: Client, until: Any, sql: str) -> None:
    query_id = uuid4().hex
    running = f"SELECT count() FROM system.processes WHERE Settings['log_comment'] = '{query_id}'"
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", f"/?query_id={query_id}", sql, basic("ovpo", "a sécret"))
    until(lambda: client.command(running) == 1, 10)
    twin = server.post(b"SELECT 1", query_id=query_id)
    assert twin.headers["X-ClickHouse-Exception-Code"] == "216"
    connection.close()
    until(lambda: client.command(running) == 0, 10)
    until(lambda: "ovpo_clickhouse_queries_running 0.0" in httpx.get(server.url + "metrics").text, 10)


def test_a_client_that_leaves_in_its_upload_inserts_nothing(server: Any, client: Client, name: str, until: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("POST", f"/?query=INSERT%20INTO%20{name}%20FORMAT%20CSV")
    for header, value in {**basic("ovpo", "a sécret"), "Content-Length": "1000000"}.items():
        connection.putheader(header, value)
    connection.endheaders(b"1,x\n" * 1000)
    before = httpx.get(server.url + "metrics").text
    connection.close()
    until(lambda: httpx.get(server.url + "metrics").text != before, 10)
    assert rows_of(server, name) == 0


def test_the_doors_beside_the_query(server: Any) -> None:
    for path in ("ping", "replicas_status", "healthz", "readyz"):
        answer = httpx.get(server.url + path)
        assert (answer.status_code, answer.text) == (200, "Ok.\n")
    assert httpx.get(server.url + "nowhere").status_code == 404
    server.post(b"SELECT * FROM no_such_table")
    page = httpx.get(server.url + "metrics").text
    assert 'ovpo_clickhouse_queries_total{kind="SELECT",outcome="error"}' in page
    assert 'ovpo_clickhouse_query_seconds_bucket{kind="SELECT"' in page
    assert "ovpo_clickhouse_inserted_rows_total" in page


def test_a_failed_query_is_logged_without_its_text_or_values(server: Any) -> None:
    server.post(b"SELECT {a:UInt8}, 'in the text'", query_id="failing", param_a="a private value")
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    failed = next(line for line in lines if line.get("query_id") == "failing")
    assert (failed["event"], failed["kind"], failed["code"]) == ("query_failed", "SELECT", 457)
    assert "a private value" not in server.log.read_text()
    assert "in the text" not in server.log.read_text()


def test_every_table_function_of_the_engine_is_known_to_stay_inside_or_is_denied(client: Client) -> None:
    names = {row[0] for row in client.query("SELECT name FROM system.table_functions").result_rows}
    assert {name for name in names if not is_denied(name)} - ENGINE_ONLY == set()


def test_every_table_engine_of_the_engine_is_known_to_stay_inside_or_is_denied(client: Client) -> None:
    names = {row[0] for row in client.query("SELECT name FROM system.table_engines").result_rows}
    open_ones = {name for name in names if not is_denied(name) and not name.startswith(("Replicated", "Shared"))}
    assert open_ones - INSIDE_ENGINES == set()


def test_no_spelling_of_a_host_file_reads_it(server: Any, tmp_path: Any) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,secret\n")
    for source in (
        f"'{secret}'",
        f"`{secret}`",
        f'"{secret}"',
        f"default.`{secret}`",
        f"file('{secret}')",
        f"`f\\x69le`('{secret}')",
    ):
        refused = server.post(f"SELECT * FROM {source}".encode())
        assert refused.status_code in (403, 404), refused.text
    bound = server.post(b"SELECT * FROM {t:Identifier}", param_t=str(secret))
    assert bound.status_code == 404
    assert server.post(f"SELECT file('{secret}')".encode()).status_code == 403
