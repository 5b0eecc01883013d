# SPDX-License-Identifier: Apache-2.0
"""The one writer: gapless under concurrency and crashes, over months, against clocks, whatever it is given to write."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from ovpo.foundation.postgres.connect import conninfo, open_pool, tenant_transaction
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.audit.canonical import held
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.events import Entry, EventType
from ovpo.governance.audit.record import GENESIS, hash_of
from tests.integration.governance.chains import ACTOR, Chain, entry

NAUGHTY = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | NAUGHTY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def chain(settings: Settings) -> Chain:
    return Chain.new(settings)


def test_twenty_writers_of_one_tenant_and_five_of_others_make_gapless_chains(settings: Settings) -> None:
    shared, others = Chain.new(settings), [Chain.new(settings) for _ in range(5)]
    writers = [shared] * 20 + others
    with open_pool(settings.postgres.model_copy(update={"pool_size": 25}), PostgresRole.QUERY) as pool:
        start = Barrier(len(writers))

        def write(chain: Chain) -> None:
            start.wait()
            for number in range(10):
                with tenant_transaction(pool, chain.tenant) as connection:
                    append(connection, chain.tenant, [entry(number)] * (1 + number % 3))

        with ThreadPoolExecutor(len(writers)) as threads:
            list(threads.map(write, writers))
    assert [record.seq for record in shared.records()] == list(range(1, 20 * 19 + 1))
    for chain in (shared, *others):
        assert chain.verify().is_sound
        assert chain.verify().records % 19 == 0


def test_writers_who_go_by_the_order_of_tenants_never_wait_for_each_other_in_a_circle(settings: Settings) -> None:
    chains = [Chain.new(settings) for _ in range(6)]
    start = Barrier(8)

    def write(number: int) -> None:
        order = chains[number % 6 :] + chains[: number % 6]
        start.wait()
        for _ in range(10):
            with psycopg.connect(conninfo(settings.postgres, PostgresRole.PROCESS)) as connection:
                for tenant in sorted(chain.tenant for chain in order):
                    append(connection, tenant, [entry()])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert [chain.verify().records for chain in chains] == [80] * 6


def test_a_writer_that_is_killed_in_the_middle_leaves_no_gap_and_lets_go(chain: Chain) -> None:
    chain.append(2)
    connection = psycopg.connect(conninfo(chain.settings.postgres, PostgresRole.PROCESS))
    append(connection, chain.tenant, [entry(), entry()])
    chain.tamper("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
    with pytest.raises(psycopg.OperationalError):
        connection.commit()
    connection.close()
    assert [record.seq for record in chain.append()] == [3]
    assert chain.verify().records == 3


def test_what_is_rolled_back_to_a_savepoint_leaves_no_gap(chain: Chain) -> None:
    with chain.connection() as connection:
        append(connection, chain.tenant, [entry()])
        with connection.transaction(force_rollback=True):
            append(connection, chain.tenant, [entry()] * 3)
        append(connection, chain.tenant, [entry()])
    assert chain.verify().records == 2


def test_the_first_record_stands_on_nothing_and_each_on_the_one_before(chain: Chain) -> None:
    first, second, third = chain.append(3)
    assert (first.seq, first.previous_hash, second.previous_hash) == (1, GENESIS, first.record_hash)
    assert chain.append()[0].previous_hash == third.record_hash
    assert all(record.audit_id.version == 4 for record in chain.records())


def test_what_is_returned_is_what_is_kept(chain: Chain) -> None:
    written = chain.append(3)
    assert chain.records() == written


def test_nothing_to_write_asks_nothing_of_the_database(chain: Chain) -> None:
    with chain.connection() as connection:
        assert append(connection, chain.tenant, []) == []
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


def test_a_clock_that_runs_back_does_not_turn_the_chain_back(chain: Chain) -> None:
    chain.append()
    ahead = datetime.now(UTC) + timedelta(hours=3)
    chain.tamper("UPDATE audit_heads SET recorded_at = %s WHERE tenant_id = %s", ahead, chain.tenant)
    later = [record.timestamp for record in (*chain.append(2), *chain.append())]
    assert later == [ahead] * 3
    assert chain.verify().is_sound


def test_a_new_month_is_opened_once_by_many_writers_at_once(settings: Settings) -> None:
    chains = [Chain.new(settings) for _ in range(6)]
    month = datetime(2031, 2, 1, tzinfo=UTC)
    for chain in chains:
        chain.append()
        chain.tamper(
            "UPDATE audit_heads SET recorded_at = %s WHERE tenant_id = %s",
            month - timedelta(microseconds=1),
            chain.tenant,
        )
        chain.append()
        chain.tamper("UPDATE audit_heads SET recorded_at = %s WHERE tenant_id = %s", month, chain.tenant)
    start = Barrier(len(chains))

    def write(chain: Chain) -> None:
        start.wait()
        chain.append()

    with ThreadPoolExecutor(len(chains)) as threads:
        list(threads.map(write, chains))
    for chain in chains:
        assert chain.verify().records == 3
        assert [record.timestamp for record in chain.records()][1:] == [month - timedelta(microseconds=1), month]
    with chains[0].connection(PostgresRole.MIGRATE) as connection:
        held = connection.execute("SELECT count(*) FROM audit_log_203102").fetchone()
    assert held is not None
    assert held[0] >= len(chains)


def test_a_month_is_opened_while_others_read_and_write(settings: Settings) -> None:
    busy, new = Chain.new(settings), Chain.new(settings)
    new.append()
    new.tamper(
        "UPDATE audit_heads SET recorded_at = %s WHERE tenant_id = %s", datetime(2032, 5, 1, tzinfo=UTC), new.tenant
    )
    with busy.connection() as connection:
        append(connection, busy.tenant, [entry()])
        new.append()
    assert (busy.verify().records, new.verify().records) == (1, 2)


WRONG = """
INSERT INTO audit_log (audit_id, seq, event_type, actor_id, tenant_id, resource_type, resource_id, "timestamp",
                       metadata, previous_hash, record_hash)
