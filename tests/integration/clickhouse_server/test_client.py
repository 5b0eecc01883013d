# SPDX-License-Identifier: Apache-2.0
"""clickhouse-connect works against the server unchanged."""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError, StreamFailureError

COLUMNS = ["id", "moment", "kind", "labels", "scores", "note"]
WIDE = """CREATE TABLE {name} (
    id UUID, moment DateTime64(6, 'UTC'), kind LowCardinality(String), labels Map(String, String),
    scores Array(Float64), note Nullable(String)) ENGINE = MergeTree ORDER BY (moment, id)"""


def wide_rows(count: int) -> list[list[Any]]:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    return [
        [
            UUID(int=number * 7919),
            start + timedelta(microseconds=number * 1013),
            f"kind-{number % 13}",
            {"camera": str(number % 5), "ö": "'\\\t\n"},
            [number / 3, -1.5] if number % 2 else [],
            None if number % 3 else f"note {number}",
        ]
        for number in range(count)
    ]


def table(client: Client, columns: str = "a UInt64, b String", order: str = "a") -> str:
    name = f"t_{uuid4().hex}"
    client.command(f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY {order}")
    return name


@pytest.mark.parametrize("compress", [True, "zstd", "gzip", False])
def test_a_hundred_thousand_wide_rows_come_back_equal(server: Any, compress: bool | str) -> None:
    client = server.client(compress=compress, tz_mode="aware")
    name = f"wide_{uuid4().hex}"
    client.command(WIDE.format(name=name))
    rows = wide_rows(100_000)
    summary = client.insert(name, rows, column_names=COLUMNS)
    assert summary.written_rows == 100_000
    found = client.query(f"SELECT * FROM {name} ORDER BY moment, id").result_rows
    assert [list(row) for row in found] == rows


def test_four_clients_read_while_one_writes(server: Any, client: Client) -> None:
    name = table(client)
    faults: list[Exception] = []
    counted: list[list[int]] = [[] for _ in range(4)]
    writing = threading.Event()

    def read(mine: list[int]) -> None:
        try:
            with server.client() as reader:
                while not writing.is_set() or not mine:
                    mine.append(reader.command(f"SELECT count() FROM {name}"))
        except DatabaseError as fault:
            faults.append(fault)

    readers = [threading.Thread(target=read, args=(mine,)) for mine in counted]
    for reader in readers:
        reader.start()
    try:
        for batch in range(20):
            client.insert(name, [[batch * 5000 + number, "x" * 50] for number in range(5000)], ["a", "b"])
    finally:
        writing.set()
        for reader in readers:
            reader.join(30)
    assert faults == []
    assert all(mine == sorted(mine) for mine in counted)
    assert all(count % 5000 == 0 for mine in counted for count in mine)
    assert client.command(f"SELECT count() FROM {name}") == 100_000


def test_a_select_goes_on_while_one_long_insert_runs(server: Any, client: Client) -> None:
    name = table(client)
    started = threading.Event()
    answer: list[Any] = []

    def write() -> None:
        started.set()
        with server.client() as writer:
            sql = f"INSERT INTO {name} SELECT number, sleepEachRow(0.5) FROM numbers(6) SETTINGS max_block_size = 1"
            answer.append(writer.command(sql))

    writer = threading.Thread(target=write)
    writer.start()
    running = "SELECT count() FROM system.processes WHERE query ILIKE 'INSERT INTO%sleepEachRow%'"
    seen = [client.command(running)]
    while writer.is_alive() and not seen[-1]:
        seen.append(client.command(running))
    assert seen[-1] == 1
    assert writer.is_alive()
    assert client.command("SELECT sum(number) FROM numbers(1000)") == 499500
    writer.join(30)
    assert client.command(f"SELECT count() FROM {name}") == 6


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("SELECT * FROM no_such_table", 60, "UNKNOWN_TABLE"),
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT no_such_column FROM system.one", 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT no_such_function(1)", 46, "UNKNOWN_FUNCTION"),
        ("SELECT throwIf(number = 900000) FROM numbers(1000000)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT 1 SETTINGS no_such_setting = 1", 115, "UNKNOWN_SETTING"),
        ("SELECT * FROM file('/etc/passwd', 'LineAsString')", 497, "ACCESS_DENIED"),
        ("SELECT * FROM `/etc/passwd`", 60, "UNKNOWN_TABLE"),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR"),
    ],
)
def test_an_sql_error_carries_clickhouses_own_code(client: Client, sql: str, code: int, name: str) -> None:
    with pytest.raises(DatabaseError) as failed:
        client.query(sql)
    assert (failed.value.code, failed.value.name) == (code, name)


def test_an_unknown_database_is_told(server: Any) -> None:
    with pytest.raises(DatabaseError) as failed:
        server.client(database="no_such_database").query("SELECT 1")
    assert failed.value.code == 81


