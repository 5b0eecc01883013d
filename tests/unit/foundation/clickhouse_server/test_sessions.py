# SPDX-License-Identifier: Apache-2.0
"""Sessions lock, last, time out and are found again."""

import pytest

from ovpo.foundation.clickhouse.server.errors import QueryError
from ovpo.foundation.clickhouse.server.protocol import Session
from ovpo.foundation.clickhouse.server.sessions import Held, Sessions, changes_session
from ovpo.foundation.clickhouse.server.statements import parse

SHORT = Session("s", 10, must_exist=False, closes=False)
CHECKED = Session("s", 10, must_exist=True, closes=False)
CLOSING = Session("s", 10, must_exist=False, closes=True)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_serves_one_query_at_a_time() -> None:
    sessions = Sessions(Clock())
    assert not sessions.is_busy(SHORT)
    sessions.take(SHORT)
    assert sessions.is_busy(SHORT)
    with pytest.raises(QueryError) as refused:
        sessions.take(SHORT)
    assert refused.value.code == 373
    sessions.give_back(SHORT)
    assert not sessions.is_busy(SHORT)
    sessions.take(SHORT)


def test_a_session_times_out_and_is_then_not_found() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    sessions.take(SHORT)
    sessions.give_back(SHORT)
    clock.now = 9
    sessions.take(CHECKED)
    sessions.give_back(CHECKED)
    clock.now = 20
    with pytest.raises(QueryError) as refused:
        sessions.take(CHECKED)
    assert refused.value.code == 372


def test_a_session_can_be_closed() -> None:
    sessions = Sessions(Clock())
    sessions.take(CLOSING)
    sessions.give_back(CLOSING)
    assert len(sessions) == 0


def test_settings_of_an_earlier_request_do_not_stay() -> None:
    held = Held(request_settings=frozenset({"a", "b"}))
    assert held.stale({"b": "1"}) == ["a"]


@pytest.mark.parametrize(
    ("sql", "lasts"),
    [
        (b"SET max_threads = 1", True),
        (b"USE d", True),
        (b"create temporary table t (a Int8)", True),
        (b"CREATE TABLE t (a Int8) ENGINE = Memory", False),
        (b"SELECT 1", False),
        (b"INSERT INTO t VALUES (1)", False),
    ],
)
def test_only_session_statements_bind_a_connection(sql: bytes, lasts: bool) -> None:
    assert changes_session(parse(sql)) is lasts
