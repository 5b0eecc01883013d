# SPDX-License-Identifier: Apache-2.0
"""Which servers, login and client the broker's settings mean."""

import asyncio
import subprocess
import sys

import pytest
from pydantic import SecretStr

from ovpo.foundation.broker.address import Login, address, virtual_host
from ovpo.foundation.broker.connect import open_broker
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
        ("amqp://a,b:7", ["amqp://a:5672", "amqp://b:7"], SETTINGS),
        ("amqps://me:pw@a/ovpo", ["amqps://a:5671"], Login("me", "pw")),
        ("kafka://a,b:7,c", ["kafka://a:9092", "kafka://b:7", "kafka://c:9092"], SETTINGS),
        ("kafkas://a", ["kafkas://a:9093"], SETTINGS),
    ],
)
def test_an_address_becomes_servers_and_a_login(url: str | None, servers: list[str], login: Login) -> None:
    assert address(broker(url)) == (servers, login)


@pytest.mark.parametrize("url", ["nats://a:1,tls://b:2", "nats://a:1,", "nats://u:1@a:1,nats://v:2@b:2"])
def test_a_list_that_means_two_things_names_its_setting_and_no_password(url: str) -> None:
    with pytest.raises(BrokerError, match="OVPO_BROKER__URL"):
        address(broker(url))


@pytest.mark.parametrize(
    ("url", "name"),
    [("amqp://a", "/"), ("amqp://a/", "/"), ("amqp://a,b:1/ovpo", "ovpo"), ("amqp://a/o%2Fv,b", "o/v")],
)
def test_the_path_of_an_address_names_the_virtual_host(url: str, name: str) -> None:
    assert virtual_host(broker(url)) == name


def test_two_virtual_hosts_are_refused() -> None:
    with pytest.raises(BrokerError, match=r"OVPO_BROKER__URL.*virtual hosts"):
        virtual_host(broker("amqp://a/one,b/two"))


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [("amqp://a", "aiormq", "rabbitmq"), ("kafka://a", "confluent_kafka", "kafka")],
)
def test_a_client_that_is_not_installed_is_named_with_its_extra(
    url: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for loaded in [name for name in sys.modules if name.startswith(f"ovpo.foundation.broker.{extra}")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BrokerError, match=rf"^OVPO_BROKER__URL: .*{package}.*pip install 'ovpo\[{extra}\]'$"):
        asyncio.run(open_broker(broker(url)))


def test_no_client_of_an_extra_is_imported_before_it_is_asked_for() -> None:
    look = (
        "import sys, ovpo.foundation.broker.connect; "
        "sys.exit(bool({'aiormq', 'pamqp', 'confluent_kafka'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
