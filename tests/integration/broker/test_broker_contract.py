# SPDX-License-Identifier: Apache-2.0
"""What every broker must do, told through the interface against the real server of each adapter."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ovpo.foundation.broker.errors import (
    BrokerError,
    BrokerUnavailableError,
    DeadLetterNotFoundError,
    MessageRefusedError,
    UnconfirmedError,
)
from ovpo.foundation.broker.message import (
    MAX_FETCH_BYTES,
    MAX_PAYLOAD_BYTES,
    FromSequence,
    FromTime,
    Message,
    Queue,
    Retries,
)

if TYPE_CHECKING:
    from collections.abc import Sized

    from ovpo.foundation.broker.interface import Broker, Consumer, Delivery
    from tests.integration.broker.conftest import Play, Rig

PATIENT = Retries(most_attempts=3, ack_within=timedelta(seconds=30))
HASTY = Retries(most_attempts=3, ack_within=timedelta(milliseconds=300))


def message(number: int, *, tenant: str = "acme", trace: str = "trace", payload: bytes = b"x") -> Message:
    return Message(f"id-{number}", tenant, trace, payload)


def messages(total: int, *, start: int = 0, traces: int = 1) -> list[Message]:
    return [message(n, trace=f"trace-{n % traces}") for n in range(start, start + total)]


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.stored.message.message_id for delivery in deliveries]


async def drain(consumer: Consumer, total: int) -> list[Delivery]:
    """Take and acknowledge until so many different messages were seen."""
    taken: list[Delivery] = []
    while len(set(ids(taken))) < total:
        batch = await consumer.fetch(100, 5)
        assert batch, f"the queue gave {len(set(ids(taken)))} of {total} messages and then nothing"
        await asyncio.gather(*(delivery.ack() for delivery in batch))
        taken += batch
    return taken


async def grown(what: Sized, least: int) -> None:
    """Wait until there are so many; the story's own deadline bounds it."""
    while len(what) < least:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def exhaust(consumer: Consumer, reason: str) -> None:
    """Give one message back until it is given up."""
    for attempt in range(1, PATIENT.most_attempts + 1):
        [delivery] = await consumer.fetch(1, 5)
        assert delivery.attempt == attempt
        await delivery.nak(0, reason)


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
        soon, late = await consumer.fetch(2, 5)
        await late.nak(60, "the store is busy")
        await soon.nak(0.2, "the store is busy")
        again = await consumer.fetch(2, 5)
        assert [(one.stored, one.attempt) for one in again] == [(soon.stored, 2)]
        assert await consumer.fetch(1, 0.5) == []

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
        for delivery in await consumer.fetch(5, 5):
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


