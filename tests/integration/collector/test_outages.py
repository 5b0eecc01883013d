# SPDX-License-Identifier: Apache-2.0
"""What a collector answers while a server is away, and after it came back."""

import signal

import httpx
import pytest

from ovpo.foundation.settings.tree import Settings
from tests.conftest import free_ports
from tests.integration.collector.batches import batch, new_id, span
from tests.integration.collector.conftest import SECRET, Program, Start, broker_of, queued, until

Key = dict[str, str]


def refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE"), answer.text
    assert int(answer.headers["retry-after"]) > 0


def test_without_a_broker_nothing_is_claimed_and_after_its_return_a_retry_works_once(
    start: Start, nats_server: Program, key: Key
) -> None:
    nats_server.start()
    collector = start(
        OVPO_BROKER__PORT=nats_server.port, OVPO_BROKER__PASSWORD=SECRET, OVPO_COLLECTOR__PUBLISH_TIMEOUT_SECONDS=1
    )
    collector.start()
    assert collector.send(batch(span()), key).status_code == 200
    one, name = span(), new_id()
    sent, plain = batch(one), batch(span(one["trace_id"]))
    nats_server.kill()
    for _ in range(2):
        answer = collector.send(sent, key, Idempotency_Key=name)
        refused(answer)
        assert "x-ratelimit-remaining" in answer.headers
    refused(collector.send(plain, key))
    assert collector.metric("ovpo_collector_publish_failures_total") == 3
    assert httpx.get(f"{collector.url}/readyz").status_code == 503
    assert httpx.get(f"{collector.url}/healthz").status_code == 200
    nats_server.start()
    until(lambda: httpx.get(f"{collector.url}/readyz").status_code == 200 or None, "readiness")
    first, second = (collector.send(sent, key, Idempotency_Key=name) for _ in range(2))
    assert (first.status_code, "duplicate" in first.json()) == (200, False)
    assert second.json()["duplicate"] is True
    assert collector.send(plain, key).status_code == 200
    assert len(queued(broker_of(nats_server), one["trace_id"])) == 2


def test_a_batch_sent_while_the_broker_restarts_is_taken_when_it_is_back_in_time(
    start: Start, nats_server: Program, key: Key
) -> None:
    nats_server.start()
    collector = start(OVPO_BROKER__PORT=nats_server.port, OVPO_BROKER__PASSWORD=SECRET)
    collector.start()
    collector.send(batch(span()), key)
    nats_server.kill()
    nats_server.start()
    one = span()
    assert collector.send(batch(one), key).status_code == 200
    assert len(queued(broker_of(nats_server), one["trace_id"])) == 1


def test_a_collector_may_start_before_its_broker(start: Start, nats_server: Program, key: Key) -> None:
    collector = start(OVPO_BROKER__PORT=nats_server.port, OVPO_BROKER__PASSWORD=SECRET)
    collector.start("/healthz")
    refused(collector.send(batch(span()), key))
    nats_server.start()
    until(lambda: collector.send(batch(span()), key).status_code == 200 or None, "a batch that is taken")


def test_a_queue_that_was_lost_with_its_server_is_made_anew(
    start: Start, nats_server: Program, tmp_path: object, key: Key
) -> None:
    nats_server.start()
    collector = start(
        OVPO_BROKER__PORT=nats_server.port, OVPO_BROKER__PASSWORD=SECRET, OVPO_COLLECTOR__PUBLISH_TIMEOUT_SECONDS=1
    )
    collector.start()
    collector.send(batch(span()), key)
    nats_server.kill()
    (nats_server.log.parent / "jetstream").rename(nats_server.log.parent / "lost")
    nats_server.start()
    until(lambda: collector.send(batch(span()), key).status_code == 200 or None, "a batch that is taken")


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_without_valkey_everything_is_still_right_and_counted(
    start: Start, valkey_server: Program, settings: Settings, key: Key, how: str
) -> None:
    valkey_server.start()
    collector = start(OVPO_CACHE__PORT=valkey_server.port, OVPO_CACHE__PASSWORD=SECRET)
    collector.start()
    one, name = span(), new_id()
    sent = batch(one)
    until(lambda: rated(collector.send(batch(span()), key)), "an answer of Valkey")
    if how == "killed":
        valkey_server.kill()
    else:
        valkey_server.signal(signal.SIGSTOP)
    answers = [collector.send(sent, key, Idempotency_Key=name) for _ in range(2)]
    assert [(answer.status_code, "duplicate" in answer.json()) for answer in answers] == [(200, False), (200, True)]
    assert collector.send(batch(span()), key, Idempotency_Key=name).status_code == 409
    assert answers[0].headers["x-ratelimit-limit"] == answers[0].headers["x-ratelimit-remaining"]
    assert len(queued(settings.broker, one["trace_id"])) == 1
    assert collector.metric('ovpo_collector_cache_unavailable_total{question="rate"}') >= 3
    assert collector.metric('ovpo_collector_cache_unavailable_total{question="answer"}') >= 3
    assert len(collector.lines("cache.away")) == 1
    assert httpx.get(f"{collector.url}/readyz").status_code == 200
    if how == "killed":
        valkey_server.start()
    else:
        valkey_server.signal(signal.SIGCONT)
    until(lambda: rated(collector.send(batch(span()), key)), "rates that count again")
    assert len(collector.lines("cache.back")) == 1
    assert collector.send(sent, key, Idempotency_Key=name).json()["duplicate"] is True


def rated(answer: httpx.Response) -> bool | None:
    """Tell whether the budget was really asked: one that was has less than all left."""
    assert answer.status_code == 200
    return answer.headers["x-ratelimit-limit"] != answer.headers["x-ratelimit-remaining"] or None


def test_without_postgres_keys_cannot_be_checked(start: Start, key: Key) -> None:
    [nobody] = free_ports(1)
    collector = start(OVPO_POSTGRES__PORT=nobody)
    collector.start("/healthz")
    refused(collector.send(batch(span()), key))
    backends = {one["name"]: one["ready"] for one in httpx.get(f"{collector.url}/readyz").json()["backends"]}
    assert backends == {"postgres": False, "broker": True}