SELECT gen_random_uuid(), h.seq + %s, 'USER_LOGIN', 'x', tenant_id, 'x', 'x', h.recorded_at + %s, '{}',
       coalesce(sha256(%s), h.record_hash), sha256('y')
FROM audit_heads AS h WHERE tenant_id = %s
"""


@pytest.mark.parametrize(
    ("step", "later", "previous"),
    [
        (2, timedelta(0), None),
        (0, timedelta(seconds=1), None),
        (1, timedelta(0), b"x"),
        (1, -timedelta(microseconds=1), None),
    ],
)
def test_a_wrong_writer_cannot_fork_turn_back_or_leave_a_gap(
    chain: Chain, step: int, later: timedelta, previous: bytes | None
) -> None:
    chain.append(2)
    with chain.connection() as connection, pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="continue"):
        connection.execute(WRONG, (step, later, previous, chain.tenant))
    assert chain.verify().records == 2


def test_a_row_that_a_conflict_keeps_out_does_not_move_the_head(chain: Chain) -> None:
    chain.append(2)
    with chain.connection() as connection:
        connection.execute(
            "INSERT INTO audit_log SELECT * FROM audit_log WHERE tenant_id = %s AND seq = 2 ON CONFLICT DO NOTHING",
            (chain.tenant,),
        )
    assert chain.verify().is_sound


@effort(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metadata=st.dictionaries(NAUGHTY, JSON, max_size=5), name=NAUGHTY.filter(bool))
def test_whatever_text_and_numbers_are_written_are_read_back_and_hash_the_same(
    chain: Chain, metadata: Mapping[str, Any], name: str
) -> None:
    assume(len({held(key) for key in metadata}) == len(metadata))
    hostile = Entry(EventType.TRACE_QUERY, name, None, "trace", name, metadata)
    with chain.connection() as connection:
        (written,) = append(connection, chain.tenant, [hostile])
    kept = chain.records()[-1]
    assert kept == written
    assert hash_of(kept) == kept.record_hash
    json.loads(kept.metadata)


def test_numbers_are_kept_as_they_were_written(chain: Chain) -> None:
    numbers = {
        "float": 1.0,
        "int": 1,
        "big": 2**63 - 1,
        "small": -(2**63),
        "tiny": 5e-324,
        "large": 1e308,
        "zero": -0.0,
    }
    with chain.connection() as connection:
        append(connection, chain.tenant, [ACTOR.entry(EventType.TRACE_QUERY, "trace", "x", **numbers)])
    (record,) = chain.records()
    kept = json.loads(record.metadata)
    assert {name: (type(kept[name]), repr(kept[name])) for name in numbers} == {
        name: (type(value), repr(value)) for name, value in numbers.items()
    }


def test_half_a_surrogate_pair_and_a_zero_byte_are_written_as_the_sign_for_that(chain: Chain) -> None:
    with chain.connection() as connection:
        hostile = ACTOR.entry(
            EventType.TRACE_QUERY, "trace", "a\0b\ud800c", text="\0\udfff", **{"na\0me": "\U0001f600"}
        )
        append(connection, chain.tenant, [hostile])
        shown = connection.execute(
            "SELECT resource_id, metadata ->> 'text' FROM audit_log WHERE tenant_id = %s", (chain.tenant,)
        ).fetchall()
    assert shown == [("a\ufffdb\ufffdc", "\ufffd\ufffd")]
    assert json.loads(chain.records()[0].metadata)["na\ufffdme"] == "\U0001f600"
    assert chain.verify().is_sound
