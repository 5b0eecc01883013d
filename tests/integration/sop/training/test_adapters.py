# SPDX-License-Identifier: Apache-2.0
"""Adapters on record: one champion at most, whoever decides; and how a tenant's are listed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole
from ovpo.sop.records.adapters import Adapters, AlreadyDecidedError, Decision, NewAdapter
from ovpo.sop.records.rows import AdapterState, StoredAdapter
from ovpo.sop.working import Workplace
from tests.integration.sop.training.conftest import DAY, NOW, OTHER, TENANT, Shelf

WINS = Decision(champion=True, reason="better", evaluation={})
LOSES = Decision(champion=False, reason="worse", evaluation={})


def entered(shelf: Shelf, letter: str, seconds: int = 0) -> StoredAdapter:
    name = f"feature_adapter_20261120T000000Z_{letter * 4}"
    new = NewAdapter(
        adapter=name, tenant_id=TENANT, maker=shelf.maker, key=name, trained_on=("0" * 64,), day=DAY, run_id="r"
    )
    with shelf.place.transaction() as connection:
        return Adapters(connection).enter(new, NOW + timedelta(seconds=seconds))


def decided(
    shelf: Shelf, candidate: StoredAdapter, decision: Decision, against: StoredAdapter | None = None
) -> StoredAdapter:
    with shelf.place.transaction() as connection:
        return Adapters(connection).decide(candidate, decision, NOW, against=against)


def test_a_new_champion_retires_the_former(shelf: Shelf) -> None:
    first = decided(shelf, entered(shelf, "a"), WINS)
    second = decided(shelf, entered(shelf, "b"), WINS, against=first)
    assert shelf.champion() == second
    assert {one.adapter: one.state for one in shelf.adapters()}[first.adapter] is AdapterState.RETIRED


def test_a_candidate_that_was_held_against_a_former_champion_is_not_decided_on(shelf: Shelf) -> None:
    late = entered(shelf, "b")
    first = decided(shelf, entered(shelf, "a"), WINS)
    for decision in (WINS, LOSES):
        with pytest.raises(AlreadyDecidedError):
            decided(shelf, late, decision)
    assert shelf.champion() == first


def test_nothing_is_decided_twice(shelf: Shelf) -> None:
    candidate = entered(shelf, "a")
    decided(shelf, candidate, LOSES)
    with pytest.raises(AlreadyDecidedError):
        decided(shelf, candidate, WINS)
    assert shelf.champion() is None


def test_of_two_that_would_be_the_first_champion_at_once_one_is(shelf: Shelf, place: Workplace) -> None:
    ours, theirs = entered(shelf, "a"), entered(shelf, "b")
    with (
        psycopg.connect(conninfo(place.settings.postgres, PostgresRole.PROCESS)) as connection,
        ThreadPoolExecutor(1) as pool,
    ):
        winner = Adapters(connection).decide(ours, WINS, NOW, against=None)
        late = pool.submit(decided, shelf, theirs, WINS)
        connection.commit()
        with pytest.raises(AlreadyDecidedError):
            late.result()
    assert shelf.champion() == winner
    assert [one.adapter for one in shelf.adapters() if one.state is AdapterState.CANDIDATE] == [theirs.adapter]


def test_a_tenant_s_adapters_are_listed_page_by_page_the_newest_first(shelf: Shelf, place: Workplace) -> None:
    made = [entered(shelf, letter, seconds) for letter, seconds in (("a", 0), ("c", 1), ("b", 1), ("d", 2), ("e", 2))]
    seen: list[str] = []
    after = None
    with place.transaction() as connection:
        while page := Adapters(connection).listed(TENANT, 2, after):
            seen += [one.adapter[-1] for one in page]
            after = (page[-1].created_at, page[-1].adapter)
        assert Adapters(connection).listed(OTHER, 2) == []
        assert Adapters(connection).find(OTHER, made[0].adapter) is None
        assert Adapters(connection).find(TENANT, made[0].adapter) == made[0]
    assert seen == ["d", "e", "b", "c", "a"]
