# SPDX-License-Identifier: Apache-2.0
"""One effect per key over real stores: replays, twins, conflicts, owners that died, keys that expired."""

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import orjson
import psycopg
import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.postgres.connect import conninfo, open_pool, tenant_transaction, transaction
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.telemetry.collector.claims import PostgresClaims
from ovpo.telemetry.collector.idempotency import Busy, Kept, Mine, Request, digest
from tests.integration.collector.batches import batch, new_id, span, trace
from tests.integration.collector.conftest import (
    SECRET,
    Collector,
    Program,
    Start,
    bearer,
    broker_of,
    new_tenant,
    queued,
    until,
)

Key = dict[str, str]
CLIENTS = 16


def first_and_replays(answers: list[httpx.Response]) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Tell the one answer that is not a replay from the others, which must be the same in all else."""
    assert {answer.status_code for answer in answers} == {200}
    bodies = [answer.json() for answer in answers]
    [first] = [body for body in bodies if "duplicate" not in body]
    replays = [body for body in bodies if "duplicate" in body]
    for replay in replays:
        assert replay.pop("duplicate") is True
        asked = datetime.fromisoformat(str(replay.pop("original_request_time")))
        assert timedelta(0) <= datetime.now(UTC) - asked < timedelta(minutes=5)
        assert replay == first
    return first, replays


def processed(*collectors: Collector) -> float:
    return sum(one.metric('ovpo_collector_items_total{outcome="processed"}') for one in collectors)


def test_the_same_key_gets_the_same_answer_again_and_nothing_is_queued_twice(
    collector: Collector, settings: Settings, key: Key
) -> None:
    one = new_id()
    sent, name = batch(trace(one), span(one), span(status="FINE")), new_id()
    before = collector.metric("ovpo_collector_replays_total")
    first, replays = first_and_replays([collector.send(sent, key, Idempotency_Key=name) for _ in range(3)])
    assert (first["processed_items"], first["failed_items"], len(replays)) == (2, 1, 2)
    assert len(queued(settings.broker, one)) == 2
    assert collector.metric("ovpo_collector_replays_total") == before + 2


def test_a_key_in_the_envelope_is_the_same_as_one_in_the_header(collector: Collector, key: Key) -> None:
    name = f"schlüssel {new_id()}"
    sent = batch(span(), idempotency_key=name)
    in_header = {"Idempotency-Key": name.encode()}
    answers = [collector.send(sent, key), collector.send(sent, key)]
    answers.append(
        httpx.post(
            f"{collector.url}/v1/ingest/batch",
            content=sent,
            headers=[(b"content-type", b"application/json"), *((k.encode(), v.encode()) for k, v in key.items()),
                     *((k.encode(), v) for k, v in in_header.items())],
        )
    )  # fmt: skip
    assert len(first_and_replays(answers)[1]) == 2
    other = collector.send(sent, key, Idempotency_Key="another")
    assert (other.status_code, other.json()["error"]["code"]) == (400, "INVALID_FORMAT")


def test_the_same_key_with_another_body_is_a_conflict_and_takes_nothing(
    collector: Collector, settings: Settings, key: Key
) -> None:
    name, other = new_id(), span()
    assert collector.send(batch(span()), key, Idempotency_Key=name).status_code == 200
    answer = collector.send(batch(other), key, Idempotency_Key=name)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
    assert queued(settings.broker, other["trace_id"]) == []


def test_tenants_do_not_share_keys(collector: Collector, settings: Settings, key: Key) -> None:
    name = new_id()
    other = bearer(settings, new_tenant(settings), Role.DEVELOPER)
    for whose in (key, other):
        answer = collector.send(batch(span()), whose, Idempotency_Key=name)
        assert (answer.status_code, "duplicate" in answer.json()) == (200, False)


def test_a_refused_batch_leaves_its_key_free(collector: Collector, key: Key) -> None:
    name = new_id()
    assert collector.send(batch(), key, Idempotency_Key=name).status_code == 400
    assert "duplicate" not in collector.send(batch(span()), key, Idempotency_Key=name).json()


def test_sixteen_twins_on_two_collectors_have_one_effect(
    collector: Collector, start: Start, settings: Settings, key: Key
) -> None:
    second = start()
    second.start()
    one, name = new_id(), new_id()
    sent = batch(trace(one), *(span(one) for _ in range(99)))
    before = processed(collector, second)

    def send(index: int) -> httpx.Response:
        return (collector, second)[index % 2].send(sent, key, Idempotency_Key=name)

    with ThreadPoolExecutor(CLIENTS) as clients:
        _, replays = first_and_replays(list(clients.map(send, range(CLIENTS))))
    assert len(replays) == CLIENTS - 1
    assert processed(collector, second) == before + 100
    assert len(queued(settings.broker, one)) == 100


def test_sixteen_twins_without_a_key_are_queued_once(collector: Collector, settings: Settings, key: Key) -> None:
    one = new_id()
    sent = batch(trace(one), *(span(one) for _ in range(99)))
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda _: collector.send(sent, key), range(CLIENTS)))
    assert {answer.json()["processed_items"] + answer.json()["duplicate_items"] for answer in answers} == {100}
    assert len(queued(settings.broker, one)) == 100


def test_a_twin_waits_for_the_answer_of_the_one_that_works(
    start: Start, nats_server: Program, settings: Settings, key: Key
) -> None:
    nats_server.start()
    collector = start(OVPO_BROKER__PORT=nats_server.port, OVPO_BROKER__PASSWORD=SECRET)
    collector.start()
    collector.send(batch(span()), key)
    one, name = span(), new_id()
    sent = batch(one)
    nats_server.signal(signal.SIGSTOP)
    with ThreadPoolExecutor(4) as clients:
        asked = [clients.submit(collector.send, sent, key, Idempotency_Key=name)]
        until(lambda: row(settings, name), "the claim")
        asked += [clients.submit(collector.send, sent, key, Idempotency_Key=name) for _ in range(3)]
        assert collector.send(batch(span()), key, Idempotency_Key=name).status_code == 409
        assert not any(request.done() for request in asked)
        nats_server.signal(signal.SIGCONT)
        first_and_replays([request.result() for request in asked])
    assert len(queued(broker_of(nats_server), one["trace_id"])) == 1


def test_the_work_of_a_collector_that_was_killed_is_taken_over(
    collector: Collector, start: Start, nats_server: Program, settings: Settings, key: Key
) -> None:
    nats_server.start()
    changes = {"OVPO_BROKER__PORT": nats_server.port, "OVPO_BROKER__PASSWORD": SECRET}
    doomed, heir = start(**changes), start(**changes)
    doomed.start()
    heir.start()
    doomed.send(batch(span()), key)
    heir.send(batch(span()), key)
    one, name = span(), new_id()
    sent = batch(one)
    nats_server.signal(signal.SIGSTOP)
    with ThreadPoolExecutor(2) as clients:
        lost = clients.submit(doomed.send, sent, key, Idempotency_Key=name)
        until(lambda: row(settings, name), "the claim")
        doomed.kill()
        assert isinstance(lost.exception(), httpx.TransportError)
        nats_server.signal(signal.SIGCONT)
        taken = clients.submit(heir.send, sent, key, Idempotency_Key=name)
        assert row(settings, name) is not None
        change(settings, name, "leased_until = now()")
        answer = taken.result()
    assert (answer.status_code, answer.json()["processed_items"]) == (200, 1)
    assert len(queued(broker_of(nats_server), one["trace_id"])) == 1


def row(settings: Settings, name: str) -> tuple[object, ...] | None:
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        found = connection.execute(
            "SELECT owner FROM idempotency_keys WHERE tenant_id = 'demo' AND key_digest = %s", (digest(name.encode()),)
        ).fetchone()
    return tuple(found) if found else None


def change(settings: Settings, name: str, how: str) -> None:
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        statement = f"UPDATE idempotency_keys SET {how} WHERE key_digest = %s"
        assert connection.execute(statement.encode(), (digest(name.encode()),)).rowcount == 1


def test_an_answer_is_found_in_valkey_or_in_postgres_whichever_has_it(
    start: Start, valkey_server: Program, settings: Settings, key: Key
) -> None:
    valkey_server.start()
    collector = start(OVPO_CACHE__PORT=valkey_server.port, OVPO_CACHE__PASSWORD=SECRET)
    collector.start()
    name, sent = new_id(), batch(span())
    until(lambda: collector.metric('ovpo_collector_cache_unavailable_total{question="rate"}') == 0 or None, "Valkey")
    answers = [collector.send(sent, key, Idempotency_Key=name)]
    valkey_server.kill()
    valkey_server.start()
    answers.append(collector.send(sent, key, Idempotency_Key=name))
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        kept = connection.execute(
            "DELETE FROM idempotency_keys WHERE key_digest = %s RETURNING answer", (digest(name.encode()),)
        ).fetchone()
    assert kept is not None
    assert orjson.loads(bytes(kept[0])) == answers[0].json()
    first_and_replays(answers)


def test_a_collector_finds_in_valkey_what_another_one_answered(
    collector: Collector, settings: Settings, key: Key
) -> None:
    name, sent = new_id(), batch(span())
    answers = [collector.send(sent, key, Idempotency_Key=name)]
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute("DELETE FROM idempotency_keys WHERE key_digest = %s", (digest(name.encode()),))
    answers.append(collector.send(sent, key, Idempotency_Key=name))
    first_and_replays(answers)


def test_an_expired_key_may_be_used_for_another_batch(
    start: Start, valkey_server: Program, settings: Settings, key: Key
) -> None:
    collector = start(OVPO_CACHE__PORT=valkey_server.port, OVPO_CACHE__PASSWORD=SECRET)
    collector.start()
    name = new_id()
    assert collector.send(batch(span()), key, Idempotency_Key=name).status_code == 200
    change(settings, name, "expires_at = now()")
    answer = collector.send(batch(span()), key, Idempotency_Key=name)
    assert (answer.status_code, "duplicate" in answer.json()) == (200, False)


def test_an_answer_is_kept_for_at_least_a_day(collector: Collector, settings: Settings, key: Key) -> None:
    name = new_id()
    collector.send(batch(span()), key, Idempotency_Key=name)
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        found = connection.execute(
            "SELECT expires_at - requested_at FROM idempotency_keys WHERE key_digest = %s", (digest(name.encode()),)
        ).fetchone()
    assert found is not None
    assert found[0] >= timedelta(hours=24)


@pytest.fixture
def claims(settings: Settings) -> Iterator[PostgresClaims]:
    with open_pool(settings.postgres, PostgresRole.COLLECT) as pool:
        yield PostgresClaims(pool, timedelta(seconds=30), timedelta(hours=24))


def request(tenant: str, body: bytes = b"b") -> Request:
    return Request(tenant, digest(b"k"), digest(body), uuid4(), datetime.now(UTC))


def test_only_what_has_expired_is_purged_of_every_tenant(claims: PostgresClaims, settings: Settings) -> None:
    stale, fresh = [request(new_tenant(settings)) for _ in range(2)], request(new_tenant(settings))
    for one in (*stale, fresh):
        assert isinstance(asyncio.run(claims.claim(one)), Mine)
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute(
            "UPDATE idempotency_keys SET expires_at = now() WHERE tenant_id = ANY(%s)",
            ([one.tenant_id for one in stale],),
        )
    assert asyncio.run(claims.purge()) >= 2
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        left = connection.execute(
            "SELECT tenant_id FROM idempotency_keys WHERE tenant_id = ANY(%s)",
            ([one.tenant_id for one in (*stale, fresh)],),
        ).fetchall()
    assert left == [(fresh.tenant_id,)]


def test_the_first_answer_stands_when_a_late_owner_brings_another(claims: PostgresClaims, settings: Settings) -> None:
    late = request(new_tenant(settings))
    heir = Request(late.tenant_id, late.key, late.body, uuid4(), late.requested_at)
    assert isinstance(asyncio.run(claims.claim(late)), Mine)
    change_lease(settings, late.tenant_id)
    assert isinstance(asyncio.run(claims.claim(heir)), Mine)
    asyncio.run(claims.release(late))
    kept = [asyncio.run(claims.keep(who, answer)) for who, answer in ((heir, b"heir's"), (late, b"late one's"))]
    assert [one.answer for one in kept if isinstance(one, Kept)] == [b"heir's", b"heir's"]


def test_a_key_that_is_given_back_is_free_for_another_body(claims: PostgresClaims, settings: Settings) -> None:
    one = request(new_tenant(settings))
    other = request(one.tenant_id, b"other")
    assert isinstance(asyncio.run(claims.claim(one)), Mine)
    assert asyncio.run(claims.claim(other)) == Busy(one.body)
    asyncio.run(claims.release(one))
    assert isinstance(asyncio.run(claims.claim(other)), Mine)


def change_lease(settings: Settings, tenant: str) -> None:
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute("UPDATE idempotency_keys SET leased_until = now() WHERE tenant_id = %s", (tenant,))


def test_a_tenant_sees_its_own_keys_only_even_without_a_filter(claims: PostgresClaims, settings: Settings) -> None:
    mine, other = request(new_tenant(settings)), request(new_tenant(settings))
    for one in (mine, other):
        asyncio.run(claims.claim(one))
    with tenant_transaction(claims.pool, mine.tenant_id) as connection:
        assert connection.execute("SELECT DISTINCT tenant_id FROM idempotency_keys").fetchall() == [(mine.tenant_id,)]
        assert connection.execute("UPDATE idempotency_keys SET answer = 'x'").rowcount == 1
    with transaction(claims.pool) as connection:
        assert connection.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (0,)
