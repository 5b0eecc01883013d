# SPDX-License-Identifier: Apache-2.0
"""A batch on its way to the collector: whatever a server or a network does, the sender says what it was, in time."""

import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.testing.faults import Answering, Cutting, Dripping, Hanging, Healthy, Part, TakenThenCut
from ovpo_sdk.testing.receiver import Receiver
from ovpo_sdk.transport.answers import Cause, Conflict, Denied, Outcome, Refused, Taken, TooLarge, TryAgain
from ovpo_sdk.transport.sending import MOST_ANSWER_BYTES, Sender
from tests.integration.sdk.batches import frame, new_id, packed, span
from tests.integration.sdk.deliveries import KEY, SOON, TAKEN, sent, sent_to, told
from tests.integration.sdk.wires import always, port, request_on, silent

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def sender(receiver: Receiver) -> Iterator[Sender]:
    made = Sender(receiver.endpoint, receiver.key, SOON)
    yield made
    made.close()


def test_batches_are_taken_over_one_connection(receiver: Receiver, sender: Sender) -> None:
    assert sender.whoami() == receiver.tenant
    assert sender.send(packed(span(), frame()), "k1", 2) == Taken(2, 0, 0, ())
    assert sent(sender) == TAKEN
    assert (len(receiver.spans()), len(receiver.frames())) == (2, 1)
    assert receiver.connections == 1
    request = receiver.requests[1]
    assert (request.method, request.path, request.idempotency_key) == ("POST", "/v1/ingest/batch", "k1")
    assert request.headers["user-agent"].startswith("ovpo-sdk-python/")


def test_refused_items_are_told_one_by_one(sender: Sender) -> None:
    outcome = sender.send(packed(span(), span(name="n" * 129)), new_id(), 2)
    assert isinstance(outcome, Taken)
    assert (outcome.processed, outcome.failed) == (1, 1)
    assert [(error.item_index, error.code, error.field) for error in outcome.errors] == [
        (1, "FIELD_TOO_LARGE", "$.name")
    ]


def test_the_same_batch_under_the_same_key_is_taken_once(receiver: Receiver, sender: Sender) -> None:
    body = packed(span())
    assert sender.send(body, "k1", 1) == sender.send(body, "k1", 1) == TAKEN
    assert len(receiver.spans()) == 1


def test_the_same_key_with_another_body_is_a_conflict(sender: Sender) -> None:
    sent(sender, "k1")
    assert sent(sender, "k1") == Conflict()


def test_a_batch_that_breaks_the_contract_is_refused(sender: Sender) -> None:
    outcome = sender.send(packed(span(), batch_id="1"), new_id(), 1)
    assert isinstance(outcome, Refused)
    assert outcome.code == "INVALID_UUID"


def test_a_batch_that_is_too_large_is_the_callers_to_halve(sender: Sender) -> None:
    assert sender.send(packed(span(name="n" * 6_000_000)), new_id(), 1, seconds=10) == TooLarge()


def test_a_wrong_key_is_denied_and_not_shown(receiver: Receiver) -> None:
    sender = Sender(receiver.endpoint, KEY, SOON)
    outcome = sent(sender)
    assert isinstance(outcome, Denied)
    assert outcome.status == 401
    assert "OVPO_KEY" in outcome.message
    assert outcome == sender.whoami()
    sender.close()


def test_an_answer_that_repeats_the_key_does_not_bring_it_into_a_message(receiver: Receiver, sender: Sender) -> None:
    body = f'{{"error":{{"code":"FORBIDDEN","message":"not with {receiver.key}"}}}}'.encode()
    receiver.fault = Answering(403, body=body)
    outcome = sent(sender)
    assert isinstance(outcome, Denied)
    assert "not with" in outcome.message
    assert receiver.key not in outcome.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, sender: Sender, status: int) -> None:
    receiver.fault = Answering(status, {"Location": f"{receiver.endpoint}/v1/ingest/batch"}, for_requests=1)
    outcome = sent(sender)
    assert isinstance(outcome, Denied)
    assert "OVPO_ENDPOINT" in outcome.message
    assert len(receiver.requests) == 1


def test_an_address_without_a_collector_is_denied(receiver: Receiver) -> None:
    outcome = sent_to(f"{receiver.endpoint}/elsewhere")
    assert isinstance(outcome, Denied)
    receiver.fault = Answering(404)
    outcome = sent_to(receiver.endpoint)
    assert isinstance(outcome, Denied)
    assert "OVPO_ENDPOINT" in outcome.message


