# SPDX-License-Identifier: Apache-2.0
"""What holds for every payload: valid ones are taken as they are, no other one gets away, crashes or divides the doors.

The doors are the function that the collector calls and the command that people call. The schemas are also held against
a second implementation of JSON Schema, so that they mean what they say and not what one library makes of them.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator as OtherValidator  # type: ignore[import-untyped]
from jsonschema_rs import Draft202012, Draft202012Validator
from jsonschema_rs import Registry as RsRegistry
from referencing import Registry, Resource
from typer.testing import CliRunner

from ovpo.cli.main import app
from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.canonical import canonical, settled
from ovpo.telemetry.contract.outcome import EnvelopeError, ReadBatch
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.records import FailureKind, SpanKind
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.contract.validators import BASE, documents

CODES = {
    Code.INVALID_SCHEMA,
    Code.MISSING_FIELD,
    Code.INVALID_FORMAT,
    Code.INVALID_UUID,
    Code.SCHEMA_MISMATCH,
    Code.FIELD_TOO_LARGE,
    Code.TOO_MANY_ITEMS,
    Code.FORBIDDEN,
    Code.PAYLOAD_TOO_LARGE,
}
READER = Reader(tenant_id="demo")
SCHEMAS = {"trace": "trace.schema.json", "span": "span.schema.json", "event": "frame_event.schema.json"}
LARGEST = 2**63 - 1

Payload = dict[str, Any]


def text(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(characters, min_size=shortest, max_size=longest)


def number(low: float | None = None, high: float | None = None) -> st.SearchStrategy[float]:
    reals = st.floats(low, high, allow_nan=False, allow_infinity=False)
    whole = st.integers(
        -(2**63) if low is None else int(low),
        LARGEST if high is None else int(high),
    )
    return st.one_of(reals, whole)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=count, max_size=count)


def mapping(required: Payload, optional: Payload) -> st.SearchStrategy[Payload]:
    return st.fixed_dictionaries(required, optional=optional)


def name(first: str, alphabet: str) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=20).map(lambda rest: first + rest)


ids = st.uuids(version=4).map(str)
moments = st.tuples(
    st.integers(0, 7_000_000_000_000_000).map(lambda micros: datetime.fromtimestamp(micros / 1e6, UTC)),
    st.sampled_from(["Z", "+00:00", "-05:30", "+14:00", "z"]),
).map(lambda parts: parts[0].replace(tzinfo=None).isoformat() + parts[1])
counts = st.integers(0, LARGEST)
hashes = digits(64)
uris = st.tuples(
    st.sampled_from(["s3", "gs", "azure", "https", "ovpo"]), st.from_regex(r"[a-z0-9/._-]{1,40}", fullmatch=True)
)
artifacts = uris.map(lambda parts: f"{parts[0]}://bucket/{parts[1]}")
checksums = st.one_of(digits(64).map("sha256:{}".format), digits(32).map("md5:{}".format))
ttls = st.integers(1, LARGEST)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | number() | text(20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text(10), inner, max_size=4),
    max_leaves=8,
)
open_objects = st.dictionaries(text(10), anything, max_size=4)
tags = st.dictionaries(name("", "abcdefghijklmnopqrstuvwxyz0123456789_-"), text(60), max_size=5)
manifests = mapping(
    {
        "primary_output": mapping(
            {"url": artifacts, "format": text(32), "checksum": checksums},
            {
                "codec": text(64),
                "resolution": st.from_regex(r"[0-9]{1,4}x[0-9]{1,4}", fullmatch=True),
                "duration_sec": number(0),
                "file_size_bytes": counts,
            },
        )
    },
    {
        "intermediate_artifacts": st.lists(
            mapping({"type": text(64), "url": artifacts, "checksum": checksums}, {"ttl_hours": ttls}), max_size=3
        )
    },
)
failures = mapping(
    {"kind": st.sampled_from([str(kind) for kind in FailureKind]), "message": text(60), "retryable": st.booleans()},
    {"stage": text(64), "error_code": text(64), "details": open_objects},
)
traces = mapping(
    {
        "type": st.just("trace"),
        "schema_version": st.just("0.08"),
        "trace_id": ids,
        "tenant_id": st.just("demo"),
        "status": st.sampled_from(["PENDING", "GENERATING", "COMPLETED", "CANCELLED", "TIMEOUT", "PARTIAL"]),
        "pipeline_config": open_objects,
        "input_context": mapping(
            {"prompt_hash": hashes},
            {
                "prompt_plaintext": text(60),
                "prompt_length": counts,
                "negative_prompt_hash": hashes,
                "seed": st.integers(0, 2**64 - 1),
                "further": anything,
            },
        ),
        "created_at": moments,
    },
    {
        "parent_trace_id": ids,
        "user_id_hash": hashes,
        "output_manifest": manifests,
        "cost_attribution": mapping(
            {}, {"project": text(128), "center": text(128), "campaign": text(128), "tags": tags}
        ),
        "failure": failures,
        "retry_count": counts,
        "tags": tags,
        "started_at": moments,
        "completed_at": moments,
    },
)
spans = mapping(
    {
        "type": st.just("span"),
        "schema_version": st.just("0.08"),
        "span_id": ids,
        "trace_id": ids,
        "span_kind": st.sampled_from([str(kind) for kind in SpanKind]),
        "name": text(128),
        "start_time": moments,
        "end_time": moments,
        "status": st.sampled_from(["OK", "ERROR"]),
    },
    {
        "parent_span_id": ids,
        "duration_ms": number(0),
        "attributes": st.dictionaries(
            st.sampled_from(["ovpo.", "custom.", "otel.", "gpu.", "model."]).flatmap(
                lambda space: name(space, "abcdefghijklmnopqrstuvwxyz0123456789_.")
            ),
            text(60) | number() | st.booleans(),
            max_size=8,
        ),
    },
)
events = mapping(
    {
        "type": st.just("event"),
        "schema_version": st.just("0.08"),
        "event_id": ids,
        "trace_id": ids,
        "span_id": ids,
        "event_type": st.sampled_from(["frame_generated", "frame_error", "frame_sampled"]),
        "observed_at": moments,
        "frame_index": counts | st.integers(0, 2**40).map(float),
        "media_time_ms": number(0),
    },
    {
        "step_index": counts,
        "latent_stats": mapping({}, {"mean": number(), "std_dev": number(0), "nan_count": counts, "max_val": number()}),
        "quality_metrics": mapping(
            {},
            {
                "motion_score": number(0),
                "clip_text_similarity": number(-1, 1),
                "nsfw_score": number(0, 1),
                "of_ours": number(),
            },
        ),
        "gpu_metrics": mapping({}, {"vram_used_mb": number(0), "temperature_c": number(0, 120)}),
        "artifact_refs": st.lists(
            mapping({"kind": text(64), "uri": artifacts}, {"sha256": hashes, "ttl_hours": ttls}), max_size=3
        ),
        "provenance": mapping(
            {"source": st.sampled_from(["sdk", "processor"]), "source_version": text(64)}, {"computed_at": moments}
        ),
    },
)
items = traces | spans | events
batches = mapping(
    {
        "schema_version": st.just("0.08"),
        "batch_id": ids,
        "sent_at": moments,
        "items": st.lists(items, min_size=1, max_size=4),
    },
    {"idempotency_key": text(32, shortest=1)},
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every container of a payload with each of its keys."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield value, key
            yield from places(part)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield value, index
            yield from places(part)


@st.composite
def mutated(draw: st.DrawFn, payloads: st.SearchStrategy[Payload]) -> Payload:
    """Draw a payload and change one to three places of it."""
    payload: Payload = json.loads(json.dumps(draw(payloads)))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(payload))
        container, key = found[draw(st.integers(0, len(found) - 1))]
        match draw(st.sampled_from(["remove", "replace", "upper", "longer", "negate", "add"])):
            case "remove":
                del container[key]
            case "upper" if isinstance(container[key], str):
                container[key] = container[key].upper()
            case "longer" if isinstance(container[key], str):
                container[key] += draw(st.sampled_from(["a", "é" * 300, "0" * 2100, " "]))
            case "negate" if isinstance(container[key], (int, float)):
                container[key] = -container[key]
            case "add" if isinstance(container, dict):
                container[draw(st.sampled_from(["legal_hold", "custom.A", "tenant_id", "status", "type"]))] = draw(
                    anything
                )
            case _:
                container[key] = draw(anything)
        if not payload:
            break
    return payload


def outcome(body: bytes) -> tuple[ReadBatch | None, list[tuple[int | None, str, str]]]:
    """Read a body and give what was read, with index, code and field of whatever was refused."""
    try:
        batch = read_batch(body, READER)
    except EnvelopeError as error:
        return None, [(None, error.code, error.field)]
    return batch, [(error.item_index, error.code, error.field) for error in batch.errors]


@given(batches)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_valid_batch_is_taken_whole_and_loses_nothing(batch: Payload) -> None:
    read, refused = outcome(orjson.dumps(batch))
    assert refused == []
    assert read is not None
    assert [item.index for item in read.accepted] == list(range(len(batch["items"])))
    for item, sent in zip(read.accepted, batch["items"], strict=True):
        assert orjson.loads(item.raw) == sent
        assert item.raw == canonical(settled(sent))
        assert item.type == sent["type"]
        assert item.record.trace_id == sent["trace_id"]


@given(batches)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_spelling_does_not_change_what_is_read(batch: Payload) -> None:
    plain, _ = outcome(orjson.dumps(batch))
    spelt, _ = outcome(json.dumps(batch, indent=3, ensure_ascii=True, sort_keys=True).encode())
    assert plain == spelt


@given(mutated(batches))
@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_sent_each_item_is_accepted_or_refused_with_a_code(batch: Payload) -> None:
    read, refused = outcome(orjson.dumps(batch))
    assert {code for _, code, _ in refused} <= CODES
    assert all(field.startswith("$") for _, _, field in refused)
    if read is None:
        assert len(refused) == 1
    else:
        told = [item.index for item in read.accepted] + [error.item_index for error in read.errors]
        assert sorted(told) == list(range(len(batch["items"])))


def backwards(value: Any) -> Any:
    """Give an equal payload with the names of each object in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(part) for part in value] if isinstance(value, list) else value


