# SPDX-License-Identifier: Apache-2.0
"""A batch: a body that the contract takes, the same bytes for the same items."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ovpo_sdk.ids import new_id
from ovpo_sdk.kinds import EventType, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import Envelope, FrameRecord, Item, SpanRecord, TraceRecord
from ovpo_sdk.shaping.hashing import prompt_hash
from ovpo_sdk.shaping.personal import PersonalData
from ovpo_sdk.testing.judging import judge
from ovpo_sdk.transport.batches import MOST_BYTES, MOST_ITEMS, MOST_SPANS, batch
from ovpo_sdk.transport.chunks import Lane
from ovpo_sdk.transport.encoding import Encoder
from ovpo_sdk.transport.lanes import Lanes

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CONTRACT_BYTES = 5 * 1024 * 1024
GZIP_TIME = slice(4, 8)


def trace(**changes: Any) -> TraceRecord:
    context = {"prompt_hash": prompt_hash("fox")}
    return msgspec.structs.replace(
        TraceRecord(new_id(), TraceStatus.GENERATING, {"model": "tiny"}, context, AT, "0.08"), **changes
    )


def span(**changes: Any) -> SpanRecord:
    end = AT + timedelta(seconds=1)
    made = SpanRecord(new_id(), new_id(), SpanKind.SAMPLING, "denoise", AT, SpanStatus.OK, "0.08", end_time=end)
    return msgspec.structs.replace(made, **changes)


def frame(index: int = 0) -> FrameRecord:
    return FrameRecord(new_id(), new_id(), new_id(), EventType.GENERATED, AT, index, 40.0 * index, "0.08")


def lines(*items: Item) -> list[bytes]:
    return [msgspec.json.encode(item) for item in items]


def decoded(body: bytes) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(gzip.decompress(body))
    return told


def test_the_body_is_an_envelope_of_the_contract() -> None:
    batch_id = new_id()
    made = batch(batch_id, AT, "team-1", lines(trace(), span(), frame()))
    judged = judge(gzip.decompress(made.body), "team-1")
    assert (judged.batch_id, judged.faults, len(judged.good)) == (batch_id, (), 3)
    assert made.items == 3
    assert msgspec.json.decode(gzip.decompress(made.body), type=Envelope).sent_at == AT


def test_traces_alone_are_told_whose_they_are() -> None:
    told = decoded(batch(new_id(), AT, "team-1", lines(trace(), span(), frame())).body)["items"]
    assert [item.get("tenant_id") for item in told] == ["team-1", None, None]


@given(st.text())
def test_whatever_a_tenant_is_called_the_body_is_json(tenant: str) -> None:
    told = decoded(batch(new_id(), AT, tenant, lines(trace())).body)
    assert told["items"][0]["tenant_id"] == tenant


def test_a_text_that_looks_like_a_trace_is_left_alone() -> None:
    hostile = '"},{"type":"trace",'
    told = decoded(batch(new_id(), AT, "t", lines(span(name=hostile), trace(tags={"a": hostile}))).body)["items"]
    assert told[0]["name"] == told[1]["tags"]["a"] == hostile


KINDS: list[Callable[[], Item]] = [trace, span, frame]


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=20))
def test_the_same_items_make_the_same_bytes(kinds: list[Callable[[], Item]]) -> None:
    owned, batch_id = lines(*(kind() for kind in kinds)), new_id()
    made = batch(batch_id, AT, "t", owned).body
    assert made == batch(batch_id, AT, "t", list(owned)).body
    assert made[GZIP_TIME] == bytes(4)


def test_batches_of_any_size_of_items_keep_the_limits_of_the_contract() -> None:
    lanes = Lanes(10**9, lambda _: None)
    encoder = Encoder(lanes, PersonalData("allow"), _fail, _fail)
    owner, emitted = new_id(), 0
    for number in range(3_000):
        attributes = {f"custom.a{n}": "x" * 1_000 for n in range(number % 16)}
        encoder.span_record(span(trace_id=owner, attributes=attributes))
        encoder.frame_record(frame(number))
        emitted += 2
        if number % 3 == 0:
            encoder.trace(trace(pipeline_config={"steps": "x" * (60_000 if number % 300 == 0 else 10)}))
            emitted += 1
    encoder.release(Lane.PRECIOUS)
    lanes.close_open()
    sizes = []
    while chunks := lanes.take(MOST_ITEMS, MOST_BYTES, MOST_SPANS):
        made = batch(new_id(), AT, "t" * 128, [text for chunk in chunks for text in chunk.lines()])
        body = gzip.decompress(made.body)
        judged = judge(body, "t" * 128)
        assert not judged.faults
        assert len(body) < CONTRACT_BYTES
        sizes.append(made.items)
        lanes.landed()
    assert sum(sizes) == emitted
    assert len(sizes) > 5


def _fail(message: str) -> None:
    raise AssertionError(message)