@pytest.mark.parametrize(
    ("fault", "cause", "after"),
    [
        (Answering(500), Cause.UNAVAILABLE, None),
        (Answering(503, {"Retry-After": "2"}), Cause.UNAVAILABLE, 2.0),
        (Answering(429, {"Retry-After": "9"}), Cause.BUSY, 9.0),
        (Answering(200, {"Content-Type": "text/html"}, b"<html>please log in</html>"), Cause.GARBAGE, None),
        (Answering(200, {"Transfer-Encoding": "chunked"}, b"zz\r\n"), Cause.CUT, None),
        (Answering(200, {"Content-Length": "1000"}, b'{"status":"accepted"'), Cause.CUT, None),
        (Answering(200, {"Content-Length": "1000"}), Cause.CUT, None),
        (Cutting(), Cause.CUT, None),
        (TakenThenCut(), Cause.CUT, None),
    ],
    ids=repr,
)
def test_a_server_in_trouble_is_tried_again(
    receiver: Receiver, sender: Sender, fault: Any, cause: Cause, after: float | None
) -> None:
    receiver.fault = fault
    outcome = sent(sender)
    assert isinstance(outcome, TryAgain)
    assert (outcome.cause, outcome.after_seconds, outcome.sent) == (cause, after, True)
    receiver.fault = Healthy()
    assert sent(sender) == TAKEN


@pytest.mark.parametrize(
    "fault",
    [Hanging(), Dripping(Part.HEADERS, pause_seconds=0.3), Dripping(Part.BODY, pause_seconds=0.3)],
    ids=repr,
)
def test_a_slow_server_is_left_at_the_deadline(receiver: Receiver, sender: Sender, fault: Any) -> None:
    receiver.fault = fault
    assert told(sent(sender)) == (Cause.TIMEOUT, True)
    assert told(sender.whoami()) == (Cause.TIMEOUT, True)
    receiver.fault = Healthy()
    assert sent(sender) == TAKEN


