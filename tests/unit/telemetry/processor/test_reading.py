# SPDX-License-Identifier: Apache-2.0
"""What a message holds is read whole, and one that is none of ours or was damaged says so."""

import orjson
import pytest

from ovpo.foundation.broker.errors import UnreadableError
from ovpo.telemetry.processor.reading import FrameLine, Portion, SpanRecord, TraceRecord, read, together
from tests.integration.collector.batches import Item, event, new_id, span, trace
from tests.unit.telemetry.processor.records import NOON, TRACE_ID, message


def everything(portion: Portion) -> list[TraceRecord | SpanRecord | FrameLine]:
    return [*portion.traces, *portion.spans, *portion.frames]


def test_items_go_their_ways_in_their_order() -> None:
    first, second, frame, stage = trace(), trace(), event(new_id(), 3), span()
    portion = read(message(first, frame, second, stage))
    assert [(one.trace.trace_id, one.position) for one in portion.traces] == [
        (first["trace_id"], 0),
        (second["trace_id"], 2),
    ]
    assert [one.span.span_id for one in portion.spans] == [stage["span_id"]]
    assert [orjson.loads(one.text) for one in portion.frames] == [frame]
    assert [one.received_at for one in everything(portion)] == [NOON] * 4
    assert len(portion) == 4


def test_the_envelope_says_whose_the_items_are() -> None:
    portion = read(message(trace(), span(), event(new_id(), 0), tenant="acme"))
    assert [one.key[0] for one in everything(portion)] == ["acme"] * 3


def test_an_instant_in_small_letters_is_spelled_in_capitals_for_clickhouse() -> None:
    small = event(TRACE_ID, 0) | {"observed_at": "2026-11-21t12:00:00.5z"}
    [line] = read(message(small)).frames
    assert orjson.loads(line.text) == small | {"observed_at": "2026-11-21T12:00:00.5Z"}


def test_a_frame_event_in_capitals_stays_the_text_that_came() -> None:
    item = event(TRACE_ID, 0)
    [line] = read(message(item)).frames
    assert line.text == orjson.dumps(item, option=orjson.OPT_SORT_KEYS)


def test_equal_records_have_equal_digests_and_others_others() -> None:
    one = trace(TRACE_ID)
    portion = read(message(one, one, one | {"retry_count": 1}))
    first, again, other = (record.digest for record in portion.traces)
    assert first == again != other


def test_a_message_without_items_is_an_empty_portion() -> None:
    assert len(read(message())) == 0


def test_portions_are_joined_in_their_order() -> None:
    items = [trace(new_id()) for _ in range(4)]
    whole = together([read(message(*items[:2])), read(message(*items[2:]))])
    assert [one.trace.trace_id for one in whole.traces] == [one["trace_id"] for one in items]


@pytest.mark.parametrize("foreign", [b"", b"\xff\x00", b"[]", b"{}", b"null", b'{"tenant_id": "demo"}'])
def test_foreign_bytes_are_unreadable(foreign: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"^unreadable: "):
        read(foreign)


def test_every_message_that_lost_its_end_is_unreadable() -> None:
    whole = message(span())
    for length in range(len(whole)):
        with pytest.raises(UnreadableError, match=r"^unreadable: "):
            read(whole[:length])


def test_items_that_do_not_match_their_hash_are_unreadable() -> None:
    with pytest.raises(UnreadableError, match="do not match content_hash"):
        read(message(span(), content_hash="0" * 64))


@pytest.mark.parametrize(
    "item",
    [
        {"type": "video"},
        span() | {"status": "GREAT"},
        {name: value for name, value in event(new_id(), 0).items() if name != "observed_at"},
        trace() | {"created_at": "yesterday"},
    ],
)
def test_an_item_that_does_not_keep_the_contract_is_unreadable(item: Item) -> None:
    with pytest.raises(UnreadableError, match="an item does not keep the contract"):
        read(message(span(), item))
