# SPDX-License-Identifier: Apache-2.0
"""Which servers and which login the broker's settings mean."""

import pytest
from pydantic import SecretStr

from ovpo.foundation.broker.address import Login
from ovpo.foundation.broker.connect import address
from ovpo.foundation.broker.errors import BrokerError
from ovpo.foundation.settings.tree import Broker

SETTINGS = Login("ovpo", "pw")


def broker(url: str | None = None) -> Broker:
    return Broker(url=url, port=14_222, password=SecretStr("pw"))


@pytest.mark.parametrize(
    ("url", "servers", "login"),
    [
        (None, ["nats://127.0.0.1:14222"], SETTINGS),
        ("nats://queue.example", ["nats://queue.example:4222"], SETTINGS),
        ("tls://a.example:1,b.example", ["tls://a.example:1", "tls://b.example:4222"], SETTINGS),
        ("nats://a:1, nats://b:2", ["nats://a:1", "nats://b:2"], SETTINGS),
        ("nats://me:p%40ss@a:1,b:2", ["nats://a:1", "nats://b:2"], Login("me", "p@ss")),
        ("nats://[::1]:7", ["nats://[::1]:7"], SETTINGS),
    ],
)
def test_an_address_becomes_servers_and_a_login(url: str | None, servers: list[str], login: Login) -> None:
    assert address(broker(url)) == (servers, login)


@pytest.mark.parametrize("url", ["nats://a:1,tls://b:2", "nats://a:1,", "nats://u:1@a:1,nats://v:2@b:2"])
def test_a_list_that_means_two_things_names_its_setting_and_no_password(url: str) -> None:
    with pytest.raises(BrokerError, match="OVPO_BROKER__URL"):
        address(broker(url))
