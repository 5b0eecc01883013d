# SPDX-License-Identifier: Apache-2.0
"""What only NATS can get wrong: its login, its limits, and messages in its streams that OVPO did not write."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import nats
import pytest

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.errors import BrokerError, BrokerUnavailableError
from ovpo.foundation.broker.message import Queue, Retries
from ovpo.foundation.broker.nats import NatsBroker
from ovpo.foundation.settings import tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.broker.conftest import NatsServer


def test_a_wrong_password_is_named_with_its_setting(nats_server: NatsServer) -> None:
    async def story() -> None:
        with pytest.raises(BrokerUnavailableError, match="OVPO_BROKER__PASSWORD"):
            await NatsBroker.open([f"nats://127.0.0.1:{nats_server.port}"], Login("ovpo", "wrong"), 1, within=3)

    nats_server.start()
    asyncio.run(story())


def test_a_server_that_is_not_there_is_named_with_its_setting(nats_server: NatsServer) -> None:
    async def story() -> None:
        with pytest.raises(BrokerUnavailableError, match=f"127.0.0.1:{nats_server.port}.*OVPO_BROKER__URL"):
            await NatsBroker.open([f"nats://127.0.0.1:{nats_server.port}"], Login("ovpo", "s3cret"), 1, within=0.5)

    asyncio.run(story())


def test_a_server_that_takes_small_messages_only_is_refused_at_the_start(small_nats_server: NatsServer) -> None:
    async def story() -> None:
        with pytest.raises(BrokerError, match="max_payload of the server is 1048576 bytes"):
            await open_broker(small_nats_server.settings())

    small_nats_server.start()
    asyncio.run(story())


def test_the_login_of_the_url_beats_the_settings_and_a_dead_host_is_passed_over(nats_server: NatsServer) -> None:
    async def story() -> None:
        url = f"nats://ovpo:s3cret@127.0.0.1:1,127.0.0.1:{nats_server.port}"
        broker = await open_broker(tree.Broker(url=url, user="nobody"))
        await broker.ready()
        await broker.close()

    nats_server.start()
    asyncio.run(story())


def test_a_message_that_ovpo_did_not_write_becomes_a_dead_letter(nats_server: NatsServer) -> None:
    async def story() -> None:
        queue = Queue("ingest")
        broker = await open_broker(nats_server.settings())
        await broker.ensure(queue)
        stranger = await nats.connect(f"nats://127.0.0.1:{nats_server.port}", user="ovpo", password="s3cret")
        await stranger.jetstream().publish("ovpo.ingest.Big_Corp.7", b"?", headers={"Ovpo-Id": "i", "Ovpo-Trace": "t"})
        await stranger.jetstream().publish("ovpo.ingest.acme.7", b"!")
        await stranger.close()
        consumer = await broker.consumer(queue, "reader", Retries())
        assert await consumer.fetch(10, 0.5) == []
        named, nameless = await broker.dead_letters(queue).page(None, 10)
        assert (named.tenant, named.message_id) == ("Big_Corp", "i")
        assert "tenant 'Big_Corp'" in named.reason
        assert "'Ovpo-Id' is missing" in nameless.reason
        assert await broker.dead_letters(queue).payload(nameless.letter_id) == b"!"
        await broker.close()

    nats_server.start()
    asyncio.run(story())


def test_the_queue_lies_in_files(nats_server: NatsServer, tmp_path: Path) -> None:
    async def story() -> None:
        broker = await open_broker(nats_server.settings())
        await broker.ensure(Queue("ingest"))
        await broker.close()

    nats_server.start()
    asyncio.run(story())
    streams = {name for _, folders, _ in os.walk(tmp_path / "jetstream") for name in folders}
    assert {"OVPO_INGEST", "OVPO_DEAD_INGEST"} <= streams