def test_a_wrong_password_is_refused(server: Any) -> None:
    with pytest.raises(DatabaseError) as failed:
        server.client(password="wrong")
    assert (failed.value.code, failed.value.name) == (516, "AUTHENTICATION_FAILED")


def test_parameters_are_bound_by_the_server(client: Client) -> None:
    values = {"u": uuid4(), "s": "o'b\\\t\n`ü", "a": [1, 2], "n": None, "d": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}
    sql = "SELECT {u:UUID}, {s:String}, {a:Array(UInt8)}, {n:Nullable(String)}, {d:DateTime('UTC')}"
    found = client.query(sql, parameters=values).result_rows[0]
    assert found[:4] == (values["u"], values["s"], [1, 2], None)
    assert found[4].replace(tzinfo=UTC) == values["d"]
    name = table(client)
    client.command(f"INSERT INTO {name} VALUES ({{a:UInt64}}, {{b:String}})", parameters={"a": 7, "b": "seven"})
    assert client.query("SELECT * FROM {t:Identifier}", parameters={"t": name}).result_rows == [(7, "seven")]
    with pytest.raises(DatabaseError) as failed:
        client.query("SELECT {a:UInt8}", parameters={"a": "no number"})
    assert failed.value.code == 457


def test_long_parameters_go_in_a_form(server: Any) -> None:
    text = "z" * 200_000
    assert server.client().query("SELECT {x:String} AS x", parameters={"x": text}).first_row == (text,)
    assert server.client(form_encode_query_params=True).query(
        "SELECT {x:Int8} AS x", parameters={"x": 1}
    ).first_row == (1,)


def test_settings_hold_for_their_query_only(client: Client) -> None:
    ask = "SELECT getSetting('max_threads'), getSetting('max_result_rows')"
    before = client.query(ask).first_row
    assert client.query(ask, settings={"max_threads": 1, "max_result_rows": 77}).first_row == (1, 77)
    assert client.query(ask).first_row == before
    with pytest.raises(DatabaseError) as failed:
        client.query("SELECT sleepEachRow(1) FROM numbers(3)", settings={"max_execution_time": 1, "max_block_size": 1})
    assert failed.value.code == 159


def test_a_session_keeps_its_settings_database_and_temporary_tables_to_itself(server: Any) -> None:
    one, other = server.client(), server.client()
    one.command("CREATE TEMPORARY TABLE mine (a Int8)")
    one.command("INSERT INTO mine VALUES (1)")
    one.command("SET max_threads = 1")
    assert one.query("SELECT a, getSetting('max_threads') FROM mine").result_rows == [(1, 1)]
    limit = "SELECT getSetting('max_result_rows')"
    assert one.query(limit, settings={"max_result_rows": 77}).result_rows == [(77,)]
    assert one.query(limit).result_rows == [(0,)]
    with pytest.raises(DatabaseError) as failed:
        other.query("SELECT * FROM mine")
    assert failed.value.code == 60


def test_frames_and_arrow_go_both_ways(client: Client) -> None:
    name = table(client, "a UInt64, b String, c Float64")
    frame = pd.DataFrame({"a": range(1000), "b": [f"row {n}" for n in range(1000)], "c": [n / 7 for n in range(1000)]})
    client.insert_df(name, frame)
    client.insert_arrow(name, pa.table({"a": pa.array([5000], pa.uint64()), "b": ["arrow"], "c": [0.5]}))
    found = client.query_df(f"SELECT * FROM {name} ORDER BY a")
    assert len(found) == 1001
    pd.testing.assert_frame_equal(found.iloc[:1000], frame.astype({"a": "uint64"}), check_dtype=False)
    arrow = client.query_arrow(f"SELECT a, b FROM {name} WHERE a >= 999 ORDER BY a")
    assert arrow.to_pydict()["a"] == [999, 5000]
    with client.query_arrow_stream(f"SELECT a FROM {name}") as batches:
        assert sum(batch.num_rows for batch in batches) == 1001


@pytest.mark.parametrize(
    "fmt", ["JSONEachRow", "CSV", "CSVWithNames", "TabSeparated", "RowBinary", "Parquet", "Arrow", "Native"]
)
@pytest.mark.parametrize("compression", [None, "lz4", "gzip"])
def test_what_one_format_gives_it_takes_back(server: Any, client: Client, fmt: str, compression: str | None) -> None:
    from ovpo.foundation.clickhouse.server.encoding import encoder

    name = table(client)
    data = client.raw_query("SELECT number AS a, toString(number) AS b FROM numbers(100000)", fmt=fmt)
    if compression:
        writer = encoder(compression)
        data = writer.feed(data) + writer.finish()
    assert client.raw_insert(name, ["a", "b"], data, fmt=fmt, compression=compression).written_rows == 100_000
    assert client.query(f"SELECT count(), sum(a), sum(toUInt64(b)) FROM {name}").first_row == (
        100_000,
        4999950000,
        4999950000,
    )


