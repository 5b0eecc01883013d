# SPDX-License-Identifier: Apache-2.0
"""The receiver that stands in for the collector: it takes, judges, remembers and fails as the real one can."""

import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from ovpo_sdk.testing.faults import Answering, Cutting, Dripping, Hanging, Healthy, Part, TakenThenCut
from ovpo_sdk.testing.receiver import Receiver
from tests.integration.sdk.batches import batch, frame, packed, span, trace

UNREACHED = (ConnectionError, http.client.HTTPException, TimeoutError)


class Peer:
    """A plain client that keeps its connection."""

    def __init__(self, receiver: Receiver, seconds: float = 10.0) -> None:
        self._key = receiver.key
        self._connection = http.client.HTTPConnection(urlsplit(receiver.endpoint).netloc, timeout=seconds)

    def post(self, body: bytes, key: str | None = None, **headers: str) -> tuple[int, Any]:
        said = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        said |= {"Content-Encoding": "gzip"} | ({} if key is None else {"Idempotency-Key": key})
        return self._ask("POST", "/v1/ingest/batch", body, said | headers)

    def whoami(self, key: str | None = None) -> tuple[int, Any]:
        return self._ask("GET", "/v1/whoami", None, {"Authorization": f"Bearer {key or self._key}"})

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        read = answer.read()
        return answer.status, msgspec.json.decode(read) if read else None


def unended() -> dict[str, Any]:
    return {name: value for name, value in span().items() if name != "end_time"}


def is_healthy(receiver: Receiver) -> bool:
    return receiver.fault == Healthy()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def peer(receiver: Receiver) -> Iterator[Peer]:
    made = Peer(receiver)
    yield made
    made.close()


def test_a_batch_is_taken_and_its_records_are_told(receiver: Receiver, peer: Peer) -> None:
    run, stage, image = trace(), span(), frame()
    status, answer = peer.post(packed(run, stage, image))
    assert (status, answer["status"]) == (200, "accepted")
    assert (answer["processed_items"], answer["duplicate_items"], answer["failed_items"]) == (3, 0, 0)
    assert [found.trace_id for found in receiver.traces()] == [run["trace_id"]]
    assert [found.span_id for found in receiver.spans()] == [stage["span_id"]]
    assert [found.event_id for found in receiver.frames()] == [image["event_id"]]


def test_the_key_tells_the_tenant(receiver: Receiver, peer: Peer) -> None:
    status, answer = peer.whoami()
    assert (status, answer["tenant_id"]) == (200, receiver.tenant)


