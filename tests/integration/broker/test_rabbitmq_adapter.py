# SPDX-License-Identifier: Apache-2.0
"""What only RabbitMQ can get wrong: its login, its virtual hosts, and messages that OVPO did not write."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import aiormq
import pytest
from aiormq import spec

from ovpo.foundation.broker.address import Login, address
from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError
from ovpo.foundation.broker.message import Message, Queue, Retries
from ovpo.foundation.broker.rabbitmq import RabbitBroker
from ovpo.foundation.settings import tree
from tests.conftest import free_ports

if TYPE_CHECKING:
    from tests.integration.broker.conftest import Rig
    from tests.integration.broker.rabbit_server import RabbitServer

pytestmark = pytest.mark.parametrize("session_rig", ["rabbitmq"], indirect=True)


@pytest.fixture
def server(session_rig: Rig) -> RabbitServer:
    return cast("RabbitServer", session_rig)


def test_a_wrong_password_is_named_with_its_setting(server: RabbitServer) -> None:
    with pytest.raises(BrokerUnavailableError, match="OVPO_BROKER__PASSWORD"):
        asyncio.run(open_broker(server.settings(password="wrong")))


def test_a_virtual_host_that_is_not_there_is_named_with_its_setting(server: RabbitServer) -> None:
    servers, login = address(server.settings())
    with pytest.raises(BrokerUnavailableError, match=r"virtual host 'nowhere'.*OVPO_BROKER__URL"):
        asyncio.run(RabbitBroker.open(servers, "nowhere", login, 1, within=0.5))


def test_the_login_of_the_url_beats_the_settings_and_a_dead_host_is_passed_over(server: RabbitServer) -> None:
    async def story() -> None:
        url = f"amqp://ovpo:s3cret@127.0.0.1:{free_ports(1)[0]},127.0.0.1:{server.port}"
        broker = await open_broker(tree.Broker(url=url, user="nobody"))
        await broker.ready()
        await broker.close()

    asyncio.run(story())


def test_a_server_that_is_not_there_is_named_with_its_setting(server: RabbitServer) -> None:
    with pytest.raises(
        BrokerUnavailableError, match=r"no RabbitMQ server answers at amqp://127.0.0.1:.*OVPO_BROKER__URL"
    ):
        asyncio.run(RabbitBroker.open([f"amqp://127.0.0.1:{free_ports(1)[0]}"], "/", Login("", ""), 1, within=0.5))


def test_a_message_that_ovpo_did_not_write_becomes_a_dead_letter(server: RabbitServer) -> None:
    async def story() -> None:
        queue = Queue("strangers")
        broker = await open_broker(server.settings())
        await broker.ensure(queue)
        consumer = await broker.consumer(queue, "reader", Retries())
        stranger = await aiormq.connect(f"amqp://ovpo:s3cret@127.0.0.1:{server.port}/")
        channel = await stranger.channel()
        headers = spec.Basic.Properties(headers={"Ovpo-Tenant": "Big_Corp", "Ovpo-Place": "1", "number": 7})
        await channel.basic_publish(b"!", exchange="ovpo.strangers", properties=headers)
        await channel.basic_publish(b"?", exchange="ovpo.strangers")
        await stranger.close()
        assert await consumer.fetch(10, 0.5) == []
        named, nameless = await broker.dead_letters(queue).page(None, 10)
        assert (named.tenant, named.message_id) == ("Big_Corp", "")
        assert "'Ovpo-Id' is missing" in named.reason
        assert "'Ovpo-Place' is missing" in nameless.reason
        assert await broker.dead_letters(queue).payload(nameless.letter_id) == b"?"
        await broker.close()

    asyncio.run(story())


def test_a_queue_that_nobody_ensured_is_told_to_its_publisher(server: RabbitServer) -> None:
    async def story() -> None:
        broker = await open_broker(server.settings())
        with pytest.raises(BrokerError, match="1 messages not confirmed"):
            await broker.publisher(Queue("nobodys")).publish_many([Message("i", "acme", "t", b"")], within=0.5)
        await broker.close()

    asyncio.run(story())
