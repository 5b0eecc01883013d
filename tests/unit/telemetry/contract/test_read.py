# SPDX-License-Identifier: Apache-2.0
"""What reading a batch gives beyond a yes or no: which fault is told, where, and what the records hold."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from ovpo.telemetry.contract.outcome import EnvelopeError, Item, ItemError, ReadBatch
from ovpo.telemetry.contract.read import read_batch, read_document
from ovpo.telemetry.contract.records import FrameEvent, ItemType, Span, SpanKind, VideoTrace
from ovpo.telemetry.contract.rules import Reader

TRACE_ID, SPAN_ID = "7f1d3c52-9a4b-4e0f-8c1d-2b6a5e9f0a11", "0c9a7b1e-5d2f-4b3a-9e8c-6f4d1a2b3c44"
PROMPT = "a secret that nobody may read"

Payload = dict[str, Any]


def trace(**fields: Any) -> Payload:
    return {
        "type": "trace",
        "schema_version": "0.08",
        "trace_id": TRACE_ID,
        "tenant_id": "demo",
        "status": "PENDING",
        "pipeline_config": {},
        "input_context": {"prompt_hash": "ab" * 32},
        "created_at": "2026-11-21T10:00:00Z",
        **fields,
    }


def span(**fields: Any) -> Payload:
    return {
        "type": "span",
        "schema_version": "0.08",
        "span_id": SPAN_ID,
        "trace_id": TRACE_ID,
        "span_kind": "SPAN_KIND_SAMPLING",
        "name": "sampling",
        "start_time": "2026-11-21T10:00:01Z",
        "end_time": "2026-11-21T11:00:05.5+01:00",
        "status": "OK",
        **fields,
    }


def event(**fields: Any) -> Payload:
    return {
        "type": "event",
        "schema_version": "0.08",
        "event_id": "b4e1f6a8-3c7d-4f92-a1b0-9d8e7c6b5a33",
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "event_type": "frame_generated",
        "observed_at": "2026-11-21T10:00:02Z",
        "frame_index": 0,
        "media_time_ms": 0,
        **fields,
    }


def batch(*items: Any, **fields: Any) -> Payload:
    head = {"schema_version": "0.08", "batch_id": "3d5b7f91-2c4e-4a6b-9f8d-1e0c2b4a6d77"}
    return {**head, "sent_at": "2026-11-21T10:00:10Z", "items": list(items), **fields}


def read(payload: Any, **reader: Any) -> ReadBatch:
    return read_batch(orjson.dumps(payload), Reader(**reader))


def read_one(item: Payload, **reader: Any) -> Item | ItemError:
    found = read(batch(item), **reader)
    return (found.accepted + found.errors)[0]


def refusal(payload: Any) -> EnvelopeError:
    with pytest.raises(EnvelopeError) as caught:
        read(payload)
    return caught.value


def fault(item: Any) -> tuple[str, str]:
    """Give code and field of what an item is refused for."""
    found = read_one(item)
    assert isinstance(found, ItemError)
    return str(found.code), found.field


def test_a_batch_gives_its_head_and_typed_items_in_order() -> None:
    found = read(batch(trace(), span(), event(), idempotency_key="k"))
    assert (found.batch_id, found.idempotency_key) == ("3d5b7f91-2c4e-4a6b-9f8d-1e0c2b4a6d77", "k")
    assert found.sent_at == datetime(2026, 11, 21, 10, 0, 10, tzinfo=UTC)
    assert [(item.index, item.type) for item in found.accepted] == list(enumerate(ItemType))
    assert [type(item.record) for item in found.accepted] == [VideoTrace, Span, FrameEvent]


def test_a_span_is_read_into_its_type() -> None:
    found = read_one(span(attributes={"ovpo.steps": 30, "custom.cfg": 7.5, "gpu.on": True, "model.name": "é"}))
    assert isinstance(found, Item)
    record = found.record
    assert isinstance(record, Span)
    assert record.span_kind is SpanKind.SAMPLING
    assert record.end_time == datetime(2026, 11, 21, 11, 0, 5, 500_000, tzinfo=timezone(timedelta(hours=1)))
    assert record.attributes == {"ovpo.steps": 30, "custom.cfg": 7.5, "gpu.on": True, "model.name": "é"}
    assert type(record.attributes["ovpo.steps"]) is int


def test_open_objects_of_a_trace_keep_everything() -> None:
    config, context = {"graph": [1, {"a": None}]}, {"prompt_hash": "ab" * 32, "aspect": "16:9", "seed": 2**64 - 1}
    failure = {"kind": "oom", "message": "", "retryable": True, "details": {"requested_mb": 4096}}
    found = read_one(trace(pipeline_config=config, input_context=context, failure=failure))
    assert isinstance(found, Item)
    record = found.record
    assert isinstance(record, VideoTrace)
    assert orjson.loads(bytes(record.pipeline_config)) == config
    assert orjson.loads(bytes(record.input_context)) == context
    assert record.failure is not None
    assert orjson.loads(bytes(record.failure.details)) == failure["details"]


def test_equal_items_have_equal_bytes_however_they_are_spelt() -> None:
    plain = orjson.dumps(batch(span()))
    spelt = orjson.dumps(batch(dict(reversed(span().items()))), option=orjson.OPT_INDENT_2).replace(b"OK", b"\\u004fK")
    one, other = (read_batch(body, Reader()).accepted[0].raw for body in (plain, spelt))
    assert one == other == orjson.dumps(span(), option=orjson.OPT_SORT_KEYS)


def test_a_leap_second_is_kept_as_the_last_microsecond_of_its_minute() -> None:
    found = read_one(event(observed_at="2016-12-31T23:59:60.25Z"))
    assert isinstance(found, Item)
    assert isinstance(found.record, FrameEvent)
    assert found.record.observed_at == datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert read(batch(span(), sent_at="2016-12-31T23:59:60Z")).sent_at.year == 2016


def test_a_whole_number_with_a_point_is_kept_without() -> None:
    found = read_one(event(frame_index=3.0, media_time_ms=120.0, latent_stats={"nan_count": 1.0}))
    assert isinstance(found, Item)
    assert isinstance(found.record, FrameEvent)
    assert type(found.record.frame_index) is int
    assert orjson.loads(found.raw)["latent_stats"] == {"nan_count": 1}


def test_of_a_mixed_batch_the_valid_items_are_taken() -> None:
    found = read(batch(span(), 5, span(name=1), event(), {}))
    assert [item.index for item in found.accepted] == [0, 3]
    assert [(error.item_index, error.item_type, error.item_id) for error in found.errors] == [
        (1, None, None),
        (2, ItemType.SPAN, SPAN_ID),
        (4, None, None),
    ]


def test_a_trace_of_another_tenant_is_forbidden_and_its_neighbours_are_not() -> None:
    found = read(batch(trace(tenant_id="other"), trace(), span()), tenant_id="demo")
    assert [(error.item_index, error.code, error.field) for error in found.errors] == [(0, "FORBIDDEN", "$.tenant_id")]
    assert [item.index for item in found.accepted] == [1, 2]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (span(schema_version="1", name=1, trace_id="x", colour=1), ("SCHEMA_MISMATCH", "$.schema_version")),
        ({**span(trace_id="x", colour=1), "end_time": ...}, ("MISSING_FIELD", "$.end_time")),
        (span(trace_id="x", parent_span_id="x", name="x" * 129), ("INVALID_UUID", "$.parent_span_id")),
        (span(name="x" * 129, status="?", colour=1), ("FIELD_TOO_LARGE", "$.name")),
        (span(status="?", colour=1), ("INVALID_FORMAT", "$.status")),
        (span(colour=1, attributes=[]), ("INVALID_SCHEMA", "$.attributes")),
        (trace(tenant_id="other", pipeline_config={"a": "x" * 70_000}), ("FIELD_TOO_LARGE", "$.pipeline_config")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_of_several_faults_the_first_in_order_is_told(item: Payload, expected: tuple[str, str]) -> None:
    assert fault({name: value for name, value in item.items() if value is not ...}) == expected


def test_a_fault_is_told_with_its_place_and_its_remedy() -> None:
    found = read_one(trace(output_manifest={"primary_output": {"url": "s3://a", "format": "mp4", "checksum": "x"}}))
    assert isinstance(found, ItemError)
    assert found.field == "$.output_manifest.primary_output.checksum"
    assert found.message == "must match ^(?:sha256|md5):[a-f0-9]{32,64}$"
    assert fault(span(attributes={"it's\n": 1})) == ("INVALID_FORMAT", r"$.attributes['it\'s\u000a']")
    assert fault(trace(tags={"k" * 5000: 1}))[1] == f"$.tags['{'k' * 64}…']"


def test_values_are_never_repeated_to_the_sender() -> None:
    faulty = [
        trace(input_context={"prompt_hash": PROMPT}),
        trace(input_context={"prompt_hash": "ab" * 32, "prompt_plaintext": PROMPT * 500}),
        trace(created_at=PROMPT, status=PROMPT, tags={"a": [PROMPT]}),
        trace(status="FAILED", failure={"kind": PROMPT, "message": PROMPT, "retryable": PROMPT}),
        span(name=[PROMPT]),
        PROMPT,
    ]
    told = [f"{error.field} {error.message}" for error in read(batch(*faulty)).errors]
    assert len(told) == len(faulty)
    assert not [line for line in told if PROMPT in line]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b'"name":"sampling","name":"x"', "$..name"),
        (b'"name":"sampling","attributes":{"gpu.a":1,"gpu.a":2}', "$..['gpu.a']"),
        (b'"name":"\\u0022\\u0022","attributes":{"ovpo.a":1,"ovpo.a":1}', "$..['ovpo.a']"),
    ],
)
def test_a_name_that_stands_twice_refuses_its_item_alone(text: bytes, field: str) -> None:
    body = orjson.dumps(batch(event(), span(), trace())).replace(b'"name":"sampling"', text)
    found = read_batch(body, Reader())
    assert [(error.item_index, error.code, error.field) for error in found.errors] == [(1, "INVALID_SCHEMA", field)]
    assert [item.index for item in found.accepted] == [0, 2]


def test_quotation_marks_as_escapes_are_no_fault() -> None:
    body = orjson.dumps(batch(span())).replace(b"sampling", b"\\u0022 \\\\u0000 \\\\u0022")
    (item,) = read_batch(body, Reader()).accepted
    assert isinstance(item.record, Span)
    assert item.record.name == '" \\u0000 \\u0022'


def test_nul_is_refused_where_it_stands() -> None:
    assert fault(trace(pipeline_config={"a": [1, {"b": "x\0"}]})) == ("INVALID_FORMAT", "$.pipeline_config.a[1].b")
    assert refusal(batch(span(), idempotency_key="\0")).field == "$.idempotency_key"


def nested(levels: int) -> bytes:
    return b'{"in":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


def with_text(payload: Payload, text: bytes) -> bytes:
    return orjson.dumps(payload).replace(b'"@"', text)


@pytest.mark.parametrize("levels", [30, 31, 200, 1000, 2000])
@pytest.mark.parametrize(
    "item",
    [trace(pipeline_config="@"), trace(status="?", tags="@"), span(attributes="@"), span(colour="@"), {"a": "@"}],
)
def test_a_batch_that_nests_too_deep_is_refused_whole(item: Payload, levels: int) -> None:
    for payload in (batch(span(), item), item):
        with pytest.raises(EnvelopeError, match="nested deeper"):
            read_document(with_text(payload, nested(levels)), Reader())


def test_a_batch_may_nest_thirty_two_levels() -> None:
    assert read_batch(with_text(batch(trace(pipeline_config="@")), nested(29)), Reader()).errors == ()


def test_nesting_is_judged_before_names_that_stand_twice() -> None:
    item = with_text(batch(span(), trace(pipeline_config="@", started_at="#")), nested(900))
    with pytest.raises(EnvelopeError, match="nested deeper"):
        read_batch(item.replace(b'"started_at":"#"', b'"retry_count":1,"retry_count":2'), Reader())


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("faulty", "field"),
    [
        (span(attributes={f"a{number}": None for number in range(100_000)}), "$.attributes.a0"),
        (span(attributes={f"custom.a{number}": None for number in range(100_000)}), "$.attributes['custom.a0']"),
        (event(artifact_refs=[{}] * 1_000_000), "$.artifact_refs[0].kind"),
        (event(**{f"a{number}": None for number in range(100_000)}), "$.a0"),
    ],
    ids=["names", "values", "list", "fields"],
)
def test_an_item_of_very_many_faults_costs_no_more_than_its_size(faulty: Payload, field: str) -> None:
    """The library that lists all errors would need more memory here than a machine has."""
    assert fault(faulty)[1] == field


def test_of_many_attributes_the_same_fault_is_told_in_any_order() -> None:
    sound: Payload = {f"custom.{number:03}": number for number in range(90)}
    cases: list[Payload] = [
        {"custom.080": None, "custom.085": []},
        {"custom.A": 1, "custom.B": 2},
        {"ovpo.x": {}, "gpu.y": []},
    ]
    for faults in cases:
        attributes = {**sound, **faults}
        upside_down = dict(reversed(attributes.items()))
        told = fault(span(attributes=attributes))
        assert told == fault(span(attributes=upside_down))
        assert told[1].removeprefix("$.attributes['").removesuffix("']") in faults


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"schema_version": "1", "items": []}, "SCHEMA_MISMATCH", "$.schema_version"),
        ({"items": [0] * 5001, "batch_id": "x"}, "TOO_MANY_ITEMS", "$.items"),
        ({"batch_id": "x", "colour": 1}, "INVALID_UUID", "$.batch_id"),
        ({"colour": 1}, "INVALID_SCHEMA", "$.colour"),
        ({"items": None}, "INVALID_SCHEMA", "$.items"),
        ({"idempotency_key": "é" * 65}, "FIELD_TOO_LARGE", "$.idempotency_key"),
    ],
)
def test_a_malformed_envelope_refuses_the_batch(change: Payload, code: str, field: str) -> None:
    error = refusal({**batch(span()), **change})
    assert (error.code, error.field) == (code, field)


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"', b"true"])
def test_what_is_no_object_is_no_batch(body: bytes) -> None:
    with pytest.raises(EnvelopeError, match="INVALID_SCHEMA"):
        read_batch(body, Reader())


def test_a_document_is_a_batch_or_an_item() -> None:
    assert isinstance(read_document(orjson.dumps(batch(span())), Reader()), ReadBatch)
    assert isinstance(read_document(orjson.dumps(span()), Reader()), Item)
    assert isinstance(read_document(orjson.dumps(span(name=1)), Reader()), ItemError)
    assert isinstance(read_document(b"5", Reader()), ItemError)
