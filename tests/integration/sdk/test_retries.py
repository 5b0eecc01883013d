# SPDX-License-Identifier: Apache-2.0
"""Sending again: the same bytes under the same key, not before the time, and each item taken once."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ovpo_sdk import OvpoClient, SpanKind, SpanStatus
from ovpo_sdk.ids import new_id
from ovpo_sdk.records import SpanRecord
from ovpo_sdk.testing import Receiver
from ovpo_sdk.testing.faults import Answering, Fault, TakenThenCut
from ovpo_sdk.testing.receiver import Request
from ovpo_sdk.transport.answers import ItemError
from tests.integration.sdk.clients import SOON, a_client, until

DECODE = SpanKind.DECODE
BAD_BATCH = b'{"error":{"code":"INVALID_SCHEMA","message":"it is not one"}}'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def batches(receiver: Receiver) -> list[Request]:
    return [one for one in receiver.requests if one.method == "POST"]


def ids_in(body: bytes) -> list[str]:
    items = msgspec.json.decode(body)["items"]
    return [item.get("event_id") or item.get("span_id") or item["trace_id"] + item["status"] for item in items]


def a_run(client: OvpoClient, frames: int = 3) -> int:
    """Trace a run; tell how many items that makes."""
    with client.trace() as trace, trace.span(DECODE) as span:
        for index in range(frames):
            span.frame(index, 40.0 * index)
    return frames + 3


def a_span(**changes: Any) -> SpanRecord:
    now = datetime.now(UTC)
    made = SpanRecord(new_id(), new_id(), DECODE, "a span", now, SpanStatus.OK, "0.08", end_time=now)
    return msgspec.structs.replace(made, **changes)


def all_arrived_once(receiver: Receiver, client: OvpoClient, items: int) -> None:
    records = sum(len(receiver.trace_records(one.trace_id)) for one in receiver.traces())
    assert records + len(receiver.spans()) + len(receiver.frames()) == items
    assert (client.counters().delivered, client.counters().waiting) == (items, 0)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Answering(503, for_requests=2), "unavailable"),
        (Answering(429, {"Retry-After": "0"}, for_requests=2), "busy"),
        (Answering(200, body=b"<html>welcome</html>", for_requests=2), "garbage"),
        (TakenThenCut(for_requests=2), "cut"),
    ],
)
def test_a_batch_is_sent_again_with_the_same_key_and_the_same_bytes(
    receiver: Receiver, fault: Fault, cause: str
) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = fault
        items = a_run(client)
        assert client.flush(SOON)
        tries = batches(receiver)
        assert len(tries) >= 3
        assert len({one.idempotency_key for one in tries}) == 1
        assert len({one.body for one in tries}) == 1
        assert client.counters().failures[cause] >= 1
        all_arrived_once(receiver, client, items)


def test_a_batch_that_failed_is_tried_again_soon_though_nothing_new_comes(receiver: Receiver) -> None:
    with a_client(receiver, flush_seconds=600) as client:
        receiver.fault = Answering(503, for_requests=1)
        items = a_run(client)
        assert receiver.until(lambda seen: len(seen.spans()) == 1, SOON)
        assert until(lambda: client.counters().delivered == items)


def test_items_that_come_during_an_outage_travel_in_batches_of_their_own(receiver: Receiver) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = Answering(503)
        items = a_run(client)
        assert receiver.until(lambda _: bool(batches(receiver)), SOON)
        items += a_run(client)
        receiver.fault = Answering(503, for_requests=1)
        assert client.flush(SOON)
        taken = [one for one in batches(receiver) if one.status == 200]
        assert [one for one in Counter(id_ for one in taken for id_ in ids_in(one.body)).values() if one > 1] == []
        first = [one for one in batches(receiver) if one.idempotency_key == batches(receiver)[0].idempotency_key]
        assert len({one.body for one in first}) == 1
        all_arrived_once(receiver, client, items)


def test_retry_after_is_waited_for(receiver: Receiver) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = Answering(429, {"Retry-After": "1"}, for_requests=1)
        items = a_run(client)
        a_second_run = a_run(client)
        assert client.flush(SOON)
        first, second, *_ = batches(receiver)
        assert second.at - first.at >= 1.0
        all_arrived_once(receiver, client, items + a_second_run)


def test_a_key_that_another_body_has_is_replaced_once(receiver: Receiver) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = Answering(409, for_requests=1)
        items = a_run(client)
        assert client.flush(SOON)
        first, second = batches(receiver)
        assert first.idempotency_key != second.idempotency_key
        assert ids_in(first.body) == ids_in(second.body)
        all_arrived_once(receiver, client, items)


def test_a_batch_that_is_in_conflict_for_ever_is_given_up(receiver: Receiver) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = Answering(409, for_requests=2)
        refused = a_run(client)
        assert client.flush(SOON)
        assert client.counters().refused == refused
        assert client.counters().refusals == {"Conflict": refused}
        a_run(client)
        assert client.flush(SOON)
        assert len(receiver.traces()) == 1


def test_a_batch_that_is_too_large_is_halved_until_it_fits(receiver: Receiver) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = Answering(413, for_requests=3)
        items = a_run(client, frames=200)
        assert client.flush(SOON)
        taken = [one for one in batches(receiver) if one.status == 200]
        assert len(taken) == 4
        assert len({one.idempotency_key for one in batches(receiver)}) == 7
        all_arrived_once(receiver, client, items)


def test_half_of_a_batch_keeps_its_key_while_it_is_tried_again(receiver: Receiver) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = Answering(413, for_requests=1)
        items = a_run(client)
        assert receiver.until(lambda _: bool(batches(receiver)), SOON)
        receiver.fault = Answering(503, for_requests=1)
        assert client.flush(SOON)
        all_arrived_once(receiver, client, items)
        keys = Counter(one.idempotency_key for one in batches(receiver))
        assert sum(keys.values()) >= 3


def test_an_item_that_is_too_large_for_any_batch_is_given_up_alone(receiver: Receiver) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = Answering(413, for_requests=1)
        client.emit(a_span())
        assert client.flush(SOON)
        assert client.counters().refusals == {"TooLarge": 1}


def test_a_batch_that_is_refused_as_a_whole_is_not_sent_again(receiver: Receiver) -> None:
    with a_client(receiver, tenant=receiver.tenant) as client:
        receiver.fault = Answering(400, body=BAD_BATCH, for_requests=1)
        items = a_run(client)
        assert client.flush(SOON)
        assert client.counters().refusals == {"INVALID_SCHEMA": items}
        a_run(client)
        assert client.flush(SOON)
        assert len(batches(receiver)) == 2


def test_refused_items_are_told_one_by_one_and_the_others_arrive(receiver: Receiver) -> None:
    heard: list[ItemError] = []
    with a_client(receiver, on_error=heard.append) as client:
        bad = a_span(name="n" * 129)
        client.emit(a_span())
        client.emit(bad)
        client.emit(a_span())
        assert client.flush(SOON)
        assert [(one.item_index, one.item_type, one.code, one.field, one.item_id) for one in heard] == [
            (1, "span", "FIELD_TOO_LARGE", "$.name", bad.span_id)
        ]
        seen = client.counters()
        assert (seen.delivered, seen.refused, seen.refusals) == (2, 1, {"FIELD_TOO_LARGE": 1})
        assert len(receiver.spans()) == 2


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt()])
def test_a_callback_that_raises_harms_nothing(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def raising(_: ItemError) -> None:
        raise error

    with caplog.at_level(logging.WARNING, "ovpo_sdk"), a_client(receiver, on_error=raising) as client:
        for _ in range(2):
            client.emit(a_span(name="n" * 129))
            assert client.flush(SOON)
        client.emit(a_span())
        assert client.flush(SOON)
        assert (client.counters().refused, client.counters().delivered) == (2, 1)
        assert client.counters().failures == {}
    told = [one.getMessage() for one in caplog.records]
    assert [one for one in told if type(error).__name__ in one and "on_error" in one]
    assert not [one for one in told if "a fault of the SDK" in one]


def test_a_callback_may_flush_and_close_its_own_client(receiver: Receiver) -> None:
    made: list[OvpoClient] = []
    done = threading.Event()

    def closing(_: ItemError) -> None:
        made[0].flush(0.01)
        made[0].close()
        done.set()

    with a_client(receiver, on_error=closing, exit_seconds=0.05) as client:
        made.append(client)
        client.emit(a_span(name="n" * 129))
        client.flush(0.2)
        assert done.wait(SOON)


def test_flush_tells_that_nothing_was_delivered_and_later_that_all_was(receiver: Receiver) -> None:
    with a_client(receiver) as client:
        receiver.stop()
        items = a_run(client)
        assert not client.flush(0.05)
        assert not receiver.spans()
        receiver.start()
        assert client.flush(SOON)
        all_arrived_once(receiver, client, items)


def test_flush_of_nothing_is_immediate_and_asks_nobody(receiver: Receiver) -> None:
    with a_client(receiver) as client:
        assert client.flush(SOON)
    assert not receiver.requests


@pytest.mark.parametrize("spooled", [False, True])
def test_flush_ends_while_another_thread_goes_on_emitting(receiver: Receiver, tmp_path: Any, spooled: bool) -> None:
    with a_client(receiver, flush_seconds=600, spool=tmp_path if spooled else None) as client:
        stopping = threading.Event()

        def emit() -> None:
            trace = client.trace().start()
            span = trace.span(DECODE).start()
            index = 0
            while not stopping.wait(0.0005):
                span.frame(index, 1.0 * index)
                index += 1

        emitting = threading.Thread(target=emit)
        emitting.start()
        try:
            for _ in range(5):
                assert client.flush(SOON)
            assert client.counters().requests < 100
        finally:
            stopping.set()
            emitting.join()
        assert client.flush(SOON)
        assert client.counters().delivered == client.counters().emitted


def test_much_telemetry_is_sent_before_the_time_and_none_is_dropped(receiver: Receiver) -> None:
    with a_client(receiver, flush_seconds=600, buffer_bytes=10_000_000) as client:
        trace = client.trace().start()
        span = trace.span(DECODE).start()
        index = 0
        while client.counters().requests < 5:
            for _ in range(500):
                span.frame(index, 1.0 * index)
                index += 1
            assert until(lambda: client.counters().waiting_bytes < 2_500_000)
        assert client.flush(SOON)
        assert len(receiver.frames()) == index
