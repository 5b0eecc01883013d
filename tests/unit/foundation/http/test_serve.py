# SPDX-License-Identifier: Apache-2.0
"""What is said of an address that cannot be listened on."""

import socket

import pytest

from ovpo.foundation.http.serve import Listen, ListenError, bind


def listen(host: str, port: int) -> Listen:
    return Listen(host, port, "OVPO_QUERY__HOST", "OVPO_QUERY__PORT")


def test_a_port_is_held_from_the_moment_it_is_bound() -> None:
    with bind(listen("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(ListenError, match="set OVPO_QUERY__PORT to a free port"):
            bind(listen("127.0.0.1", port))


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid", "300.1.1.1"])
def test_a_host_that_is_not_this_machine_names_the_hosts_setting(host: str) -> None:
    with pytest.raises(ListenError, match="set OVPO_QUERY__HOST to an address of this machine"):
        bind(listen(host, 0))


def test_a_name_is_resolved() -> None:
    with bind(listen("localhost", 0)) as held:
        assert held.family in {socket.AF_INET, socket.AF_INET6}
