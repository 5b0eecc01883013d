# SPDX-License-Identifier: Apache-2.0
"""Judging what came while a batch was not acknowledged."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ovpo_sdk.records import FrameRecord, SpanRecord, TraceRecord
from ovpo_sdk.testing.checks.delivery import Delivery, faults_of
from ovpo_sdk.testing.receiver import Request
from ovpo_sdk.testing.recording import Recording, Shape
from tests.unit.sdk.recordings import NOBODY, START, after, frame, recording, span, trace

Record = TraceRecord | SpanRecord | FrameRecord
BATCH = "77777777-7777-4777-8777-777777777777"
TRACE, SPAN, FRAME = trace(), span(), frame(0)
ALL: tuple[Record, ...] = (TRACE, SPAN, FRAME)
SHAPE = recording(*ALL).shape


def request(
    items: Sequence[Record], status: int | None = 200, key: str | None = "a", sent: datetime = START
) -> Request:
    body = {"schema_version": "0.08", "batch_id": BATCH, "sent_at": sent, "items": list(items)}
    return Request("POST", "/v1/ingest/batch", {}, key, msgspec.json.encode(body), status, 0.0)


def faults(*requests: Request, seen: Recording, expected: Shape | None = SHAPE) -> list[str]:
    return list(faults_of(Delivery("the answer to a batch was lost", requests, seen, expected)))


def test_the_same_batch_again_is_as_it_should_be() -> None:
    assert faults(request(ALL, None), request(ALL), seen=recording(*ALL)) == []


def test_a_later_record_of_a_trace_may_come_under_another_key() -> None:
    assert faults(request((TRACE,), None), request(ALL, key="b"), seen=recording(*ALL)) == []


def test_a_batch_without_a_key_is_told() -> None:
    [fault] = faults(request(ALL, None, key=None), request(ALL, key=None), seen=recording(*ALL))

    assert "without an Idempotency-Key" in fault


def test_another_body_under_the_same_key_is_told() -> None:
    [fault] = faults(request(ALL, None), request(ALL, sent=after(1)), seen=recording(*ALL))

    assert "the batch with Idempotency-Key a came with another body" in fault


def test_the_same_items_under_another_key_are_told() -> None:
    [fault] = faults(request(ALL, None), request(ALL, key="b"), seen=recording(*ALL))

    assert "items of the batch with Idempotency-Key a came under b" in fault


def test_items_that_come_once_more_under_other_ids_are_told() -> None:
    again = span(span_id=NOBODY)
    [fault] = faults(request(ALL, None), request((again,), key="b"), seen=recording(*ALL, again))

    assert "1 items came once more under other ids, such as the span denoise" in fault


def test_something_new_is_no_repetition() -> None:
    new = frame(12)

    assert faults(request(ALL, None), request(ALL), request((new,), key="b"), seen=recording(*ALL, new)) == []


def test_items_that_come_under_other_ids_in_place_of_the_first_are_told() -> None:
    again = span(span_id=NOBODY)
    seen = recording(TRACE, again, FRAME)
    [fault] = faults(request((SPAN,), 503), request((TRACE, again, FRAME), key="b"), seen=seen)

    assert "what came again had other ids" in fault
    assert f"span {SPAN.span_id} (denoise)" in fault


def test_items_that_never_come_are_told() -> None:
    [fault] = faults(request((FRAME,), 503), request((TRACE, SPAN), key="b"), seen=recording(TRACE, SPAN))

    assert "1 items never arrived, such as frame 0" in fault


def test_items_that_were_never_even_sent_are_told() -> None:
    [fault] = faults(request((TRACE,), 503), request((TRACE,)), seen=recording(TRACE))

    assert "2 items never arrived" in fault


def test_what_was_sent_must_arrive_also_where_no_two_runs_are_alike() -> None:
    [fault] = faults(request((FRAME,), 503), seen=recording(TRACE, SPAN), expected=None)

    assert "1 items never arrived, such as frame 0" in fault


def test_no_batch_at_all_is_told_first() -> None:
    assert "no batch came at all" in faults(seen=recording())[0]
