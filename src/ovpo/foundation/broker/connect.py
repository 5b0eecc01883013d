# SPDX-License-Identifier: Apache-2.0
"""From the broker's settings to an open broker: which adapter, which servers, which login."""

from urllib.parse import SplitResult, unquote, urlsplit

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.broker.interface import Broker
from ovpo.foundation.broker.nats import NatsBroker
from ovpo.foundation.settings import tree

_NATS_PORT = 4222


async def open_broker(settings: tree.Broker) -> Broker:
    """Connect to the broker that the settings name, or to the embedded one."""
    servers, login = address(settings)
    return await NatsBroker.open(servers, login, settings.replicas)


def address(settings: tree.Broker) -> tuple[list[str], Login]:
    """Give the servers without a login in them, and the login: the URL's, else the settings'. Pure."""
    url = settings.url or f"nats://{tree.LOOPBACK}:{settings.port}"
    scheme = urlsplit(url).scheme
    parts = [urlsplit(part if "://" in part else f"{scheme}://{part}") for part in map(str.strip, url.split(","))]
    for part in parts:
        if part.scheme != scheme or not part.hostname:
            raise BrokerError(f"OVPO_BROKER__URL: every host of the list takes the form {scheme}://host:port")
    logins = {_login(part) for part in parts if part.username}
    if len(logins) > 1:
        raise BrokerError("OVPO_BROKER__URL: the hosts name different logins; name one")
    settled = logins.pop() if logins else Login(settings.user, settings.password.get_secret_value())
    return [f"{scheme}://{_host(part)}:{part.port or _NATS_PORT}" for part in parts], settled


def _login(part: SplitResult) -> Login:
    return Login(unquote(part.username or ""), unquote(part.password or ""))


def _host(part: SplitResult) -> str:
    name = part.hostname or ""
    return f"[{name}]" if ":" in name else name