def test_an_insert_with_nothing_in_it_is_fine(server: Any, client: Client) -> None:
    name = table(client)
    for fmt in ("Native", "CSV", "Parquet", "Arrow"):
        assert server.post(query=f"INSERT INTO {name} FORMAT {fmt}").status_code == 200
    client.insert(name, [], ["a", "b"])
    assert client.command(f"SELECT count() FROM {name}") == 0


def test_statements_of_every_kind_run(client: Client) -> None:
    database = f"d_{uuid4().hex}"
    client.command(f"CREATE DATABASE {database}")
    inside = client.create_query_context(query="SELECT 1")
    assert inside is not None
    name = f"{database}.t"
    client.command(f"CREATE TABLE {name} (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    client.insert("t", [[n, "x"] for n in range(10)], ["a", "b"], database=database)
    client.command(f"ALTER TABLE {name} DELETE WHERE a < 3", settings={"mutations_sync": 2})
    client.command(f"ALTER TABLE {name} UPDATE b = 'y' WHERE a = 9", settings={"mutations_sync": 2})
    client.command(f"DELETE FROM {name} WHERE a = 8")
    client.command(f"OPTIMIZE TABLE {name} FINAL")
    assert client.query(f"SELECT a, b FROM {name} ORDER BY a DESC LIMIT 2").result_rows == [(9, "y"), (7, "x")]
    assert client.command(f"EXISTS TABLE {name}") == 1
    assert client.query(f"SHOW TABLES FROM {database}").result_rows == [("t",)]
    assert client.query(f"DESCRIBE TABLE {name}").result_rows[0][:2] == ("a", "UInt64")
    assert client.query(f"WITH 5 AS x SELECT a FROM {name} WHERE a = x").result_rows == [(5,)]
    assert client.query(f"SELECT b, count() FROM {name} GROUP BY b WITH TOTALS ORDER BY b").row_count >= 2
    assert client.query("SELECT 1 AS a, 'x' AS b LIMIT 0").column_names == ("a", "b")
    assert client.query(f"SELECT total_rows FROM system.tables WHERE database = '{database}'").result_rows == [(6,)]
    assert client.ping()
    client.command(f"DROP DATABASE {database}")
    assert client.command(f"EXISTS DATABASE {database}") == 0


def test_millions_of_rows_stream_in_bounded_memory(server: Any, client: Client) -> None:
    client.command("SELECT count() FROM numbers(1000000)")
    before = server.rss()
    most, seen = before, 0
    with client.query_row_block_stream("SELECT number, toString(number), number / 3 FROM numbers(5000000)") as blocks:
        for block in blocks:
            seen += len(block)
            most = max(most, server.rss())
    assert seen == 5_000_000
    assert most - before < 150 << 20


@pytest.mark.parametrize("fmt", ["ArrowStream", "JSON", "CSVWithNames", "TabSeparated"])
def test_large_results_in_any_format_are_not_held_in_memory(server: Any, client: Client, fmt: str) -> None:
    before = server.rss()
    most, size = before, 0
    sql = "SELECT number, sipHash64(number) AS h, toString(h) AS t FROM numbers(4000000)"
    stream: Any = client.raw_stream(sql, fmt=fmt)
    while chunk := stream.read(1 << 20):
        size += len(chunk)
        most = max(most, server.rss())
    stream.close()
    assert size > 60 << 20
    assert most - before < 300 << 20


def test_an_error_in_mid_stream_reaches_the_client_with_its_code(client: Client) -> None:
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(5000000)"
    rows = 0
    code = None
    try:
        with client.query_row_block_stream(sql) as blocks:
            for block in blocks:
                rows += len(block)
    except StreamFailureError as failed:
        code = failed.code
    assert code == 395
    assert rows > 0


def test_beyond_its_places_the_server_says_too_many(new_server: Any, until: Any) -> None:
    server = new_server("--max-queries", "1", "--max-waiting", "1").start()
    clients = [server.client(query_retries=0) for _ in range(3)]
    slow = "SELECT count() FROM numbers(9000000000000) WHERE sipHash64(number) = 1"

    def swallow(client: Client) -> None:
        with suppress(DatabaseError):
            client.query(slow)

    held = [threading.Thread(target=swallow, args=(client,)) for client in clients[:2]]
    for thread in held:
        thread.start()

    def full() -> bool:
        page = httpx.get(server.url + "metrics").text
        return "ovpo_clickhouse_queries_running 1.0" in page and "ovpo_clickhouse_queries_waiting 1.0" in page

    until(full, 10)
    with pytest.raises(OperationalError) as failed:
        clients[2].query("SELECT 1")
    assert failed.value.code == 202
    assert server.stop() == 0
    for thread in held:
        thread.join(10)
