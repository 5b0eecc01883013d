# SPDX-License-Identifier: Apache-2.0
"""Mail to a real SMTP server: encrypted, with a login, and to servers that refuse, stall or lie."""

import base64
import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from ovpo.foundation.settings.tree import LOOPBACK
from ovpo.telemetry.alerts import payloads
from ovpo.telemetry.alerts.actions import Email
from ovpo.telemetry.alerts.failures import DeliveryError
from ovpo.telemetry.alerts.mailing import mail
from tests.conftest import free_ports
from tests.integration.alerts.receivers import MailServer, mail_server, speaking
from tests.unit.telemetry.alerts.test_payloads import told

FROM, TO = "ovpo@x.example", ("a@x.example", "b@x.example")


@pytest.fixture
def server(certificate: Path) -> Iterator[MailServer]:
    with mail_server(certificate) as made:
        yield made


def give(port: int, password: str | None = None, seconds: float = 5, **fields: Any) -> None:
    action = Email(LOOPBACK, FROM, TO, port, **fields)
    mail(action, payloads.email(told(), uuid4(), FROM, TO), password, seconds=seconds)


def refusal(port: int, *given: Any, **fields: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        give(port, *given, **fields)
    return raised.value


def test_mail_is_encrypted_and_logs_in(server: MailServer, trusted: Path) -> None:
    give(server.port, "hunter2", username="ovpo", password_file="p")
    assert server.encrypted == [True]
    assert base64.b64decode(server.logins[0]) == b"\0ovpo\0hunter2"
    assert server.recipients == list(TO)
    message = message_from_bytes(server.messages[0], policy=default)
    assert message["Subject"] == "[FIRING] critical: failing-model (tenant demo, model wan-2)"
    assert "the rule fires at > 0.2." in message.get_content()


def test_mail_may_go_in_the_clear_where_the_action_says_so(server: MailServer) -> None:
    give(server.port, starttls=False)
    assert server.encrypted == [False]


def test_a_server_that_offers_no_encryption_is_given_nothing(server: MailServer, trusted: Path) -> None:
    server.offers = ("AUTH PLAIN",)
    assert "offers no STARTTLS" in refusal(server.port, "hunter2", username="ovpo", password_file="p").reason
    assert (server.logins, server.messages) == ([], [])


def test_a_server_that_nobody_vouches_for_is_given_nothing(server: MailServer) -> None:
    assert "certificate is not trusted" in refusal(server.port, "hunter2", username="ovpo", password_file="p").reason
    assert (server.logins, server.messages) == ([], [])


@pytest.mark.parametrize(
    ("refuses", "reason", "for_good"),
    [
        ({"AUTH": "535 no"}, "the server refused the login (535)", False),
        ({"MAIL": "451 later"}, "the server answered 451", False),
        ({"RCPT": "550 unknown"}, "the server refused every recipient (550)", True),
        ({"RCPT": "450 later"}, "the server refused every recipient (450)", False),
        ({"DATA": "554 no"}, "the server answered 554", False),
        ({"EHLO": "421 busy", "HELO": "421 busy"}, "the server answered 421", False),
    ],
)
def test_a_refusal_is_said_by_its_code(
    server: MailServer, trusted: Path, refuses: dict[str, str], reason: str, for_good: bool
) -> None:
    server.refuses = refuses
    error = refusal(server.port, "hunter2", username="ovpo", password_file="p")
    assert (error.reason, error.for_good) == (reason, for_good)


def test_mail_that_one_recipient_of_two_gets_is_delivered(server: MailServer, trusted: Path) -> None:
    server.refuses = {f"TO:<{TO[0]}>": "550 unknown", f"to:<{TO[0]}>": "550 unknown"}
    give(server.port)
    assert server.recipients == [TO[1]]


def test_nobody_at_the_servers_address_is_said_without_it() -> None:
    (nobody,) = free_ports(1)
    assert refusal(nobody).reason == "nobody listens at the receiver's address"


def silent(_: socket.socket, over: Event) -> None:
    over.wait()


def greeting_without_end(connection: socket.socket, over: Event) -> None:
    while not over.wait(0.02):
        connection.sendall(b"220-wait\r\n")


def garbage(connection: socket.socket, _: Event) -> None:
    connection.sendall(b"\xff\xfe\x00 what\r\n" * 3)


def endless_line(connection: socket.socket, over: Event) -> None:
    while not over.is_set():
        connection.sendall(b"2" * 65536)


@pytest.mark.parametrize("say", [silent, greeting_without_end, garbage, endless_line])
def test_a_server_that_speaks_no_smtp_is_cut_off(say: Any) -> None:
    with speaking(say) as port:
        assert not refusal(port, seconds=0.3).for_good