def test_another_key_is_refused(peer: Peer) -> None:
    status, answer = peer.whoami(key="ovpo_sk_wrong_wrong")
    assert (status, answer["error"]["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("item", "code", "field"),
    [
        (span(span_id="1"), "INVALID_UUID", "$.span_id"),
        (span(schema_version="0.07"), "SCHEMA_MISMATCH", "$.schema_version"),
        (span(colour="red"), "INVALID_SCHEMA", "$.colour"),
        (span(name="n" * 129), "FIELD_TOO_LARGE", "$.name"),
        (unended(), "MISSING_FIELD", "$.end_time"),
        (span(span_kind="SPAN_KIND_NONE"), "INVALID_FORMAT", "$.span_kind"),
        (span(attributes={"steps": 20}), "INVALID_FORMAT", "$.attributes.steps"),
        (span(attributes={"custom.a": "x" * 1025}), "FIELD_TOO_LARGE", "$.attributes['custom.a']"),
        (span(attributes={f"custom.a{n}": 1 for n in range(101)}), "FIELD_TOO_LARGE", "$.attributes"),
        (frame(frame_index=-1), "INVALID_FORMAT", "$.frame_index"),
        (frame(frame_index="0"), "INVALID_SCHEMA", "$.frame_index"),
        (frame(quality_metrics={"nsfw_score": 1.5}), "INVALID_FORMAT", "$.quality_metrics.nsfw_score"),
        (frame(observed_at="2026-11-21T12:00:00"), "INVALID_FORMAT", "$.observed_at"),
        (trace(tenant="other"), "FORBIDDEN", "$.tenant_id"),
        (trace(status="FAILED"), "MISSING_FIELD", "$.failure"),
        (trace(input_context={}), "MISSING_FIELD", "$.input_context.prompt_hash"),
        (trace(pipeline_config={"a": "x" * 65_536}), "FIELD_TOO_LARGE", "$.pipeline_config"),
        (trace(tags={"A": "b"}), "INVALID_FORMAT", "$.tags.A"),
        (frame(latent_stats={"mean": None}), "INVALID_SCHEMA", "$.latent_stats.mean"),
        (trace(pipeline_config={"a": ["b\0"]}), "INVALID_FORMAT", "$.pipeline_config.a[0]"),
        (trace(input_context={"prompt_hash": "0" * 64, "seed": 2**64}), "INVALID_FORMAT", "$.input_context.seed"),
        ({"type": "film"}, "INVALID_SCHEMA", "$.type"),
        (7, "INVALID_SCHEMA", "$"),
    ],
)
def test_an_item_that_breaks_the_contract_is_refused_alone(
    receiver: Receiver, peer: Peer, item: Any, code: str, field: str
) -> None:
    status, answer = peer.post(packed(span(), item))
    assert (status, answer["status"]) == (200, "partial_failure")
    assert (answer["processed_items"], answer["failed_items"]) == (1, 1)
    [error] = answer["errors"]
    assert (error["item_index"], error["code"], error["field"]) == (1, code, field)
    assert [fault.code for fault in receiver.refused] == [code]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (packed(), 400, "INVALID_SCHEMA"),
        (packed(*[{}] * 5001), 400, "TOO_MANY_ITEMS"),
        (packed(span(), batch_id="1"), 400, "INVALID_UUID"),
        (packed(span(), colour="red"), 400, "INVALID_SCHEMA"),
        (packed(trace(pipeline_config=msgspec.json.decode('{"a":' * 40 + "1" + "}" * 40))), 400, "INVALID_SCHEMA"),
        (packed(trace(pipeline_config={"a": "x" * 5 * 1024 * 1024})), 413, "PAYLOAD_TOO_LARGE"),
        (packed(span())[:-9], 400, "INVALID_FORMAT"),
        (b"plain", 400, "INVALID_FORMAT"),
    ],
)
def test_a_body_that_breaks_the_contract_is_refused_as_a_whole(
    receiver: Receiver, peer: Peer, body: bytes, status: int, code: str
) -> None:
    given, answer = peer.post(body)
    assert (given, answer["error"]["code"]) == (status, code)
    assert not receiver.spans()


def test_a_batch_sent_again_under_its_key_is_answered_again_and_taken_once(receiver: Receiver, peer: Peer) -> None:
    body = packed(span())
    _, first = peer.post(body, key="k1")
    status, second = peer.post(body, key="k1")
    assert (status, second["duplicate"], second["processed_items"]) == (200, True, first["processed_items"])
    assert len(receiver.spans()) == 1
    assert receiver.repeats == {}


def test_a_key_with_another_body_is_a_conflict(peer: Peer) -> None:
    peer.post(packed(span()), key="k1")
    status, answer = peer.post(packed(span()), key="k1")
    assert (status, answer["error"]["code"]) == (409, "CONFLICT")


def test_an_item_that_comes_again_counts_as_a_duplicate_and_is_told_of(receiver: Receiver, peer: Peer) -> None:
    same, other = span(), frame()
    peer.post(packed(same, other))
    _, answer = peer.post(packed(same, other | {"frame_index": 7}))
    assert (answer["processed_items"], answer["duplicate_items"]) == (0, 2)
    assert (receiver.repeats[same["span_id"]].times, receiver.repeats[same["span_id"]].differed) == (1, False)
    assert receiver.repeats[other["event_id"]].differed
    assert [found.frame_index for found in receiver.frames()] == [0]


