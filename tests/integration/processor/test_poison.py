# SPDX-License-Identifier: Apache-2.0
"""A message that can never be written becomes a dead letter with a reason; the others are stored."""

import asyncio
from typing import Any

from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.message import DeadLetter, Message
from ovpo.foundation.settings import tree
from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.queue import QUEUE
from tests.integration.collector.batches import event, new_id, span, trace
from tests.integration.collector.conftest import until
from tests.integration.processor.conftest import Kept, Processor, queue_up, settled
from tests.unit.telemetry.processor.records import NOON, message


def publish(broker: tree.Broker, *payloads: bytes) -> list[str]:
    """Put bytes into the queue as they are; give their message ids."""
    messages = [Message(new_id(), "demo", new_id(), payload) for payload in payloads]

    async def put() -> None:
        opened = await open_broker(broker)
        try:
            await opened.ensure(QUEUE)
            await opened.publisher(QUEUE).publish_many(messages)
        finally:
            await opened.close()

    asyncio.run(put())
    return [one.message_id for one in messages]


def letters(broker: tree.Broker) -> dict[str, DeadLetter]:
    async def read() -> list[DeadLetter]:
        opened = await open_broker(broker)
        try:
            await opened.ensure(QUEUE)
            return await opened.dead_letters(QUEUE).page(None, 1000)
        finally:
            await opened.close()

    return {letter.message_id: letter for letter in asyncio.run(read())}


def buried(broker: tree.Broker, message_id: str) -> DeadLetter:
    return until(lambda: letters(broker).get(message_id), "a dead letter")


def without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


POISON = {
    "foreign bytes": (b"\x00\xff not ours", "unreadable: no envelope"),
    "another's JSON": (b'{"video": 1}', "unreadable: no envelope"),
    "a wrong hash": (message(span(), content_hash="0" * 64), "unreadable: the items do not match content_hash"),
    "half an item": (message(without(span(), "name")), "unreadable: an item does not keep the contract"),
    "no trace id": (message(span("not-an-id")), "PostgreSQL refuses an item: 22P02 InvalidTextRepresentation"),
    "a zero byte": (message(span(name="a\x00b")), "PostgreSQL refuses an item: "),
    "a minus": (message(event(new_id(), 0) | {"frame_index": -1}), "ClickHouse refuses an item: "),
    "no instant": (message(event(new_id(), 0) | {"observed_at": "YESTERDAY"}), "ClickHouse refuses an item: "),
    "no event type": (message(event(new_id(), 0) | {"event_type": "frame_lost"}), "ClickHouse refuses an item: "),
    "too long ago": (message(event(new_id(), 0), received_at=NOON.replace(year=1901)), "unreadable: received_at"),
    "too far ahead": (message(event(new_id(), 0), received_at=NOON.replace(year=2106)), "unreadable: received_at"),
}


def test_poison_is_buried_with_its_reason_and_the_others_are_stored(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    dead = processor.metric("ovpo_processor_dead_letters_total")
    good = [new_id() for _ in POISON]
    payloads = [payload for payload, _ in POISON.values()]
    mixed = [(bad, message(trace(one), event(one, 0))) for bad, one in zip(payloads, good, strict=True)]
    sent = publish(settings.broker, *(payload for pair in mixed for payload in pair))
    for one in good:
        assert settled(kept, one, lambda found: bool(found["frame_events"] == 1))
    for bad, (_, reason) in zip(sent[::2], POISON.values(), strict=True):
        letter = buried(settings.broker, bad)
        assert letter.reason.startswith(reason), letter.reason
        assert (letter.tenant, letter.attempts) == ("demo", 1)
    assert processor.metric("ovpo_processor_dead_letters_total") == dead + len(POISON)
    assert letters(settings.broker).keys().isdisjoint(sent[1::2])


def test_a_reason_holds_nothing_of_what_was_sent(processor: Processor, settings: Settings) -> None:
    secrets = [
        message(span("alice@example.org")),
        message(event(new_id(), 0) | {"observed_at": "ALICE@EXAMPLE.ORG"}),
        message(trace(new_id(), pipeline_config={"prompt": "alice@example.org\x00"})),
    ]
    for bad in publish(settings.broker, *secrets):
        assert "alice" not in buried(settings.broker, bad).reason.lower()
    assert "alice" not in processor.log.read_text().lower()


def test_a_message_without_items_is_finished_and_forgotten(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    [empty] = publish(settings.broker, message())
    one = new_id()
    queue_up(settings.broker, trace(one))
    settled(kept, one)
    assert empty not in letters(settings.broker)
    assert processor.metric("ovpo_processor_faults_total") == 0


def test_a_fault_of_the_processor_puts_the_message_off_and_holds_nothing_up(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    """PostgreSQL reads an id in capitals, and gives it back in small letters: nothing here expects that."""
    before = processor.metric("ovpo_processor_faults_total")
    one = new_id()
    [odd, _] = publish(settings.broker, message(event(new_id().upper(), 0)), message(trace(one)))
    settled(kept, one)
    until(lambda: processor.metric("ovpo_processor_faults_total") > before or None, "a fault that is counted")
    assert odd not in letters(settings.broker)
    assert odd in processor.log.read_text()


def test_what_postgres_took_of_a_message_that_clickhouse_refuses_is_settled(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    one = new_id()
    [bad] = publish(settings.broker, message(trace(one), event(one, 0) | {"frame_index": -1}))
    assert buried(settings.broker, bad).reason.startswith("ClickHouse refuses an item")
    assert settled(kept, one)["frame_events"] == 0


def test_the_metrics_tell_what_was_written(processor: Processor, settings: Settings, kept: Kept) -> None:
    def numbers() -> list[float]:
        kinds = [
            processor.metric(f'ovpo_processor_items_total{{type="{kind}"}}') for kind in ("trace", "span", "event")
        ]
        samples = ("lag_seconds_count", "settled_traces_total", "refused_items_total", "redelivered_messages_total")
        return kinds + [processor.metric(f"ovpo_processor_{name}") for name in samples]

    one, before = new_id(), numbers()
    first, second = span(one), span(one, name="second")
    second["span_id"] = first["span_id"]
    queue_up(settings.broker, trace(one), first, second, *(event(one, index) for index in range(3)))
    settled(kept, one)
    more = [after - then for after, then in zip(numbers(), before, strict=True)]
    assert more[:3] == [1, 2, 3]
    assert more[3] == 1
    assert more[4] >= 1
    assert more[5] == 1
    assert processor.metric('ovpo_processor_write_seconds_count{backend="clickhouse"}') > 0
    assert processor.metric('ovpo_processor_write_errors_total{backend="clickhouse"}') > 0
