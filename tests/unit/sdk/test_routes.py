# SPDX-License-Identifier: Apache-2.0
"""Addresses of a collector and of a proxy: what is taken, and what is refused with the setting to change."""

import pytest

from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.transport.dialing import read_certificates, read_route


@pytest.mark.parametrize(
    ("endpoint", "base", "target"),
    [
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001", "/v1/whoami"),
        (" http://collector/ ", "http://collector:80", "/v1/whoami"),
        ("https://example.org/ovpo/", "https://example.org:443/ovpo", "/ovpo/v1/whoami"),
        ("http://[::1]:8001", "http://[::1]:8001", "/v1/whoami"),
    ],
)
def test_an_address_may_have_a_port_and_a_path(endpoint: str, base: str, target: str) -> None:
    route = read_route(endpoint, None)
    assert (route.base, route.target("/v1/whoami")) == (base, target)


@pytest.mark.parametrize(
    "endpoint",
    ["", "collector:8001", "ftp://collector", "http://", "http://a:99999", "http://a/?b=c", "http://me:secret@a"],
)
def test_what_is_no_address_of_a_collector_is_refused_and_not_repeated(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="OVPO_ENDPOINT") as error:
        read_route(endpoint, None)
    assert "secret" not in str(error.value)


def test_a_forwarding_proxy_is_told_the_whole_address_and_who_asks() -> None:
    route = read_route("http://collector:8001", "http://me:p%40ss@proxy:3128")
    assert route.target("/v1/whoami") == "http://collector:8001/v1/whoami"
    assert route.forwarding == {"Proxy-Authorization": "Basic bWU6cEBzcw=="}


def test_a_tunnel_keeps_the_password_of_the_proxy_from_the_collector() -> None:
    route = read_route("https://collector", "proxy:3128")
    assert route.proxy is not None
    assert (route.proxy.host, route.proxy.port) == ("proxy", 3128)
    assert route.target("/v1/whoami") == "/v1/whoami"
    assert route.forwarding == {}


@pytest.mark.parametrize("proxy", ["socks5://proxy:1080", "https://proxy", "http://:secret@"])
def test_a_proxy_of_another_kind_is_refused_and_not_repeated(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="proxy") as error:
        read_route("http://collector", proxy)
    assert "secret" not in str(error.value)


def test_a_file_of_authorities_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ca_file"):
        read_certificates("/nowhere/ca.pem")
