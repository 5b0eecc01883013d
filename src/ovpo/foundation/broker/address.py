# SPDX-License-Identifier: Apache-2.0
"""From the broker's settings to servers and a login. Pure; nothing is connected here."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.settings import tree

_PORTS: Final = {"nats": 4222, "tls": 4222, "amqp": 5672, "amqps": 5671, "kafka": 9092, "kafkas": 9093}


@dataclass(frozen=True, slots=True)
class Login:
    """Who connects."""

    user: str
    password: str


def address(settings: tree.Broker) -> tuple[list[str], Login]:
    """Give the servers without a login in them, and the login: the URL's, else the settings'."""
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
    return [f"{scheme}://{_host(part)}:{part.port or _PORTS[scheme]}" for part in parts], settled


def virtual_host(settings: tree.Broker) -> str:
    """Give the virtual host that the URL's path names, as RabbitMQ understands it; `/` where there is none."""
    paths = {urlsplit(part if "://" in part else f"amqp://{part}").path for part in (settings.url or "").split(",")}
    named = {path for path in paths if path not in {"", "/"}}
    if len(named) > 1:
        raise BrokerError("OVPO_BROKER__URL: the hosts name different virtual hosts; name one")
    return unquote(named.pop()[1:]) if named else "/"


def _login(part: SplitResult) -> Login:
    return Login(unquote(part.username or ""), unquote(part.password or ""))


def _host(part: SplitResult) -> str:
    name = part.hostname or ""
    return f"[{name}]" if ":" in name else name
