# SPDX-License-Identifier: Apache-2.0
"""A broker that accepts connections and says nothing: all who wait share one attempt, and none waits for another."""

import asyncio

from ovpo.foundation.broker.errors import BrokerUnavailableError
from ovpo.foundation.settings import tree
from ovpo.telemetry.collector.outbox import Outbox

WAITING = 16


def test_all_that_wait_for_a_broker_share_one_attempt_to_reach_it() -> None:
    connections = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(silent, tree.LOOPBACK, 0)
        outbox = Outbox(tree.Broker(port=server.sockets[0].getsockname()[1]), within_seconds=0.3)
        outcomes = await asyncio.gather(*(outbox.publish([]) for _ in range(WAITING)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [BrokerUnavailableError] * WAITING
        assert connections == 1
        await outbox.close()
        server.close()

    asyncio.run(story())
