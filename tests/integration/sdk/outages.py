# SPDX-License-Identifier: Apache-2.0
"""Everything that can be wrong with a collector for a while, under one address that is healed later."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final

from ovpo_sdk.testing import Receiver
from ovpo_sdk.testing.faults import Answering, Cutting, Dripping, Fault, Hanging, Healthy, Part, TakenThenCut
from tests.integration.sdk.wires import certificate_for, port, server_context

_FAULTS: Final[dict[str, tuple[Fault, str]]] = {
    "hanging": (Hanging(), "timeout"),
    "500": (Answering(500, body=b"Internal Server Error"), "unavailable"),
    "429": (Answering(429, {"Retry-After": "0"}), "busy"),
    "garbage": (Answering(200, body=b"<html>Welcome to the guest network</html>"), "garbage"),
    "truncated": (Answering(200, {"Content-Length": "1000"}, b'{"status":'), "cut"),
    "slow headers": (Dripping(Part.HEADERS, 0.05), "timeout"),
    "slow body": (Dripping(Part.BODY, 0.05), "timeout"),
    "cutting": (Cutting(), "cut"),
    "taken then cut": (TakenThenCut(), "cut"),
}
OUTAGES: Final = ("closed port", "untrusted certificate", "silent port", *_FAULTS)
WORST: Final = ("closed port", "untrusted certificate", "hanging", "500", "429", "garbage", "slow headers")


@dataclass
class Outage:
    """A collector that is away, and how it comes back."""

    receiver: Receiver
    """What takes the telemetry in the end."""
    cause: str
    """What the counters call it."""
    heal: Callable[[], None]
    endpoint: str
    settings: dict[str, Any] = field(default_factory=dict)


@contextmanager
def outage(name: str, folder: Path) -> Iterator[Outage]:
    """Have a collector that is away in this way."""
    if name in _FAULTS:
        fault, cause = _FAULTS[name]
        with Receiver() as receiver:
            receiver.fault = fault
            yield Outage(receiver, cause, lambda: _set(receiver, Healthy()), receiver.endpoint)
    elif name == "closed port":
        with Receiver() as receiver:
            receiver.stop()
            yield Outage(receiver, "connect", receiver.start, receiver.endpoint)
    else:
        with _behind_a_relay(name, folder) as made:
            yield made


@contextmanager
def _behind_a_relay(name: str, folder: Path) -> Iterator[Outage]:
    """Put a relay in front, which leads to the wrong place until it is healed."""
    secure = name == "untrusted certificate"
    good = certificate_for(folder, "127.0.0.1")
    with ExitStack() as open_servers:
        context: ssl.SSLContext | None = server_context(good) if secure else None
        receiver = open_servers.enter_context(Receiver(ssl_context=context))
        if secure:
            (folder / "other").mkdir()
            other = server_context(certificate_for(folder / "other"))
            wrong = _port_of(open_servers.enter_context(Receiver(ssl_context=other)))
        else:
            wrong = open_servers.enter_context(port(None))
        leads_to = [wrong]
        relay = open_servers.enter_context(port(lambda taken: _relay(taken, leads_to[0])))
        yield Outage(
            receiver,
            "tls" if secure else "timeout",
            lambda: leads_to.__setitem__(0, _port_of(receiver)),
            f"{'https' if secure else 'http'}://127.0.0.1:{relay}",
            {"ca_file": str(good)} if secure else {},
        )


def _set(receiver: Receiver, fault: Fault) -> None:
    receiver.fault = fault


def _port_of(receiver: Receiver) -> int:
    return int(receiver.endpoint.rpartition(":")[2])


def _relay(taken: socket.socket, number: int) -> None:
    with socket.create_connection(("127.0.0.1", number)) as other:
        back = Thread(target=_pour, args=(other, taken), daemon=True)
        back.start()
        _pour(taken, other)
        back.join()


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while more := source.recv(65_536):
            target.sendall(more)
        target.shutdown(socket.SHUT_RDWR)