def test_a_message_id_that_comes_again_is_stored_once(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        publisher = broker.publisher(queue)
        await publisher.publish_many([message(1), message(2), message(1)])
        await publisher.publish_many([message(2), message(3)])
        consumer = await broker.consumer(queue, "reader", PATIENT)
        assert ids(await drain(consumer, 3)) == ["id-1", "id-2", "id-3"]
        assert await consumer.fetch(1, 0.3) == []

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


def test_nothing_confirmed_is_lost_when_the_broker_is_killed(rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        publisher = broker.publisher(queue)
        confirmed: set[str] = set()
        done = asyncio.Event()

        async def publish() -> None:
            for start in range(0, 10_000_000, 50):
                batch = messages(50, start=start, traces=5)
                await publisher.publish_many(batch, within=20)
                confirmed.update(one.message_id for one in batch)
                if done.is_set():
                    return

        publishing = asyncio.create_task(publish())
        for kills in range(1, 4):
            await grown(confirmed, 300 * kills)
            rig.kill()
            rig.start()
        done.set()
        await publishing
        received = ids(await drain(await broker.consumer(queue, "reader", PATIENT), len(confirmed)))
        assert set(received) == confirmed
        assert len(received) == len(confirmed)

    play(story)


def test_an_answer_given_while_the_broker_crashes_counts_or_its_giver_is_told(rig: Rig, play: Play) -> None:
    """A crash may take the memory of a delivery with it: then nothing confirms it, and the message comes again."""

    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(3))
        consumer = await broker.consumer(queue, "reader", Retries(5, timedelta(seconds=2)))
        acked, given_back, given_up = await consumer.fetch(3, 5)
        rig.kill()
        answers = asyncio.gather(
            acked.ack(), given_back.nak(0, "later"), given_up.term("never"), return_exceptions=True
        )
        await asyncio.sleep(0)
        rig.start()
        told = [isinstance(outcome, BrokerUnavailableError) for outcome in await answers]
        again = {"id-1"} | ({"id-0"} if told[0] else set()) | ({"id-2"} if told[2] else set())
        seen: set[str] = set()
        async with asyncio.timeout(20):
            while not seen >= again:
                seen |= set(ids(await consumer.fetch(3, 5)))
        assert seen == again
        letters = [letter.message_id for letter in await broker.dead_letters(queue).page(None, 5)]
        assert told[2] or letters == ["id-2"]

    play(story)


def test_a_consumer_goes_on_after_a_restart(rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        consumer = await broker.consumer(queue, "reader", PATIENT)
        waiting = asyncio.create_task(consumer.fetch(10, 20))
        await asyncio.sleep(0)
        rig.kill()
        rig.start()
        await broker.publisher(queue).publish_many(messages(1))
        assert ids(await waiting) == ["id-0"]

    play(story)


def test_publishing_to_a_broker_that_is_down_names_what_is_not_confirmed(rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        rig.kill()
        with pytest.raises(UnconfirmedError, match="2 messages not confirmed") as failure:
            await broker.publisher(queue).publish_many(messages(2), within=0.3)
        assert failure.value.unconfirmed == ("id-0", "id-1")

    play(story)


def test_ready_asks_the_server(rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.ready()
        rig.kill()
        with pytest.raises(BrokerError):
            await broker.ready()
        rig.start()
        await broker.ready()

    play(story)


def test_many_publishers_at_once_lose_nothing(rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        others = [await rig.open() for _ in range(4)]
        batches = [messages(250, start=250 * n, traces=9) for n in range(len(others))]
        publishers = [other.publisher(queue) for other in others]
        await asyncio.gather(*(p.publish_many(batch) for p, batch in zip(publishers, batches, strict=True)))
        received = ids(await drain(await broker.consumer(queue, "reader", PATIENT), 1000))
        assert sorted(received) == sorted(one.message_id for batch in batches for one in batch)
        for other in others:
            await other.close()

    play(story)


def test_consumers_of_one_name_share_the_work_and_another_name_gets_all(rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        other = await rig.open()
        await broker.publisher(queue).publish_many(messages(200))
        left = await broker.consumer(queue, "reader", PATIENT)
        right = await other.consumer(queue, "reader", PATIENT)
        lefts, rights = ids(await left.fetch(100, 5)), ids(await right.fetch(100, 5))
        assert lefts
        assert rights
        assert sorted(lefts + rights) == sorted(one.message_id for one in messages(200))
        assert len(await drain(await broker.consumer(queue, "archive", PATIENT), 200)) == 200
        await other.close()

    play(story)


def test_a_queue_is_read_again_from_a_place_or_a_moment(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(300))
        taken = await drain(await broker.consumer(queue, "reader", PATIENT), 300)
        await broker.publisher(queue).publish_many([message(999)])

        async def read(start: FromSequence | FromTime) -> list[str]:
            return [stored.message.message_id async for stored in broker.read(queue, start)]

        everything = [f"id-{n}" for n in [*range(300), 999]]
        assert await read(FromSequence(1)) == everything
        assert await read(FromSequence(taken[290].stored.sequence)) == everything[290:]
        assert await read(FromTime(taken[0].stored.published_at)) == everything
        assert (await read(FromTime(taken[-1].stored.published_at + timedelta(milliseconds=1))))[-1:] == ["id-999"]
        assert await read(FromTime(datetime.now(UTC) + timedelta(hours=1))) == []

    play(story)


def test_a_queue_may_be_ensured_by_everyone_at_any_time(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(2))
        changed = Queue(queue.name, remembers=timedelta(hours=25))
        await asyncio.gather(*(broker.ensure(which) for which in (queue, queue, changed, changed)))
        assert len(await drain(await broker.consumer(queue, "reader", PATIENT), 2)) == 2

    play(story)


def test_only_what_every_consumer_finished_is_forgotten(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        short = Queue(queue.name, remembers=timedelta(milliseconds=100))
        await broker.ensure(short)
        await broker.publisher(short).publish_many(messages(4))
        fast, slow = [await broker.consumer(short, name, PATIENT) for name in ("fast", "slow")]
        for delivery in await fast.fetch(4, 5):
            await delivery.ack()
        held = await slow.fetch(3, 5)
        await held[0].ack()
        await held[2].ack()
        later = datetime.now(UTC) + timedelta(hours=1)
        forgotten = 0
        async with asyncio.timeout(10):
            while not forgotten:
                forgotten = await broker.forget(short, later)
        assert forgotten == 1
        assert await broker.forget(short, later) == 0
        assert [one.message.message_id async for one in broker.read(short, FromSequence(1))] == ["id-1", "id-2", "id-3"]

    play(story)


def test_what_still_serves_to_recognise_duplicates_is_not_forgotten(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(3))
        await drain(await broker.consumer(queue, "reader", PATIENT), 3)
        assert await broker.forget(queue, datetime.now(UTC) + timedelta(hours=1)) == 0

    play(story)
