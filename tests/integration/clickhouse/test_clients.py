# SPDX-License-Identifier: Apache-2.0
"""The pool of clients: bounded, shared by threads, and whole again after ClickHouse was away."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from pydantic import SecretStr

from ovpo.foundation.clickhouse.clients import QUERY_SECONDS, ClientPool
from ovpo.foundation.clickhouse.connect import ClickHouseUnavailableError
from ovpo.foundation.settings.tree import ClickHouse, Settings
from ovpo.foundation.unavailable import StoreUnavailableError
from tests.conftest import free_ports
from tests.integration.clickhouse_server.conftest import PASSWORD, USER, Server


def ask(pool: ClientPool, statement: str) -> Client:
    with pool.lent() as client:
        client.query(statement)
        return client


@pytest.fixture
def small(settings: Settings) -> ClickHouse:
    return settings.clickhouse.model_copy(update={"pool_size": 3})


@pytest.fixture
def pool(small: ClickHouse) -> Iterator[ClientPool]:
    made = ClientPool(small, wait_seconds=0.2)
    yield made
    made.close()


def test_threads_ask_at_once_each_with_a_client_of_its_own(pool: ClientPool) -> None:
    together = Barrier(3)

    def ask(number: int) -> tuple[int, int]:
        with pool.lent() as client:
            together.wait(10)
            return id(client), client.query("SELECT {n:UInt32} + 1", {"n": number}).result_rows[0][0]

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(ask, range(3)))
    assert [answer for _, answer in answers] == [1, 2, 3]
    assert len({client for client, _ in answers}) == 3


def test_a_client_is_used_again(pool: ClientPool) -> None:
    with pool.lent() as first:
        pass
    with pool.lent() as second:
        assert second is first


def test_who_waits_too_long_for_a_client_is_told_which_setting_gives_more(pool: ClientPool) -> None:
    enough, all_lent = Event(), Barrier(4)

    def hold() -> None:
        with pool.lent():
            all_lent.wait(10)
            enough.wait(10)

    with ThreadPoolExecutor(3) as threads:
        held = [threads.submit(hold) for _ in range(3)]
        all_lent.wait(10)
        with pytest.raises(ClickHouseUnavailableError, match="OVPO_CLICKHOUSE__POOL_SIZE"), pool.lent():
            pass
        enough.set()
        for one in held:
            one.result(10)
    with pool.lent() as client:
        assert client.query("SELECT 1").result_rows == [(1,)]


def test_a_clickhouse_that_is_away_is_an_unavailable_store_and_its_client_is_not_lost(small: ClickHouse) -> None:
    [nobody] = free_ports(1)
    pool = ClientPool(small.model_copy(update={"port": nobody}), wait_seconds=0.2)
    for _ in range(5):
        with pytest.raises(StoreUnavailableError), pool.lent():
            pass


def test_a_client_whose_server_went_away_is_replaced(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    own = ClickHouse(port=server.port, user=USER, password=SecretStr(PASSWORD), database="default", pool_size=1)
    pool = ClientPool(own)
    first = ask(pool, "SELECT 1")
    server.stop()
    with pytest.raises(StoreUnavailableError):
        ask(pool, "SELECT 1")
    server.start()
    try:
        assert ask(pool, "SELECT 1") is not first
        pool.close()
    finally:
        server.stop()


def test_a_query_is_stopped_when_it_takes_too_long(pool: ClientPool) -> None:
    with pool.lent() as client:
        assert str(client.get_client_setting("max_execution_time")) == str(QUERY_SECONDS)
    endless = (
        "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number)) SETTINGS max_execution_time = 1"
    )
    with pytest.raises(ClickHouseUnavailableError):
        ask(pool, endless)


def test_a_wrong_query_is_an_error_of_its_own_and_the_client_stays(pool: ClientPool) -> None:
    with pytest.raises(DatabaseError):
        ask(pool, "SELECT no_such_column")
    with pool.lent() as client:
        assert client.query("SELECT 1").result_rows == [(1,)]