@given(mutated(batches))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_of_names_does_not_change_the_answer(batch: Payload) -> None:
    assert outcome(orjson.dumps(backwards(batch))) == outcome(orjson.dumps(batch))


@given(mutated(batches))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_item_does_not_depend_on_its_neighbours(batch: Payload) -> None:
    together, refused = outcome(orjson.dumps(batch))
    if together is None:
        return
    alone = []
    for index, item in enumerate(batch["items"]):
        _, errors = outcome(orjson.dumps({**batch, "items": [item]}))
        alone += [(index, code, field) for _, code, field in errors]
    assert alone == refused


@given(batches, st.data())
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_broken_bytes_never_crash(batch: Payload, data: st.DataObject) -> None:
    body = bytearray(orjson.dumps(batch))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    _, refused = outcome(bytes(body))
    assert {code for _, code, _ in refused} <= CODES


@given(st.binary(max_size=60))
@settings(deadline=None)
@example(b"")
@example(b"null")
@example(b"[" * 100_000)
@example(b'{"items":' * 50_000)
def test_any_bytes_get_an_answer(body: bytes) -> None:
    read, refused = outcome(body)
    assert read is None
    assert {code for _, code, _ in refused} <= CODES


@given(mutated(batches) | batches)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_the_command_and_the_collector_say_the_same(batch: Payload) -> None:
    body = orjson.dumps(batch)
    try:
        read = read_batch(body, Reader())
    except EnvelopeError as error:
        if error.code is Code.MISSING_FIELD:
            return  # without its own fields a body is no batch to the command, which takes single items too
        expected: list[tuple[int | None, str, str, str]] = [(None, str(error.code), error.field, error.message)]
    else:
        expected = [(error.item_index, str(error.code), error.field, error.message) for error in read.errors]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "payload.json"
        file.write_bytes(body)
        done = CliRunner().invoke(app, ["schema", "validate", str(file), "--json"])
    said = json.loads(done.stdout)
    assert done.exit_code == (1 if expected else 0)
    assert [(one["item_index"], one["code"], one["field"], one["message"]) for one in said["errors"]] == expected