def test_a_body_without_an_end_is_left_at_the_deadline() -> None:
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        request_on(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")
        while not ended.wait(0.1):
            connection.sendall(b" ")

    with port(drip) as number:
        assert told(sent_to(f"http://127.0.0.1:{number}")) == (Cause.TIMEOUT, True)
        ended.set()


def test_a_server_that_does_not_read_is_left_at_the_deadline() -> None:
    with port(silent) as number:
        assert told(sent_to(f"http://127.0.0.1:{number}", body=bytes(50_000_000))) == (Cause.TIMEOUT, True)


def test_a_server_that_takes_no_connection_is_left_at_the_deadline() -> None:
    with port(None, backlog=0) as number:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", number))
        assert told(sent_to(f"http://127.0.0.1:{number}")) == (Cause.TIMEOUT, False)
        for one in waiting:
            one.close()


def test_a_deadline_of_one_request_may_be_shorter(receiver: Receiver) -> None:
    sender = Sender(receiver.endpoint, receiver.key, 1_000)
    receiver.fault = Hanging()
    assert told(sender.send(packed(span()), new_id(), 1, seconds=0.1)) == (Cause.TIMEOUT, True)
    assert told(sender.whoami(seconds=0.1)) == (Cause.TIMEOUT, True)
    sender.close()


def test_a_closed_port_is_told_as_such_and_its_return_noticed(receiver: Receiver, sender: Sender) -> None:
    assert sent(sender) == TAKEN
    receiver.stop()
    assert told(sent(sender)) == (Cause.CONNECT, False)
    assert told(sender.whoami()) == (Cause.CONNECT, False)
    receiver.start()
    assert sent(sender) == TAKEN


def test_a_host_that_nobody_knows_is_told_as_such() -> None:
    assert told(sent_to("http://collector.invalid:8001")) == (Cause.DNS, False)
    assert told(sent_to(f"http://{'x' * 64}.invalid:8001")) == (Cause.DNS, False)


def test_a_name_server_that_is_away_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()

    def look_up(*_: Any, **__: Any) -> list[Any]:
        found.wait(20)
        return []

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    assert told(sent_to("http://collector.invalid:8001")) == (Cause.DNS, False)
    found.set()


def test_the_next_address_of_a_host_is_tried(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    number = int(receiver.endpoint.rpartition(":")[2])
    with port(None) as closed:
        pass
    kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    addresses = [(*kind, ("127.0.0.1", closed)), (*kind, ("127.0.0.1", number))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: addresses)
    sender = Sender("http://collector.invalid:8001", receiver.key, SOON)
    assert sender.whoami() == receiver.tenant
    sender.close()


def test_an_answer_without_measure_is_not_read_to_its_end(receiver: Receiver, sender: Sender) -> None:
    receiver.fault = Answering(200, body=b" " * (MOST_ANSWER_BYTES + 1_000_000), for_requests=1)
    assert told(sent(sender)) == (Cause.GARBAGE, True)
    assert sent(sender) == TAKEN


@pytest.mark.parametrize("end", [b"\r\nConnection: close\r\n\r\n", b"\r\nContent-Length: 200\r\n\r\n", b"\r\n\r\n"])
def test_an_answer_may_end_with_its_connection(end: bytes) -> None:
    body = b'{"status":"accepted","batch_id":"b","processed_items":1,"duplicate_items":0,"failed_items":0,"errors":[],'
    body += b'"processing_time_ms": 1}'
    with port(always(b"HTTP/1.1 200 OK" + end + body.ljust(200))) as number:
        assert sent_to(f"http://127.0.0.1:{number}") == TAKEN


def test_a_server_may_answer_before_it_has_read_everything() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    with port(serve) as number:
        assert sent_to(f"http://127.0.0.1:{number}", body=bytes(20_000_000)) == TooLarge()


@pytest.mark.parametrize("fault", [Cutting(for_requests=1), TakenThenCut(for_requests=1)], ids=repr)
def test_a_kept_connection_that_was_given_up_is_replaced_at_once(
    receiver: Receiver, sender: Sender, fault: Any
) -> None:
    assert sent(sender) == TAKEN
    receiver.fault = fault
    assert sent(sender, "k2") == TAKEN
    assert receiver.connections == 2
    assert [request.idempotency_key for request in receiver.requests[1:]] == ["k2", "k2"]
    assert len(receiver.spans()) == 2


def test_a_connection_that_was_closed_while_nothing_was_sent_is_replaced(receiver: Receiver, sender: Sender) -> None:
    assert sent(sender) == TAKEN
    receiver.stop()
    receiver.start()
    assert sent(sender) == TAKEN
    assert len(receiver.requests) == 2


def test_a_server_that_always_cuts_is_asked_no_more_than_twice(receiver: Receiver, sender: Sender) -> None:
    assert sent(sender) == TAKEN
    receiver.fault = Cutting()
    assert told(sent(sender)) == (Cause.CUT, True)
    assert len(receiver.requests) == 3


def test_bytes_that_are_no_http_never_raise() -> None:
    chance = random.Random(7)
    shapes = [
        b"",
        b"HTTP/1.1 ",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: ",
        b"HTTP/9.9 abc\r\n\r\n",
    ]
    answers = [shape + chance.randbytes(chance.randrange(200)) for shape in shapes for _ in range(8)]
    answers += [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5,
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ]
    for answer in answers:
        with port(always(answer)) as number:
            cause, was_sent = told(sent_to(f"http://127.0.0.1:{number}"))
            assert (cause in {Cause.GARBAGE, Cause.CUT, Cause.TIMEOUT}, was_sent) == (True, True), answer


def test_closing_ends_what_is_under_way_and_nothing_is_sent_any_more(receiver: Receiver) -> None:
    def send(by: Sender, outcomes: list[Outcome]) -> None:
        outcomes.append(sent(by))

    receiver.fault = Hanging()
    for turn in range(40):
        sender = Sender(receiver.endpoint, receiver.key, 1_000)
        outcomes: list[Outcome] = []
        sending = threading.Thread(target=send, args=(sender, outcomes))
        sending.start()
        assert receiver.until(lambda it, before=turn: len(it.requests) > before)  # type: ignore[misc]
        sender.close()
        sending.join()
        assert [told(outcome) for outcome in outcomes] == [(Cause.CUT, True)]
        assert told(sent(sender)) == (Cause.CUT, False)
        assert len(receiver.requests) == turn + 1


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigurationError, match="OVPO_KEY") as error:
        Sender("http://127.0.0.1:8001", key, SOON)
    assert not key or key not in str(error.value)


def test_a_sender_leaves_no_descriptor_behind(receiver: Receiver) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for fault in (Healthy(), Hanging(), Cutting(), Answering(500)):
        receiver.fault = fault
        sender = Sender(receiver.endpoint, receiver.key, 0.1)
        sent(sender)
        sender.close()
    receiver.stop()
    assert receiver.until(lambda _: descriptors() <= before)
