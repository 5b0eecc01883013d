# SPDX-License-Identifier: Apache-2.0
"""What every broker must keep: through crashes, with many publishers and consumers, and for those who read again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ovpo.foundation.broker.capability import Capability
from ovpo.foundation.broker.errors import (
    BrokerError,
    BrokerUnavailableError,
    UnconfirmedError,
)
from ovpo.foundation.broker.message import (
    FromSequence,
    FromTime,
    Queue,
    Retries,
)
from tests.integration.broker.limit import Limit
from tests.integration.broker.story import PATIENT, drain, grown, ids, message, messages, not_proven, take

if TYPE_CHECKING:
    from ovpo.foundation.broker.interface import Broker, Consumer
    from tests.integration.broker.conftest import Play, Rig


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
        for kills in range(1, rig.kills + 1):
            await grown(confirmed, 300 * kills)
            rig.kill()
            rig.start()
        done.set()
        await publishing
        received = ids(await drain(await broker.consumer(queue, "reader", PATIENT), len(confirmed)))
        assert set(received) == confirmed
        if Capability.DEDUPLICATION in broker.capabilities:
            assert len(received) == len(confirmed)

    play(story)
    not_proven(rig, Limit.DISK)


def test_an_answer_given_while_the_broker_crashes_counts_or_its_giver_is_told(rig: Rig, play: Play) -> None:
    """A crash may take the memory of a delivery with it: then nothing confirms it, and the message comes again."""

    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(3))
        consumer = await broker.consumer(queue, "reader", Retries(5, timedelta(seconds=2)))
        acked, given_back, given_up = await take(consumer, 3)
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


def test_a_broker_that_is_down_is_not_ready_and_whoever_publishes_is_told_what_is_not_confirmed(
    rig: Rig, play: Play
) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.ready()
        rig.kill()
        with pytest.raises(UnconfirmedError, match="2 messages not confirmed") as failure:
            await broker.publisher(queue).publish_many(messages(2), within=0.3)
        assert failure.value.unconfirmed == ("id-0", "id-1")
        with pytest.raises(BrokerError):
            await broker.ready()
        rig.start()
        await broker.ready()

    play(story)


def test_many_publishers_at_once_lose_nothing(session_rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        others = [await session_rig.open() for _ in range(4)]
        batches = [messages(100, start=100 * n, traces=9) for n in range(len(others))]
        publishers = [other.publisher(queue) for other in others]
        await asyncio.gather(*(p.publish_many(batch) for p, batch in zip(publishers, batches, strict=True)))
        received = ids(await drain(await broker.consumer(queue, "reader", PATIENT), 400))
        assert sorted(received) == sorted(one.message_id for batch in batches for one in batch)
        for other in others:
            await other.close()

    play(story)


def test_consumers_of_one_name_share_the_work_and_another_name_gets_all(session_rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        other = await session_rig.open()
        sent = messages(200, traces=40)
        await broker.publisher(queue).publish_many(sent)
        left = await broker.consumer(queue, "reader", PATIENT)
        right = await other.consumer(queue, "reader", PATIENT)
        taken: dict[Consumer, list[str]] = {left: [], right: []}
        async with asyncio.timeout(30):
            while len({one for received in taken.values() for one in received}) < len(sent):
                for consumer, received in taken.items():
                    batch = await consumer.fetch(20, 1)
                    await asyncio.gather(*(delivery.ack() for delivery in batch))
                    received.extend(ids(batch))
        assert all(taken.values())
        if Capability.SHARING in broker.capabilities:
            assert sorted(taken[left] + taken[right]) == sorted(one.message_id for one in sent)
        assert len(await drain(await broker.consumer(queue, "archive", PATIENT), 200)) == 200
        await other.close()

    play(story)


def test_a_queue_is_read_again_from_a_place_or_a_moment(session_rig: Rig, play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(300))
        taken = await drain(await broker.consumer(queue, "reader", PATIENT), 300)
        await broker.publisher(queue).publish_many([message(999)])

        async def read(start: FromSequence | FromTime) -> list[str]:
            return [stored.message.message_id async for stored in broker.read(queue, start)]

        everything = [f"id-{n}" for n in [*range(300), 999]]
        assert await read(FromSequence(1)) == everything
        if Limit.MOMENTS in session_rig.limits:
            assert await read(FromSequence(taken[290].stored.sequence)) == everything[290:-1]
            return
        assert await read(FromSequence(taken[290].stored.sequence)) == everything[290:]
        assert await read(FromTime(taken[0].stored.published_at)) == everything
        assert (await read(FromTime(taken[-1].stored.published_at + timedelta(milliseconds=1))))[-1:] == ["id-999"]
        assert await read(FromTime(datetime.now(UTC) + timedelta(hours=1))) == []

    play(story)
    not_proven(session_rig, Limit.MOMENTS)


def test_a_queue_may_be_ensured_by_everyone_at_any_time(play: Play) -> None:
    async def story(broker: Broker, queue: Queue) -> None:
        await broker.publisher(queue).publish_many(messages(2))
        changed = Queue(queue.name, remembers=timedelta(hours=25))
        await asyncio.gather(*(broker.ensure(which) for which in (queue, queue, changed, changed)))
        assert len(await drain(await broker.consumer(queue, "reader", PATIENT), 2)) == 2

    play(story)


def test_at_most_what_every_consumer_finished_is_forgotten(play: Play) -> None:
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
        if Capability.FORGETTING not in broker.capabilities:
            assert await broker.forget(short, later) == 0
            assert len([one async for one in broker.read(short, FromSequence(1))]) == 4
            return
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
