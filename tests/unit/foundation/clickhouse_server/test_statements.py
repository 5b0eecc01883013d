# SPDX-License-Identifier: Apache-2.0
"""Where SQL ends and data begins, what answers rows, and what is refused before the engine sees it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.foundation.clickhouse.server.errors import QueryError
from ovpo.foundation.clickhouse.server.statements import Command, Insert, Rows, parse
from ovpo.foundation.clickhouse.server.tokens import tokens


def insert_of(sql: bytes) -> tuple[bytes, str | None, bytes]:
    statement = parse(sql)
    assert isinstance(statement, Insert)
    return statement.head.strip() + statement.settings.strip(), statement.format, sql[statement.data_at :]


@pytest.mark.parametrize(
    ("sql", "head", "format_name", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\x01\x01\x00", b"INSERT INTO t", "Native", b"\x01\x01\x00"),
        (b"insert into t format jsoneachrow {}", b"insert into t", "jsoneachrow", b"{}"),
        (b"INSERT INTO t (a, b) FORMAT CSV\r\n1,2\n", b"INSERT INTO t (a, b)", "CSV", b"1,2\n"),
        (b"INSERT INTO t FORMAT CSV\n\n1,2\n", b"INSERT INTO t", "CSV", b"\n1,2\n"),
        (b"INSERT INTO t VALUES (1);", b"INSERT INTO t", "Values", b" (1);"),
        (b"INSERT INTO t FORMAT Values (1)", b"INSERT INTO t", "Values", b" (1)"),
        (b"INSERT INTO t VALUES ('FORMAT Native\n')", b"INSERT INTO t", "Values", b" ('FORMAT Native\n')"),
        (b"INSERT INTO d.values VALUES (1)", b"INSERT INTO d.values", "Values", b" (1)"),
        (b"INSERT INTO format FORMAT TSV\n1", b"INSERT INTO format", "TSV", b"1"),
        (
            b"INSERT INTO `a b`.`values` (`format`) VALUES (1)",
            b"INSERT INTO `a b`.`values` (`format`)",
            "Values",
            b" (1)",
        ),
        (b"INSERT INTO TABLE t FORMAT TSV\n1", b"INSERT INTO TABLE t", "TSV", b"1"),
        (
            b"/* FORMAT x */ INSERT -- VALUES\n INTO t SETTINGS a='VALUES', b=1 FORMAT TSV\n1",
            b"/* FORMAT x */ INSERT -- VALUES\n INTO tSETTINGS a='VALUES', b=1",
            "TSV",
            b"1",
        ),
        (b"INSERT INTO FUNCTION null('a Int8') VALUES (1)", b"INSERT INTO FUNCTION null('a Int8')", "Values", b" (1)"),
        (b"INSERT INTO t (a)", b"INSERT INTO t (a)", None, b""),
        (b"INSERT INTO t (a);", b"INSERT INTO t (a)", None, b""),
    ],
)
def test_an_insert_is_split_from_its_rows(sql: bytes, head: bytes, format_name: str, data: bytes) -> None:
    found = insert_of(sql)
    assert found[1] == format_name
    assert found[0] == head
    if format_name is not None:
        assert found[2] == data


@pytest.mark.parametrize(
    "sql",
    [
        b"INSERT INTO t SELECT 1",
        b"insert into t (a) select 1 from u where x = 'VALUES (1)'",
        b"INSERT INTO t (a) (SELECT 1)",
        b"INSERT INTO t WITH 1 AS x SELECT x",
        b"WITH 1 AS x INSERT INTO t SELECT x",
        b"CREATE TABLE t (a String DEFAULT 'a;b') ENGINE = Memory;",
        b"ALTER TABLE t DELETE WHERE 1",
        b"SET max_threads = 1 ; ; ",
    ],
)
def test_what_has_no_rows_behind_it_and_answers_none_is_a_command(sql: bytes) -> None:
    assert isinstance(parse(sql), Command)


@pytest.mark.parametrize(
    ("sql", "kind", "format_name"),
    [
        (b"SELECT 1", "SELECT", None),
        (b"select 1 format JSON;", "SELECT", "JSON"),
        (b"SELECT 1 -- FORMAT CSV", "SELECT", None),
        (b"SELECT 'FORMAT CSV'", "SELECT", None),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT Arrow", "SELECT", "Arrow"),
        (b"SELECT 1 FORMAT Arrow SETTINGS max_threads = 1", "SELECT", "Arrow"),
        (b"SELECT format FROM t", "SELECT", None),
        (b"SELECT x AS format", "SELECT", None),
        (b"SELECT * FROM (SELECT 1 FORMAT)", "SELECT", None),
        (b"WITH x AS (SELECT 1) SELECT * FROM x FORMAT TSV", "WITH", "TSV"),
        (b"(SELECT 1) UNION ALL (SELECT 2) FORMAT CSV", "SELECT", "CSV"),
        (b"FROM t SELECT a", "FROM", None),
        (b"DESC t FORMAT Native", "DESCRIBE", "Native"),
        (b"/* x */ SHOW TABLES", "SHOW", None),
    ],
)
def test_a_statement_that_answers_rows_tells_its_format(sql: bytes, kind: str, format_name: str | None) -> None:
    statement = parse(sql)
    assert isinstance(statement, Rows)
    assert (statement.kind, statement.format) == (kind, format_name)


def test_the_text_of_a_query_survives_being_taken_apart() -> None:
    statement = parse(b"SELECT 1 FORMAT Arrow SETTINGS max_threads = 1;")
    assert isinstance(statement, Rows)
    assert statement.sql.split() == b"SELECT 1 FORMAT Arrow SETTINGS max_threads = 1".split()


@pytest.mark.parametrize(
    "sql", [b"SELECT sum(a) FROM t GROUP BY b WITH TOTALS", b"SELECT 1 SETTINGS extremes = 1", b"SHOW TABLES"]
)
def test_results_with_a_part_behind_their_rows_are_not_streamed(sql: bytes) -> None:
    statement = parse(sql)
    assert isinstance(statement, Rows)
    assert not statement.streams


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (b"", 62),
        (b" -- nothing\n ;", 62),
        (b"SELECT 1; DROP TABLE t", 62),
        (b"SELECT 'never ends", 62),
        (b"INSERT INTO", 62),
        (b"INSERT INTO t FORMAT", 62),
        (b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 48),
        (b"SELECT 1 INTO OUTFILE '/tmp/x'", 48),
        (b"SELECT 1 FORMAT `CSV' INTO`", 73),
    ],
)
def test_what_cannot_be_served_is_refused_with_clickhouses_code(sql: bytes, code: int) -> None:
    with pytest.raises(QueryError) as refused:
        parse(sql)
    assert refused.value.code == code


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_format_are_data(data: bytes) -> None:
    sql = b"INSERT INTO t (a) FORMAT Native\n" + data
    assert insert_of(sql) == (b"INSERT INTO t (a)", "Native", data)


@given(st.binary(max_size=80))
def test_the_lexer_never_loses_its_place(data: bytes) -> None:
    try:
        found = list(tokens(data))
    except QueryError:
        return
    assert all(token.text == data[token.start : token.end] for token in found)
    assert all(left.end <= right.start for left, right in pairwise(found))


def test_a_statement_that_was_read_before_is_read_as_the_one_it_is() -> None:
    first, other, again = parse(b"SELECT 1"), parse(b"SELECT 2"), parse(b"SELECT 1")
    assert first == again
    assert isinstance(first, Rows)
    assert isinstance(other, Rows)
    assert (first.head, other.head) == (b"SELECT 1", b"SELECT 2")
    for _ in range(2):
        with pytest.raises(QueryError):
            parse(b"SELECT 1; SELECT 2")
