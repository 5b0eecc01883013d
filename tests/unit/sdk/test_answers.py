# SPDX-License-Identifier: Apache-2.0
"""What an HTTP answer means for the batch that was sent."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ovpo_sdk.transport.answers import (
    Cause,
    Conflict,
    Denied,
    HttpAnswer,
    ItemError,
    Outcome,
    Refused,
    Taken,
    TooLarge,
    TryAgain,
    read_outcome,
    read_tenant,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ERROR = {"item_index": 2, "item_type": None, "code": "MISSING_FIELD", "field": "$.type", "message": "is missing"}


def counted(processed: int, repeated: int, failed: int, /, **more: Any) -> dict[str, Any]:
    counts = {"processed_items": processed, "duplicate_items": repeated, "failed_items": failed}
    return (
        {"status": "accepted", "batch_id": "b", "errors": [ERROR] * failed, "processing_time_ms": 1.0} | counts | more
    )


def meaning(status: int, body: Any = b"", items: int = 3, **headers: str) -> Outcome:
    text = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return read_outcome(HttpAnswer(status, {n.replace("_", "-"): t for n, t in headers.items()}, text), items, NOW)


def said(code: str, message: str = "because") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "request_id": "r"}}


def test_every_item_is_accounted_for() -> None:
    error = ItemError(2, None, "MISSING_FIELD", "$.type", "is missing")
    assert meaning(200, counted(1, 1, 1)) == Taken(1, 1, 1, (error,))


def test_an_answer_that_is_given_again_counts_as_the_first_did() -> None:
    again = counted(3, 0, 0, duplicate=True, original_request_time="2026-11-21T12:00:00Z")
    assert meaning(200, again) == Taken(3, 0, 0, ())


@pytest.mark.parametrize(
    "body",
    [
        b"<html>please log in</html>",
        b"",
        b"\xff",
        b"[" * 100_000,
        [],
        {},
        counted(2, 0, 0),
        counted(4, 0, 0),
        counted(-1, 4, 0),
        counted(2, 0, 1, errors=[]),
        counted(3, 0, 0, errors=[ERROR]),
        counted(2, 0, 1, errors=[{**ERROR, "item_index": 3}]),
        counted(3, 0, 0, processed_items="3"),
    ],
)
def test_a_success_that_does_not_account_for_what_was_sent_is_not_believed(body: Any) -> None:
    outcome = meaning(200, body)
    assert isinstance(outcome, TryAgain)
    assert (outcome.cause, outcome.sent) == (Cause.GARBAGE, True)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 599])
def test_a_server_in_trouble_is_tried_again_when_it_says(status: int) -> None:
    outcome = meaning(status, b"<html>bad gateway</html>", retry_after="2")
    assert isinstance(outcome, TryAgain)
    assert (outcome.cause, outcome.after_seconds, outcome.sent) == (Cause.UNAVAILABLE, 2.0, True)


def test_a_rate_limit_is_waited_out() -> None:
    outcome = meaning(429, said("RATE_LIMIT_EXCEEDED"), retry_after="11")
    assert isinstance(outcome, TryAgain)
    assert (outcome.cause, outcome.after_seconds) == (Cause.BUSY, 11.0)
    assert "RATE_LIMIT_EXCEEDED: because" in outcome.message


def test_a_batch_that_is_too_large_or_whose_key_is_taken_is_the_callers_to_change() -> None:
    assert meaning(413, said("PAYLOAD_TOO_LARGE")) == TooLarge()
    assert meaning(413, b"<html>nginx</html>") == TooLarge()
    assert meaning(409, said("CONFLICT")) == Conflict()


@pytest.mark.parametrize("status", [400, 415, 422])
def test_what_the_collector_refuses_is_refused_for_good(status: int) -> None:
    assert meaning(status, said("SCHEMA_MISMATCH")) == Refused("SCHEMA_MISMATCH", "because")


@pytest.mark.parametrize("status", [400, 415, 422, 451])
def test_what_somebody_else_refuses_is_tried_again(status: int) -> None:
    outcome = meaning(status, b"<html>plain HTTP was sent to an HTTPS port</html>")
    assert isinstance(outcome, TryAgain)
    assert outcome.cause is Cause.GARBAGE


@pytest.mark.parametrize(
    ("status", "setting"),
    [(401, "OVPO_KEY"), (403, "OVPO_KEY"), (404, "OVPO_ENDPOINT"), (405, "OVPO_ENDPOINT"), (302, "OVPO_ENDPOINT")],
)
def test_a_wrong_key_or_address_names_the_setting(status: int, setting: str) -> None:
    outcome = meaning(status, said("UNAUTHORIZED"))
    assert isinstance(outcome, Denied)
    assert outcome.status == status
    assert setting in outcome.message


def test_a_redirect_names_the_other_server_and_nothing_more() -> None:
    outcome = meaning(307, location="https://user:pass@login.example/take?token=1")
    assert isinstance(outcome, Denied)
    assert "login.example" in outcome.message
    assert not {"pass", "token"} & set(outcome.message.replace("?", " ").replace(":", " ").split())
    assert isinstance(meaning(307, location="http://[broken"), Denied)


def test_a_long_message_is_cut() -> None:
    refused = meaning(400, said("INVALID_SCHEMA", "x" * 10_000))
    assert isinstance(refused, Refused)
    assert len(refused.message) < 1_000


def test_the_tenant_is_read() -> None:
    assert read_tenant(HttpAnswer(200, {}, b'{"tenant_id":"acme","role":"developer"}'), NOW) == "acme"


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"tenant_id":7}'])
def test_a_tenant_is_not_made_up(body: bytes) -> None:
    outcome = read_tenant(HttpAnswer(200, {}, body), NOW)
    assert isinstance(outcome, TryAgain)
    assert outcome.cause is Cause.GARBAGE
