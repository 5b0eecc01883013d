# SPDX-License-Identifier: Apache-2.0
"""What only Kafka can get wrong: a cluster that is not there, and messages in its topics that OVPO did not write."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from ovpo.foundation.broker import kafka_member
from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.errors import BrokerUnavailableError, UnconfirmedError
from ovpo.foundation.broker.kafka import KafkaBroker
from ovpo.foundation.broker.kafka_progress import Progress
from ovpo.foundation.broker.kafka_wire import group_of, place_of, topic_of
from ovpo.foundation.broker.message import FromSequence, Message, Queue, Retries
from ovpo.foundation.settings import tree
from tests.conftest import free_ports
from tests.integration.broker.story import PATIENT, drain, messages, take

if TYPE_CHECKING:
    from tests.integration.broker.conftest import Rig
    from tests.integration.broker.kafka_cluster import KafkaCluster

pytestmark = pytest.mark.parametrize("session_rig", ["kafka"], indirect=True)


@pytest.fixture
def cluster(session_rig: Rig) -> KafkaCluster:
    return cast("KafkaCluster", session_rig)


def test_a_cluster_that_is_not_there_is_named_with_its_setting(cluster: KafkaCluster) -> None:
    with pytest.raises(BrokerUnavailableError, match=r"no Kafka broker answers at 127.0.0.1:.*OVPO_BROKER__URL"):
        asyncio.run(KafkaBroker.open([f"kafka://127.0.0.1:{free_ports(1)[0]}"], Login("", ""), 1, within=0.5))


def test_a_dead_host_of_the_list_is_passed_over(cluster: KafkaCluster) -> None:
    async def story() -> None:
        broker = await open_broker(tree.Broker(url=f"kafka://127.0.0.1:{free_ports(1)[0]},{cluster.address}"))
        await broker.ready()
        await broker.close()

    asyncio.run(story())


def test_a_message_that_ovpo_did_not_write_becomes_a_dead_letter(cluster: KafkaCluster) -> None:
    async def story() -> None:
        queue = Queue("strangers")
        cluster.prepare(queue)
        broker = await open_broker(tree.Broker(url=f"kafka://{cluster.address}"))
        stranger = Producer({"bootstrap.servers": cluster.address})
        headers: list[tuple[str, str | bytes | None]] = [("Ovpo-Tenant", b"Big_Corp"), ("raw", b"\xff"), ("none", None)]
        stranger.produce("ovpo.strangers", b"!", partition=3, headers=headers)
        stranger.produce("ovpo.strangers", None, partition=3)
        assert stranger.flush(5) == 0
        consumer = await broker.consumer(queue, "reader", Retries())
        async with asyncio.timeout(10):
            while len(letters := await broker.dead_letters(queue).page(None, 10)) < 2:
                assert await consumer.fetch(10, 0.5) == []
        named, nameless = letters
        assert (named.tenant, named.message_id, named.payload_bytes) == ("Big_Corp", "", 1)
        assert "'Ovpo-Id' is missing" in named.reason
        assert await broker.dead_letters(queue).payload(nameless.letter_id) == b""
        await broker.close()

    asyncio.run(story())


def test_a_queue_that_nobody_ensured_is_told_to_its_publisher(cluster: KafkaCluster) -> None:
    async def story() -> None:
        broker = await open_broker(tree.Broker(url=f"kafka://{cluster.address}"))
        with pytest.raises(UnconfirmedError, match="1 messages not confirmed"):
            await broker.publisher(Queue("nobodys")).publish_many([Message("i", "acme", "t", b"")], within=2)
        await broker.close()

    asyncio.run(story())


def test_a_consumer_that_was_full_goes_on_after_another_joined_and_left(
    cluster: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        queue = Queue("full")
        cluster.prepare(queue)
        broker, other = [await open_broker(tree.Broker(url=f"kafka://{cluster.address}")) for _ in range(2)]
        await broker.publisher(queue).publish_many(messages(300, traces=60))
        consumer = await broker.consumer(queue, "reader", PATIENT)
        await asyncio.gather(*(delivery.ack() for delivery in await consumer.fetch(1, 5)))
        await (await other.consumer(queue, "reader", PATIENT)).close()
        async with asyncio.timeout(30):
            await drain(consumer, 299)
        await other.close()
        await broker.close()

    monkeypatch.setattr(kafka_member, "SHELF_MESSAGES", 50)
    cluster.hasten(monkeypatch, crashes=False)
    asyncio.run(story())


def test_a_try_is_noted_in_the_cluster_before_it_is_made_and_an_answer_before_it_returns(cluster: KafkaCluster) -> None:
    async def story() -> None:
        queue = Queue("noted")
        cluster.prepare(queue)
        broker = await open_broker(tree.Broker(url=f"kafka://{cluster.address}"))
        await broker.publisher(queue).publish_many(messages(2))
        consumer = await broker.consumer(queue, "reader", PATIENT)
        first, _ = await take(consumer, 2)
        place = place_of(first.stored.sequence)
        assert place is not None
        onlooker = Consumer(
            {"bootstrap.servers": cluster.address, "group.id": group_of(queue, "reader"), "log_level": 0}
        )

        def noted() -> TopicPartition:
            [found] = onlooker.committed([TopicPartition(topic_of(queue), place[0])], 5)
            return found

        before = noted()
        assert before.offset == place[1]
        assert [Progress(before.offset, before.metadata or "").attempt(place[1] + n) for n in range(2)] == [2, 2]
        await first.ack()
        assert noted().offset == place[1] + 1
        onlooker.close()
        await broker.close()

    asyncio.run(story())


def test_a_reading_goes_through_all_partitions_in_the_order_of_the_messages_times(cluster: KafkaCluster) -> None:
    async def story() -> None:
        queue = Queue("reading")
        cluster.prepare(queue)
        broker = await open_broker(tree.Broker(url=f"kafka://{cluster.address}"))
        sent = messages(40, traces=20)
        for one in sent:
            await broker.publisher(queue).publish_many([one])
        found = [stored async for stored in broker.read(queue, FromSequence(0))]
        assert [stored.message for stored in found] == sent
        assert len({place_of(stored.sequence) for stored in found}) == len(sent)
        await broker.close()

    asyncio.run(story())