def without_formats(reference: str) -> tuple[Draft202012Validator, OtherValidator]:
    """Compile a schema twice; formats are left out, because implementations may differ in which they know."""
    schemas = documents()
    root = {"$ref": BASE + reference}
    rs = RsRegistry([(schema["$id"], schema) for schema in schemas.values()], draft=Draft202012)
    other: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()
    )
    return Draft202012Validator(root, registry=rs, validate_formats=False), OtherValidator(root, registry=other)


BOTH = {kind: without_formats(reference) for kind, reference in SCHEMAS.items()}
BOTH_OF_BATCH = without_formats("ingest_batch.schema.json")


@given(mutated(items) | items)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_another_implementation_reads_the_schemas_alike(item: Payload) -> None:
    for ours, other in [*BOTH.values(), BOTH_OF_BATCH]:
        for value in (item, {"schema_version": "0.08", "batch_id": "x", "items": [item]}):
            assert ours.is_valid(value) == other.is_valid(value)


@given(mutated(batches) | batches)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_keeps_the_schema_of_the_whole_batch(batch: Payload) -> None:
    read, refused = outcome(orjson.dumps(batch))
    if read is not None and not refused:
        assert BOTH_OF_BATCH[1].is_valid(batch)
    if not BOTH_OF_BATCH[1].is_valid(batch):
        assert refused
