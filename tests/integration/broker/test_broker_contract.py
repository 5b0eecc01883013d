# SPDX-License-Identifier: Apache-2.0
"""What every broker must do with a message: carry it, bring it again, give it up; told through the interface."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ovpo.foundation.broker.capability import Capability
from ovpo.foundation.broker.errors import (
    DeadLetterNotFoundError,
    MessageRefusedError,
)
from ovpo.foundation.broker.message import (
    MAX_FETCH_BYTES,
    MAX_PAYLOAD_BYTES,
    Message,
    Queue,
)
from tests.integration.broker.story import HASTY, PATIENT, drain, exhaust, ids, message, messages, take

if TYPE_CHECKING:
    from ovpo.foundation.broker.interface import Broker, Delivery
    from tests.integration.broker.conftest import Play


def test_what_is_published_arrives_unchanged(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        sent = Message("id-1", "acme", "trace-9", bytes(range(256)), {"Content-Type": "application/json", "Empty": ""})
        before = datetime.now(UTC) - timedelta(seconds=5)
        await broker.publisher(queue).publish_many([sent])
        [delivery] = await (await broker.consumer(queue, "reader", PATIENT)).fetch(5, 5)
        assert delivery.stored.message == sent
        assert delivery.attempt == 1
        assert before < delivery.stored.published_at < datetime.now(UTC) + timedelta(seconds=5)

    play(story)


def test_messages_of_one_trace_keep_their_order(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        sent = messages(300, traces=7)
        await broker.publisher(queue).publish_many(sent)
        seen = defaultdict(list)
        for delivery in await drain(await broker.consumer(queue, "reader", PATIENT), len(sent)):
            seen[delivery.stored.message.trace_key].append(delivery.stored.message)
        for trace, received in seen.items():
            assert received == [one for one in sent if one.trace_key == trace]

    play(story)


def test_a_consumer_tells_how_many_messages_wait_where_its_broker_can(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(5))
        consumer = await broker.consumer(queue, "reader", PATIENT)
        taken = await consumer.fetch(2, 5)
        if Capability.COUNTING in broker.capabilities:
            assert await consumer.waiting() == 5 - len(taken)
        else:
            assert await consumer.waiting() is None

    play(story)


def test_a_message_without_an_answer_comes_again(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(1))
        consumer = await broker.consumer(queue, "reader", HASTY)
        [first] = await consumer.fetch(1, 5)
        [second] = await consumer.fetch(1, 5)
        assert (first.attempt, second.attempt) == (1, 2)
        assert second.stored == first.stored

    play(story)


def test_an_acknowledged_message_does_not_come_again(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(1))
        consumer = await broker.consumer(queue, "reader", HASTY)
        [delivery] = await consumer.fetch(1, 5)
        await delivery.ack()
        assert await consumer.fetch(1, 3 * HASTY.ack_within.total_seconds()) == []

    play(story)


def test_a_message_that_was_given_back_comes_again_after_its_delay(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(2))
        consumer = await broker.consumer(queue, "reader", PATIENT)
        soon, late = await take(consumer, 2)
        await late.nak(60, "the store is busy")
        await soon.nak(0.2, "the store is busy")
        again = await consumer.fetch(2, 5)
        assert [(one.stored, one.attempt) for one in again] == [(soon.stored, 2)]
        assert await consumer.fetch(1, 0.5) == []

    play(story)


def test_what_was_finished_out_of_turn_stays_finished_for_the_next_consumer(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(3))
        consumer = await broker.consumer(queue, "reader", HASTY)
        first, _, third = await take(consumer, 3)
        await asyncio.gather(first.ack(), third.ack())
        await consumer.close()
        following = await broker.consumer(queue, "reader", HASTY)
        [second] = await following.fetch(3, 5)
        assert (second.stored.message.message_id, second.attempt) == ("id-1", 2)
        await second.ack()
        assert await following.fetch(3, 3 * HASTY.ack_within.total_seconds()) == []

    play(story)


def test_a_message_that_fails_every_attempt_becomes_a_dead_letter(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        poison = Message("poison", "acme", "trace-9", b"\x00bad", {"Kind": "span"})
        await broker.publisher(queue).publish_many([poison])
        consumer = await broker.consumer(queue, "reader", PATIENT)
        await exhaust(consumer, "cannot parse\nline two: é")
        assert await consumer.fetch(1, 0.5) == []
        [letter] = await broker.dead_letters(queue).page(None, 10)
        assert (letter.message_id, letter.tenant, letter.trace_key) == ("poison", "acme", "trace-9")
        assert (letter.attempts, letter.payload_bytes, dict(letter.headers)) == (3, 4, {"Kind": "span"})
        assert letter.reason == "cannot parse line two: \\xe9"
        assert await broker.dead_letters(queue).inspect(letter.letter_id) == letter
        assert await broker.dead_letters(queue).payload(letter.letter_id) == b"\x00bad"

    play(story)


def test_a_message_that_kills_every_consumer_becomes_a_dead_letter(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(1))
        for _ in range(HASTY.most_attempts):
            consumer = await broker.consumer(queue, "reader", HASTY)
            assert len(await consumer.fetch(1, 5)) == 1
            await consumer.close()
        consumer = await broker.consumer(queue, "reader", HASTY)
        while not (letters := await broker.dead_letters(queue).page(None, 10)):
            assert await consumer.fetch(1, 0.2) == []
        assert letters[0].message_id == "id-0"

    play(story)


def test_a_message_can_be_given_up_at_once(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(1))
        consumer = await broker.consumer(queue, "reader", HASTY)
        [delivery] = await consumer.fetch(1, 5)
        await delivery.term("schema 0.07")
        [letter] = await broker.dead_letters(queue).page(None, 10)
        assert (letter.reason, letter.attempts) == ("schema 0.07", 1)
        assert await consumer.fetch(1, 3 * HASTY.ack_within.total_seconds()) == []
        await consumer.close()
        assert await (await broker.consumer(queue, "reader", HASTY)).fetch(1, 0.5) == []

    play(story)


def test_a_replayed_dead_letter_starts_anew_and_is_gone_from_the_list(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        sent = Message("poison", "acme", "trace-9", b"mended now", {"Kind": "span"})
        await broker.publisher(queue).publish_many([sent])
        consumer = await broker.consumer(queue, "reader", PATIENT)
        letters = broker.dead_letters(queue)
        for _ in range(2):
            await exhaust(consumer, "the store said no")
            [letter] = await letters.page(None, 10)
            await letters.replay(letter.letter_id)
            assert await letters.page(None, 10) == []
        [delivery] = await consumer.fetch(1, 5)
        assert (delivery.stored.message, delivery.attempt) == (sent, 1)
        with pytest.raises(DeadLetterNotFoundError, match=letter.letter_id):
            await letters.replay(letter.letter_id)

    play(story)


def test_dead_letters_are_paged_and_removed(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(5))
        consumer, letters = await broker.consumer(queue, "reader", PATIENT), broker.dead_letters(queue)
        for delivery in await take(consumer, 5):
            await delivery.term("no")
        first = await letters.page(None, 3)
        second = await letters.page(first[-1].letter_id, 3)
        assert [letter.message_id for letter in first + second] == [f"id-{n}" for n in range(5)]
        assert await letters.page(second[-1].letter_id, 3) == []
        await letters.remove(first[1].letter_id)
        assert [letter.message_id for letter in await letters.page(None, 9)] == ["id-0", "id-2", "id-3", "id-4"]
        for call in (letters.remove, letters.inspect, letters.payload, letters.replay):
            for letter_id in (first[1].letter_id, "999999", "no-id", "0", ""):
                with pytest.raises(DeadLetterNotFoundError):
                    await call(letter_id)

    play(story)


def test_a_message_id_that_comes_again_is_stored_once_or_told_by_its_id(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        publisher = broker.publisher(queue)
        await publisher.publish_many([message(1), message(2), message(1)])
        await publisher.publish_many([message(2), message(3)])
        consumer = await broker.consumer(queue, "reader", PATIENT)
        received = ids(await drain(consumer, 3)) + ids(await consumer.fetch(9, 0.3))
        if Capability.DEDUPLICATION in broker.capabilities:
            assert received == ["id-1", "id-2", "id-3"]
        else:
            assert received == ["id-1", "id-2", "id-1", "id-2", "id-3"]

    play(story)


def test_a_message_of_the_largest_size_passes_the_whole_way(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        payload = b"0123456789abcdef" * (MAX_PAYLOAD_BYTES // 16)
        sent = [message(n, payload=payload) for n in range(8)]
        await broker.publisher(queue).publish_many(sent, within=30)
        consumer = await broker.consumer(queue, "reader", PATIENT)
        taken: list[Delivery] = []
        while len(taken) < len(sent):
            batch = await consumer.fetch(100, 10)
            assert sum(len(one.stored.message.payload) for one in batch) <= MAX_FETCH_BYTES
            taken += batch
        assert [one.stored.message for one in taken] == sent
        await taken[0].term("too much to chew")
        [letter] = await broker.dead_letters(queue).page(None, 10)
        assert letter.payload_bytes == MAX_PAYLOAD_BYTES
        assert await broker.dead_letters(queue).payload(letter.letter_id) == payload
        await broker.dead_letters(queue).replay(letter.letter_id)
        [again] = await consumer.fetch(10, 10)
        assert again.stored.message == sent[0]

    play(story)


def test_a_larger_message_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(MessageRefusedError, match=r"id-1 has 10485761 bytes.*at most 10485760"):
        message(1, payload=bytes(MAX_PAYLOAD_BYTES + 1))