def test_a_later_record_completes_a_trace(receiver: Receiver, peer: Peer) -> None:
    run = trace()
    peer.post(packed(run))
    _, answer = peer.post(packed(run | {"status": "COMPLETED"}, run))
    assert (answer["processed_items"], answer["duplicate_items"]) == (1, 1)
    assert [found.status for found in receiver.trace_records(run["trace_id"])] == ["GENERATING", "COMPLETED"]
    assert [found.status for found in receiver.traces()] == ["COMPLETED"]


def test_requests_are_kept_with_what_they_were_answered(receiver: Receiver, peer: Peer) -> None:
    whole = batch(span())
    peer.post(whole, key="k1", **{"Content-Encoding": "identity"})
    peer.whoami()
    first, second = receiver.requests
    assert (first.method, first.path, first.idempotency_key) == ("POST", "/v1/ingest/batch", "k1")
    assert (first.body, first.status) == (whole, 200)
    assert (second.path, second.status) == ("/v1/whoami", 200)
    assert first.at <= second.at


def test_a_set_answer_is_given_as_often_as_asked_and_takes_nothing(receiver: Receiver, peer: Peer) -> None:
    receiver.fault = Answering(503, {"Retry-After": "2"}, b"{}", for_requests=2)
    body = packed(span())
    assert [peer.post(body)[0] for _ in range(2)] == [503, 503]
    assert is_healthy(receiver)
    assert peer.post(body)[0] == 200
    assert [request.status for request in receiver.requests] == [503, 503, 200]
    assert len(receiver.spans()) == 1


def test_a_set_answer_lasts_until_it_is_healed(receiver: Receiver, peer: Peer) -> None:
    receiver.fault = Answering(500)
    assert peer.whoami()[0] == 500
    assert peer.whoami()[0] == 500
    receiver.fault = Healthy()
    assert peer.whoami()[0] == 200


def test_a_batch_that_is_taken_and_then_cut_gets_no_answer(receiver: Receiver, peer: Peer) -> None:
    receiver.fault = TakenThenCut(for_requests=1)
    with pytest.raises(UNREACHED):
        peer.post(packed(span()))
    assert len(receiver.spans()) == 1
    assert [request.status for request in receiver.requests] == [None]


def test_a_connection_that_is_cut_takes_nothing(receiver: Receiver, peer: Peer) -> None:
    receiver.fault = Cutting(for_requests=1)
    with pytest.raises(UNREACHED):
        peer.post(packed(span()))
    assert not receiver.spans()


@pytest.mark.parametrize("part", list(Part))
def test_a_dripped_answer_is_the_true_one(receiver: Receiver, peer: Peer, part: Part) -> None:
    receiver.fault = Dripping(part, pause_seconds=0)
    assert peer.post(packed(span()))[1]["processed_items"] == 1


def test_a_hanging_request_ends_when_the_receiver_stops(receiver: Receiver, peer: Peer) -> None:
    receiver.fault = Hanging()

    def stop_when_asked() -> None:
        receiver.until(lambda it: bool(it.requests))
        receiver.stop()

    stopping = threading.Thread(target=stop_when_asked)
    stopping.start()
    with pytest.raises(UNREACHED):
        peer.whoami()
    stopping.join()


def test_a_stopped_receiver_refuses_and_comes_back_at_the_same_address(receiver: Receiver) -> None:
    before = Peer(receiver)
    before.post(packed(span()))
    receiver.stop()
    with pytest.raises(UNREACHED):
        before.whoami()
    before.close()
    with pytest.raises(ConnectionRefusedError):
        Peer(receiver).whoami()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", urlsplit(receiver.endpoint).port))
    receiver.start()
    after = Peer(receiver)
    assert after.post(packed(span()))[0] == 200
    after.close()
    assert len(receiver.spans()) == 2


def test_one_that_was_never_started_refuses() -> None:
    receiver = Receiver()
    with pytest.raises(ConnectionRefusedError):
        Peer(receiver).whoami()
    receiver.close()


def test_waiting_tells_what_it_was_in_the_end(receiver: Receiver) -> None:
    assert not receiver.until(lambda it: bool(it.spans()), seconds=0.01)
    sending = threading.Thread(target=lambda: Peer(receiver).post(packed(span())))
    sending.start()
    assert receiver.until(lambda it: bool(it.spans()))
    sending.join()
