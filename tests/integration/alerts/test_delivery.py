# SPDX-License-Identifier: Apache-2.0
"""Deliveries to real servers that take, refuse, stall, redirect and lie."""

import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest

from ovpo.foundation.settings.tree import LOOPBACK
from ovpo.telemetry.alerts import posting
from ovpo.telemetry.alerts.actions import OpsGenie, PagerDuty, Slack, Webhook
from ovpo.telemetry.alerts.delivery import Delivered, deliver
from ovpo.telemetry.alerts.failures import MOST_ATTEMPTS, DeliveryError
from ovpo.telemetry.alerts.notices import Event as Told
from ovpo.telemetry.alerts.outbox import Outbox
from ovpo.telemetry.alerts.posting import MOST_ANSWER_BYTES, post
from ovpo.telemetry.alerts.reading import read_rules
from ovpo.telemetry.alerts.rules import Rulebook
from ovpo.telemetry.alerts.sending import send
from tests.conftest import free_ports
from tests.integration.alerts.conftest import SECRET, Desk
from tests.integration.alerts.receivers import Receiver, receiver, speaking
from tests.unit.telemetry.alerts.books import raw_rule
from tests.unit.telemetry.alerts.test_payloads import told

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
ID = uuid4()


def refusal(url: str, **options: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        post(url, b"{}", {}, NOW, secret=SECRET, **options)
    return raised.value


@pytest.fixture
def book(desk: Desk, hook: Receiver) -> Rulebook:
    """One alert fires and waits to be told to the hook."""
    desk.rules(raw_rule(actions=["hook"]), hook=desk.hook(hook))
    desk.fact("FAILED")
    hook.answers = [(503, {}, b"")]
    desk.round()
    desk.sql("UPDATE alert_notifications SET attempts = 0")
    desk.due()
    hook.received.clear()
    return read_rules(desk.file)


# What is sent ---------------------------------------------------------------------------------------------------


def test_a_webhook_can_check_who_sent_it(hook: Receiver) -> None:
    send(Webhook(hook.url, "secret", allow_http=True), SECRET, told(), ID, NOW)
    [sent] = hook.received
    signed = sent.headers["X-OVPO-Timestamp"].encode() + b"." + sent.body
    assert sent.headers["X-OVPO-Signature"] == f"sha256={hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()}"
    assert sent.headers["X-OVPO-Notification"] == str(ID) == json.loads(sent.body)["notification_id"]
    assert (sent.path, sent.headers["Content-Type"]) == ("/hook", "application/json")
    assert SECRET not in str(sent)


def test_slack_is_posted_to_the_address_that_is_its_secret(hook: Receiver) -> None:
    send(Slack("secret"), f"{hook.url}?a=b", told(), ID, NOW)
    assert hook.received[0].path == "/hook?a=b"
    assert json.loads(hook.received[0].body)["blocks"]


def test_pagerduty_and_opsgenie_are_told_of_the_end_under_the_same_name(hook: Receiver) -> None:
    for event in (Told.FIRED, Told.RESOLVED):
        send(PagerDuty("s", hook.url), ROUTING_KEY, told(event), ID, NOW)
        send(OpsGenie("s", hook.url), SECRET, told(event), ID, NOW)
    bodies = [json.loads(sent.body) for sent in hook.received]
    assert [bodies[index]["event_action"] for index in (0, 2)] == ["trigger", "resolve"]
    assert bodies[0]["dedup_key"] == bodies[2]["dedup_key"] == bodies[1]["alias"]
    assert hook.received[3].path == f"/hook/{bodies[1]['alias']}/close?identifierType=alias"
    assert hook.received[1].headers["Authorization"] == f"GenieKey {SECRET}"


def test_a_certificate_of_the_machine_is_trusted_and_any_other_is_not(certificate: Path, trusted: Path) -> None:
    with receiver(trusted) as secure:
        send(Webhook(secure.url, "secret"), SECRET, told(), ID, NOW)
        assert len(secure.received) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with receiver(certificate) as secure:
        assert "certificate is not trusted" in refusal(secure.url).reason
        assert secure.received == []


def test_a_certificate_of_another_host_is_refused(trusted: Path) -> None:
    with receiver(trusted) as secure:
        assert "certificate is not trusted" in refusal(secure.url.replace(LOOPBACK, "localhost")).reason


# Receivers that do not take it ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(hook: Receiver, status: int) -> None:
    with receiver() as elsewhere:
        hook.answers = [(status, {"Location": elsewhere.url}, b"")]
        assert "redirects are not followed" in refusal(hook.url).reason
        assert elsewhere.received == []


def test_a_receiver_that_nobody_listens_at_is_named_without_its_address() -> None:
    (nobody,) = free_ports(1)
    reason = refusal(f"http://{LOOPBACK}:{nobody}/path").reason
    assert reason == "nobody listens at the receiver's address"
    assert refusal("http://does-not-exist.invalid/").reason.startswith("the receiver could not be reached: ")


def silent(_: socket.socket, over: Event) -> None:
    over.wait()


def dripping(connection: socket.socket, over: Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.02):
        connection.sendall(b"X-More: x\r\n"[:1])


def dripping_body(connection: socket.socket, over: Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not over.wait(0.02):
        connection.sendall(b".")


@pytest.mark.parametrize("say", [silent, dripping])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_receiver_that_is_slow_in_whatever_way_is_cut_off(say: Any, scheme: str) -> None:
    with speaking(say) as port:
        error = refusal(f"{scheme}://{LOOPBACK}:{port}/", seconds=0.3)
        assert error.reason.startswith(("the receiver was not done within 0.3 s", "TLS with the receiver failed"))


def flooding(connection: socket.socket, over: Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"x" * 65536)


def test_of_an_answer_without_end_only_the_beginning_is_read() -> None:
    with speaking(flooding) as port:
        post(f"http://{LOOPBACK}:{port}/", b"{}", {}, NOW, secret=SECRET, seconds=5)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 20_000 + b"\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
def test_nonsense_is_a_failure_like_any_other(answer: bytes) -> None:
    def say(connection: socket.socket, _: Event) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with speaking(say) as port:
        assert not refusal(f"http://{LOOPBACK}:{port}/", seconds=5).for_good


def short(connection: socket.socket, _: Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 500\r\n\r\nshort")


def unreadable(connection: socket.socket, _: Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")


@pytest.mark.parametrize("say", [short, unreadable, dripping_body])
def test_what_becomes_of_an_answer_behind_its_status_does_not_matter(say: Any) -> None:
    with speaking(say) as port:
        post(f"http://{LOOPBACK}:{port}/", b"{}", {}, NOW, secret=SECRET, seconds=0.5)


def test_what_a_receiver_says_goes_to_the_log_without_the_secret_and_is_not_kept(
    hook: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"\x1b[31mno {SECRET}\npassword=hunter2 ".encode() + b"x" * (MOST_ANSWER_BYTES * 2)
    hook.answers = [(400, {}, said)]
    assert refusal(hook.url).reason == "the receiver answered 400"
    written = "".join(capsys.readouterr())
    assert SECRET not in written
    assert "hunter2" not in written
    assert "\x1b[31mno" not in written
    assert len(written) < 2_000


def test_a_proxy_of_the_environment_is_not_used(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    (nobody,) = free_ports(1)
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{nobody}")
    post(hook.url, b"{}", {}, NOW, secret=SECRET)
    assert len(hook.received) == 1


# How a delivery is tried again ------------------------------------------------------------------------------------


def test_a_delivery_that_fails_is_tried_again_with_the_same_ids_until_it_arrives(
    desk: Desk, book: Rulebook, hook: Receiver, outbox: Outbox
) -> None:
    hook.answers = [(500, {}, b""), (429, {"Retry-After": "600"}, b"")]
    assert deliver(outbox, book) == Delivered(delivered=0, failed=1, given_up=0, waiting=1)
    assert deliver(outbox, book) == Delivered(delivered=0, failed=0, given_up=0, waiting=1)
    desk.due()
    deliver(outbox, book)
    [(wait,)] = desk.sql("SELECT extract(epoch FROM due_at - now()) FROM alert_notifications")
    assert 500 < wait <= 600
    desk.due()
    assert deliver(outbox, book) == Delivered(delivered=1, failed=0, given_up=0, waiting=0)
    assert len({sent.headers["X-OVPO-Notification"] for sent in hook.received}) == 1
    assert desk.outbox() == [("fired", "delivered", 3)]


def test_a_delivery_is_given_up_after_so_many_attempts_with_its_reason(
    desk: Desk, book: Rulebook, hook: Receiver, outbox: Outbox
) -> None:
    hook.answers = [(500, {}, b"")] * 100
    for _ in range(MOST_ATTEMPTS + 3):
        desk.due()
        deliver(outbox, book)
    assert desk.outbox() == [("fired", "given_up", MOST_ATTEMPTS)]
    [lost] = outbox.given_up(datetime(2020, 1, 1, tzinfo=UTC))
    assert (lost.rule, lost.action, lost.reason) == ("failing", "hook", "the receiver answered 500")
    assert len(hook.received) == MOST_ATTEMPTS


def test_a_body_that_is_refused_is_given_up_at_once(desk: Desk, book: Rulebook, hook: Receiver, outbox: Outbox) -> None:
    hook.answers = [(400, {}, b"")]
    assert deliver(outbox, book).given_up == 1
    assert desk.outbox() == [("fired", "given_up", 1)]


def test_the_end_is_not_told_before_the_beginning_was(
    desk: Desk, book: Rulebook, hook: Receiver, outbox: Outbox
) -> None:
    for _ in range(9):
        desk.fact("COMPLETED")
    hook.answers = [(500, {}, b"")]
    desk.round()
    deliver(outbox, book)
    assert [json.loads(sent.body)["event"] for sent in hook.received] == ["fired"]
    desk.due()
    deliver(outbox, book)
    assert [json.loads(sent.body)["event"] for sent in hook.received] == ["fired", "fired", "resolved"]


def test_a_process_that_died_with_a_notification_in_its_hands_is_followed_by_another(
    desk: Desk, book: Rulebook, hook: Receiver, outbox: Outbox
) -> None:
    letter = outbox.claim(())
    assert letter is not None
    assert outbox.claim(()) is None
    desk.due()
    assert deliver(outbox, book).delivered == 1
    outbox.give_up(letter, "late")
    assert desk.outbox() == [("fired", "delivered", 2)]


def test_what_kills_its_process_each_time_is_given_up(desk: Desk, book: Rulebook, outbox: Outbox) -> None:
    for _ in range(MOST_ATTEMPTS):
        assert outbox.claim(()) is not None
        desk.due()
    deliver(outbox, book)
    [lost] = outbox.given_up(datetime(2020, 1, 1, tzinfo=UTC))
    assert lost.reason == "the process died in every attempt to deliver it"


def test_what_can_no_longer_be_read_is_given_up_and_holds_up_no_other(desk: Desk, hook: Receiver) -> None:
    desk.rules(raw_rule(group_by="model", actions=["hook"]), hook=desk.hook(hook))
    for model in ("a", "b", "c"):
        desk.fact("FAILED", model=model)
    hook.answers = [(503, {}, b"")] * 3
    desk.round()
    desk.due()
    desk.sql("UPDATE alert_notifications SET content = '{}', due_at = due_at - interval '1 h' WHERE sequence ="
             " (SELECT min(sequence) FROM alert_notifications)")  # fmt: skip
    hook.answers = []
    done = desk.round().delivered
    assert done == Delivered(delivered=2, failed=0, given_up=1, waiting=0)
    [(reason,)] = desk.sql("SELECT reason FROM alert_notifications WHERE state = 'given_up'")
    assert reason.startswith("what is kept of it can no longer be read: ")


def test_two_deliverers_do_not_send_the_same(desk: Desk, book: Rulebook, outbox: Outbox, hook: Receiver) -> None:
    sent: list[UUID] = []

    def slowly(*given: Any) -> None:
        sent.append(given[3])
        if len(sent) == 1:
            deliver(outbox, book, by=slowly)

    assert deliver(outbox, book, by=slowly).delivered == 1
    assert len(sent) == 1


def test_an_action_that_does_not_answer_holds_up_no_other(desk: Desk, hook: Receiver, outbox: Outbox) -> None:
    (nobody,) = free_ports(1)
    dead = {**desk.hook(hook), "url": f"http://{LOOPBACK}:{nobody}/"}
    desk.rules(raw_rule(group_by="model", actions=["dead", "hook"]), dead=dead, hook=desk.hook(hook))
    for index in range(5):
        desk.fact("FAILED", model=f"m{index}")
    done = desk.round().delivered
    assert done == Delivered(delivered=5, failed=1, given_up=0, waiting=5)


def test_an_action_that_is_no_longer_in_the_file_is_given_up(
    desk: Desk, book: Rulebook, outbox: Outbox, hook: Receiver
) -> None:
    desk.rules(raw_rule())
    deliver(outbox, read_rules(desk.file))
    [lost] = outbox.given_up(datetime(2020, 1, 1, tzinfo=UTC))
    assert lost.reason == "the rules file has no action hook any more"
    assert hook.received == []


def test_a_secret_that_is_missing_is_waited_for(desk: Desk, book: Rulebook, outbox: Outbox, hook: Receiver) -> None:
    (desk.folder / "secret").rename(desk.folder / "away")
    assert deliver(outbox, book).failed == 1
    (desk.folder / "away").rename(desk.folder / "secret")
    desk.due()
    assert deliver(outbox, book).delivered == 1


def test_what_nobody_expected_is_a_failure_that_stops_no_other(
    desk: Desk, book: Rulebook, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError(SECRET)

    assert deliver(outbox, book, by=fail).failed == 1
    [(reason,)] = desk.sql("SELECT reason FROM alert_notifications")
    assert reason == "it could not be sent (KeyError); the log says more"


def test_a_mended_address_is_used_for_what_waits(desk: Desk, book: Rulebook, outbox: Outbox, hook: Receiver) -> None:
    hook.answers = [(500, {}, b"")]
    deliver(outbox, book)
    with receiver() as mended:
        desk.rules(raw_rule(actions=["hook"]), hook=desk.hook(mended))
        desk.due()
        assert deliver(outbox, read_rules(desk.file)).delivered == 1
        assert len(mended.received) == 1


def test_a_round_of_deliveries_ends_in_time(desk: Desk, book: Rulebook, outbox: Outbox, hook: Receiver) -> None:
    assert deliver(outbox, book, seconds=0) == Delivered(delivered=0, failed=0, given_up=0, waiting=1)


def test_a_round_leaves_a_run_time_to_end() -> None:
    from ovpo.telemetry.alerts import delivery, mailing, outbox

    longest = max(posting.SECONDS, mailing.SECONDS)
    assert delivery.ROUND_SECONDS + longest < 150
    assert outbox.LEASE.total_seconds() > 2 * longest
