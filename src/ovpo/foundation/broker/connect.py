# SPDX-License-Identifier: Apache-2.0
"""From the broker's settings to an open broker: the scheme of the address chooses the adapter.

The clients of RabbitMQ and Kafka are extras; they are imported only where one of those brokers is asked for.
"""

from urllib.parse import urlsplit

from ovpo.foundation.broker.address import address, virtual_host
from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.broker.interface import Broker
from ovpo.foundation.broker.nats import NatsBroker
from ovpo.foundation.settings import tree


async def open_broker(settings: tree.Broker) -> Broker:
    """Connect to the broker that the settings name, or to the embedded one."""
    servers, login = address(settings)
    match urlsplit(servers[0]).scheme:
        case "amqp" | "amqps":
            try:
                from ovpo.foundation.broker.rabbitmq import RabbitBroker
            except ModuleNotFoundError as missing:
                raise _extra(missing, "rabbitmq") from None
            return await RabbitBroker.open(servers, virtual_host(settings), login, settings.replicas)
        case "kafka" | "kafkas":
            try:
                from ovpo.foundation.broker.kafka import KafkaBroker
            except ModuleNotFoundError as missing:
                raise _extra(missing, "kafka") from None
            return await KafkaBroker.open(servers, login, settings.replicas)
        case _:
            return await NatsBroker.open(servers, login, settings.replicas)


def _extra(missing: ModuleNotFoundError, extra: str) -> BrokerError:
    return BrokerError(
        f"OVPO_BROKER__URL: this broker needs the package {missing.name}; install it with: pip install 'ovpo[{extra}]'"
    )
