# SPDX-License-Identifier: Apache-2.0
"""A batch on its way through TLS, proxies and forks: who is trusted, who sees what, whose connection it is."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ovpo_sdk.testing.faults import Answering, Cutting, Dripping, Hanging, Part
from ovpo_sdk.testing.receiver import Receiver
from ovpo_sdk.transport.answers import Cause, TryAgain
from ovpo_sdk.transport.sending import Sender
from tests.integration.sdk.deliveries import SOON, TAKEN, sent, sent_to, told
from tests.integration.sdk.wires import certificate_for, port, server_context, silent, tunnel

pytestmark = pytest.mark.timeout(30)


def test_a_trusted_certificate_is_taken_and_the_connection_kept(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path)
    with Receiver(ssl_context=server_context(certificate)) as receiver:
        sender = Sender(receiver.endpoint, receiver.key, 5, ca_file=str(certificate))
        assert sender.whoami() == receiver.tenant
        assert sent(sender) == sent(sender) == TAKEN
        assert receiver.connections == 1
        receiver.fault = Cutting(for_requests=1)
        assert sent(sender) == TAKEN
        sender.close()


@pytest.mark.parametrize("fault", [Hanging(), Dripping(Part.HEADERS, 0.3), Dripping(Part.BODY, 0.3)], ids=repr)
def test_a_slow_server_is_left_at_the_deadline_under_tls_too(tmp_path: Path, fault: Any) -> None:
    certificate = certificate_for(tmp_path)
    with Receiver(ssl_context=server_context(certificate)) as receiver:
        sender = Sender(receiver.endpoint, receiver.key, SOON, ca_file=str(certificate))
        receiver.fault = fault
        assert told(sent(sender)) == (Cause.TIMEOUT, True)
        sender.close()


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    with Receiver(ssl_context=server_context(certificate_for(tmp_path))) as receiver:
        outcome = sent_to(receiver.endpoint)
        assert told(outcome) == (Cause.TLS, False)
        assert isinstance(outcome, TryAgain)
        assert "ca_file" in outcome.message
        assert receiver.requests == ()


def test_a_certificate_for_another_server_is_not_trusted(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.9")
    with Receiver(ssl_context=server_context(certificate)) as receiver:
        assert told(sent_to(receiver.endpoint, ca_file=str(certificate))) == (Cause.TLS, False)


def test_a_plain_server_behind_an_https_address_is_told_as_such() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with port(refuse) as number:
        assert told(sent_to(f"https://127.0.0.1:{number}")) == (Cause.TLS, False)


def test_a_handshake_without_an_end_is_left_at_the_deadline() -> None:
    with port(silent) as number:
        assert told(sent_to(f"https://127.0.0.1:{number}")) == (Cause.TIMEOUT, False)


def test_a_tls_server_behind_an_http_address_is_told_as_such(tmp_path: Path) -> None:
    with Receiver(ssl_context=server_context(certificate_for(tmp_path))) as receiver:
        cause, _ = told(sent_to(receiver.endpoint.replace("https", "http")))
        assert cause in {Cause.CUT, Cause.GARBAGE}


def test_a_proxy_forwards_plain_requests() -> None:
    with Receiver() as proxy:
        proxy.fault = Answering(503)
        sender = Sender("http://collector.invalid:8001", proxy.key, SOON, proxy=proxy.endpoint)
        assert told(sent(sender)) == (Cause.UNAVAILABLE, True)
        [request] = proxy.requests
        assert request.path == "http://collector.invalid:8001/v1/ingest/batch"
        assert request.headers["host"] == "collector.invalid:8001"
        sender.close()


def test_a_proxy_makes_a_tunnel_for_tls_and_sees_no_key(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path)
    asked: list[bytes] = []
    with Receiver(ssl_context=server_context(certificate)) as receiver, port(tunnel(asked)) as number:
        proxy = f"http://me:word@127.0.0.1:{number}"
        sender = Sender(receiver.endpoint, receiver.key, 5, proxy=proxy, ca_file=str(certificate))
        assert sender.whoami() == receiver.tenant
        assert sent(sender) == TAKEN
        sender.close()
        [connect] = asked
        assert connect.startswith(b"CONNECT 127.0.0.1:")
        assert b"Proxy-Authorization: Basic bWU6d29yZA==" in connect
        assert receiver.key.encode() not in connect
        assert "proxy-authorization" not in receiver.requests[0].headers


def test_a_proxy_that_makes_no_tunnel_is_told_as_such() -> None:
    with port(tunnel([], b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as number:
        outcome = sent_to("https://collector.invalid", proxy=f"http://127.0.0.1:{number}")
        assert told(outcome) == (Cause.CONNECT, False)
        assert isinstance(outcome, TryAgain)
        assert "407" in outcome.message


@pytest.mark.parametrize("secure", [False, True])
def test_a_forked_child_leaves_the_parents_connection_alone(tmp_path: Path, secure: bool) -> None:
    certificate = certificate_for(tmp_path)
    with Receiver(ssl_context=server_context(certificate) if secure else None) as receiver:
        sender = Sender(receiver.endpoint, receiver.key, 5, ca_file=str(certificate) if secure else None)
        assert sent(sender) == TAKEN
        child = os.fork()
        if child == 0:
            status = 1
            with suppress(BaseException):
                sender.abandon()
                status = int(sent(sender) != TAKEN)
                sender.close()
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert sent(sender) == TAKEN
        assert receiver.connections == 2
        sender.close()
